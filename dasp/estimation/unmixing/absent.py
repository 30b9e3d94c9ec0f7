"""Tracks that are not in a mix: without them it is explained as well."""

from dataclasses import replace

from dasp.estimation.unmixing.found import Found
from dasp.estimation.unmixing.linear_strips import fit_strips, linear_error, solve_gains

WORTH_A_TRACK = 0.01
"""A track is absent if the error grows by less than this share without it."""

LEAST_TRACK = 1e-6
"""Nor is a track heard that adds less than this share to the power of the mix."""


def without_absent(found: Found, parts: tuple[str, ...]) -> Found:
    """Remove the tracks that explain nothing of the mix, and fit the others again.

    Args:
        found: The settings so far.
        parts: Parts of the strips that are fitted again.

    Returns:
        The settings, with gains of 0 for the tracks that were removed, the least of them first.
    """
    spectra, strips = found.spectra, found.strips
    while (there := (strips.gains != 0).any(-1)).sum() > 1:
        error = linear_error(spectra, strips).item()
        trials = []
        for k in there.nonzero()[:, 0].tolist():
            gains = strips.gains.clone()
            gains[k] = 0
            trials.append(solve_gains(spectra, replace(strips, gains=gains)))
        trial = min(trials, key=lambda strips: linear_error(spectra, strips).item())
        trial = fit_strips(spectra, trial, parts, steps=10)
        if linear_error(spectra, trial).item() > error * (1 + WORTH_A_TRACK) + LEAST_TRACK:
            break
        strips = trial
    return replace(found, strips=strips)
