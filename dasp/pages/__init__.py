"""Pages for a browser: listening tests, and a mix with its faders. Static files, no server."""

from dasp.pages.collector import collect
from dasp.pages.listening_test import KINDS, build_listening_test
from dasp.pages.mix_page import build_mix_page
from dasp.pages.results import Answers, load_answers, ratings_by_criterion

__all__ = [
    "KINDS",
    "Answers",
    "build_listening_test",
    "build_mix_page",
    "collect",
    "load_answers",
    "ratings_by_criterion",
]
