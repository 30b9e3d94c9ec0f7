"""Matches: settings that bring a mix to the style of a reference."""

from dasp.estimation.matching.match import Match, match

__all__ = ["Match", "match"]
