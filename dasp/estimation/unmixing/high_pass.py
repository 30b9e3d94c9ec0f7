"""The stage "high_pass": one for each track without which the mix is explained worse."""

from dataclasses import replace

from dasp.estimation.unmixing.cross_spectra import CrossSpectra
from dasp.estimation.unmixing.found import Found, descended
from dasp.estimation.unmixing.linear_strips import LinearStrips, linear_error, solve_gains
from dasp.estimation.unmixing.problem import Problem

STARTS_HZ = (60.0, 120.0, 200.0, 350.0)
LEAST_HZ = 20.0

WORTH_A_HIGH_PASS = 0.03
"""A high-pass stays if the error grows by this share without it."""


def high_pass(found: Found, problem: Problem) -> Found:
    """Run the stage "high_pass": add a high-pass to each track where it lowers the error.

    Args:
        found: The settings so far.
        problem: Tracks and mix.

    Returns:
        The settings with high-passes.
    """
    spectra, strips = found.spectra, found.strips
    error = linear_error(spectra, strips).item()
    for k in range(len(problem.tracks)):
        trials = []
        for freq_hz in STARTS_HZ:
            on, hz = strips.high_pass_on.clone(), strips.high_pass_hz.clone()
            on[k], hz[k] = True, freq_hz
            trial = solve_gains(spectra, replace(strips, high_pass_on=on, high_pass_hz=hz))
            trials.append((linear_error(spectra, trial).item(), trial))
        least, trial = min(trials, key=lambda pair: pair[0])
        if least < error * (1 - WORTH_A_HIGH_PASS):
            strips, error = trial, least
    return descended(replace(found, strips=strips), ("gain", "delay", "high_pass"))


def without_idle_high_passes(spectra: CrossSpectra, strips: LinearStrips) -> LinearStrips:
    """Turn off high-passes that lie below the lowest frequency of a document, or do little.

    Args:
        spectra: Cross-spectra of tracks and mix.
        strips: The strips.

    Returns:
        The strips.
    """
    for k in strips.high_pass_on.nonzero()[:, 0].tolist():
        on = strips.high_pass_on.clone()
        on[k] = False
        trial = replace(strips, high_pass_on=on)
        most = linear_error(spectra, strips) * (1 + WORTH_A_HIGH_PASS)
        if linear_error(spectra, trial) <= most or strips.high_pass_hz[k] < LEAST_HZ:
            strips = trial
    return strips
