"""The stage "compressor": compressors on an excerpt, and the strips behind them again."""

from dataclasses import replace
from functools import partial

from dasp.estimation.unmixing.compression import first_controls, fit_compressors
from dasp.estimation.unmixing.filters import filters
from dasp.estimation.unmixing.found import (
    Found,
    aligned,
    descended,
    heard_anew,
    images,
    parts_in_use,
)
from dasp.estimation.unmixing.problem import Problem

TURNS = 2


def compressor(found: Found, problem: Problem) -> Found:
    """Run the stage "compressor": fit compressors, and what is behind them, in turn.

    Args:
        found: The settings so far.
        problem: Tracks and mix.

    Returns:
        The settings with compressors.
    """
    part = problem.excerpt
    tracks = aligned(found, problem, part)
    controls = first_controls(tracks)
    for _ in range(TURNS):
        controls = fit_compressors(
            tracks, problem.mix[..., part], problem.sample_rate, controls,
            partial(images, found, sample_rate=problem.sample_rate),
        )  # fmt: skip
        found = _behind(replace(found, compressors=controls), problem)
    return found


def _behind(found: Found, problem: Problem) -> Found:
    """Fit the filters, or the strips, again to tracks whose compression has changed."""
    if found.by_filters:
        return filters(found, problem)
    return descended(heard_anew(found, problem), parts_in_use(found.strips))
