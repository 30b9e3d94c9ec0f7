"""The stage "gain": levels and pans, with each track moved by its lag where that explains more."""

from dataclasses import replace

import torch
from torch import Tensor

from dasp.analysis.alignment import measure_delay
from dasp.estimation.unmixing.cross_spectra import cross_spectra
from dasp.estimation.unmixing.found import Found, descended, heard_anew, shifted
from dasp.estimation.unmixing.free_responses import free_responses
from dasp.estimation.unmixing.problem import Problem

MOST_LAG_S = 0.05
LEAST_LAG_SAMPLES = 8
"""A few samples are left to delays and filters, which tell them from an EQ."""

WORTH_A_LAG = 0.2
"""A track is moved if the error of the best responses falls by this share,"""

NO_LAGS = 1e-4
"""unless it is so small that nothing can have been moved."""


def gain(found: Found, problem: Problem) -> Found:
    """Run the stage "gain": find lags, and the gains of both sides by least squares.

    Args:
        found: The settings so far.
        problem: Tracks and mix.

    Returns:
        The settings with lags and gains.
    """
    lags = _lags(problem)
    if lags.any():
        found = heard_anew(replace(found, lag_samples=lags), problem)
    return descended(found, ("gain",))


def _lags(problem: Problem) -> Tensor:
    """Whole samples by which tracks are late in the mix; 0 where a lag does not lower the error."""
    most = round(MOST_LAG_S * problem.sample_rate)
    lags = torch.zeros(len(problem.tracks), dtype=torch.float64)
    middle = problem.mix[..., problem.excerpt].sum(0, keepdim=True)
    error = _free_error(problem, lags)
    for k, track in enumerate(problem.tracks[..., problem.excerpt]):
        trial = lags.clone()
        trial[k] = measure_delay(middle, track.sum(0, keepdim=True), max_delay_samples=most).round()
        if trial[k].abs() < LEAST_LAG_SAMPLES or error < NO_LAGS:
            continue
        trial_error = _free_error(problem, trial)
        if trial_error < error * (1 - WORTH_A_LAG):
            lags, error = trial, trial_error
    return lags


def _free_error(problem: Problem, lags: Tensor) -> float:
    """The share of the excerpt that no responses explain, whatever EQ the tracks have."""
    tracks, mix = problem.tracks[..., problem.excerpt], problem.mix[..., problem.excerpt]
    spectra = cross_spectra(shifted(tracks, lags, problem.sample_rate), mix, problem.sample_rate)
    none, everyone = torch.zeros_like(spectra.mix), torch.ones_like(lags, dtype=torch.bool)
    H, _ = free_responses(spectra, none, everyone)
    return (spectra.error(spectra.coefficients(H)) / spectra.power).item()
