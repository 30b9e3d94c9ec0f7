"""The stage "filters": a short filter for each track and side, in the place of a strip."""

from dataclasses import replace

from dasp.estimation.least_squares import fit_filters
from dasp.estimation.unmixing.found import Found, before_strips
from dasp.estimation.unmixing.problem import Problem


def filters(found: Found, problem: Problem) -> Found:
    """Least squares over all taps of all tracks."""
    tracks = before_strips(found, problem)
    return replace(found, filters=fit_filters(tracks, problem.mix, taps=problem.filter_taps))
