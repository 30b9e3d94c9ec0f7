"""How long the stage "eq" looks for new starts."""

import importlib
from types import SimpleNamespace

import pytest
import torch

from dasp.estimation.unmixing.linear_strips import plain_strips
from dasp.estimation.unmixing.starts import NewStart

# Its name in the package is the function.
stage = importlib.import_module("dasp.estimation.unmixing.eq")


@pytest.mark.parametrize(
    ("error", "least", "rounds"),
    [
        (1e-5, 1e-9, 1 + stage.MOST_IDLE_FAR),  # an answer exists, and is not found yet
        (7e-3, 3e-3, 1 + stage.MOST_IDLE),  # a room: no responses explain more
        (5e-9, 1e-12, 1 + stage.MOST_IDLE),  # as good as found
    ],
)
def test_new_starts_go_on_for_longer_where_the_answer_must_be_elsewhere(
    monkeypatch, error, least, rounds
):
    tries = []

    def begin_again(spectra, strips, parts, generator, **options):
        tries.append(options["tries"])
        return NewStart(strips, True, least)

    monkeypatch.setattr(stage, "begin_again", begin_again)
    monkeypatch.setattr(stage, "residual", lambda *_: (torch.zeros(2, 8), error))
    for name in ("spectra_around", "solve_gains", "without_absent", "fit_strips"):
        monkeypatch.setattr(stage, name, lambda first, *_: first)
    monkeypatch.setattr(stage, "replace", lambda found, **_: found)
    found = SimpleNamespace(strips=plain_strips(torch.ones(2, 2)))
    stage._searched(found, None, torch.zeros(2, 1, 8), ("gain", "eq"))
    assert tries == list(range(1, rounds + 1))
