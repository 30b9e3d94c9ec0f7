"""The stage "filters": a short filter for each track and side, in the place of a strip."""

from dataclasses import replace

from dasp.estimation.least_squares import fit_filters
from dasp.estimation.unmixing.found import Found, before_strips
from dasp.estimation.unmixing.problem import Problem


def filters(found: Found, problem: Problem) -> Found:
    """Run the stage "filters": fit a short filter for each track and side by least squares.

    Args:
        found: The settings so far.
        problem: Tracks and mix.

    Returns:
        The settings with filters in the place of the strips.
    """
    tracks, mix = problem.faded(before_strips(found, problem)), problem.faded(problem.mix)
    return replace(found, filters=fit_filters(tracks, mix, taps=problem.filter_taps))
