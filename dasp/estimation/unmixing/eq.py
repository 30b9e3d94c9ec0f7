"""The stage "eq": descents of all tracks together, and new starts of single tracks, in turn."""

from dataclasses import replace

import torch
from torch import Tensor

from dasp.estimation.unmixing.absent import without_absent
from dasp.estimation.unmixing.found import (
    Found,
    before_strips,
    parts_in_use,
    residual,
    spectra_around,
)
from dasp.estimation.unmixing.high_pass import without_idle_high_passes
from dasp.estimation.unmixing.linear_strips import fit_strips, solve_gains
from dasp.estimation.unmixing.problem import Problem
from dasp.estimation.unmixing.starts import begin_again

MOST_ROUNDS = 24
MOST_IDLE, MOST_IDLE_FAR = 3, 8
"""Rounds of new starts in a row that may help little, near the answer and far from it; each of
these tries once more."""

FAR = 100.0
"""An error so many times what no responses explain is far from the answer, which must exist: a room
or a compressor leaves nearly as much with any responses."""

WORTH_A_ROUND = 0.1
NEAR_ENOUGH = 1e-10
"""An error, relative to the mix, from which on no other start is tried: a mix of 24 bits can be
explained to 1e-12, and what leaves more than this is not the answer yet."""

WORTH_DELAYS = 1e-4
"""An error from which on EQs are also looked for together with delays."""


def eq(found: Found, problem: Problem) -> Found:
    """Run the stage "eq": fit EQs and high-passes.

    The fit begins without delays, because a filter that turns the phase may look like a delay.

    Args:
        found: The settings so far.
        problem: Tracks and mix.

    Returns:
        The settings with EQs and high-passes.
    """
    delays, parts = found.strips.delay_samples, ("gain", "high_pass", "eq")
    prompt = replace(found.strips, delay_samples=torch.zeros_like(delays))
    tracks = before_strips(found, problem)
    best, error = _searched(replace(found, strips=prompt), problem, tracks, parts)
    if delays.any() and error > WORTH_DELAYS:
        late, its_error = _searched(found, problem, tracks, (*parts, "delay"))
        best = late if its_error < error else best
    strips = without_idle_high_passes(best.spectra, best.strips)
    return replace(best, strips=fit_strips(best.spectra, strips, parts_in_use(strips)))


def _searched(
    found: Found, problem: Problem, tracks: Tensor, parts: tuple[str, ...]
) -> tuple[Found, float]:
    """The least error after rounds of new starts and descents, and the settings that have it."""
    generator = torch.Generator().manual_seed(0)
    left, error = residual(found, problem, tracks)
    idle = 0
    for i in range(MOST_ROUNDS):
        spectra = spectra_around(found, left)
        start = begin_again(spectra, found.strips, parts, generator, tries=1 + idle)
        strips = fit_strips(spectra, solve_gains(spectra, start.strips), parts)
        trial = replace(found, strips=strips, spectra=spectra)
        if i == 1:
            trial = without_absent(trial, parts)
        trial_left, trial_error = residual(trial, problem, tracks)
        idle = idle + 1 if trial_error > error * (1 - WORTH_A_ROUND) else 0
        if trial_error < error:
            found, left, error = trial, trial_left, trial_error
        is_far = error > FAR * max(start.least, NEAR_ENOUGH)
        patience = (MOST_IDLE_FAR if is_far else MOST_IDLE) if start.is_random else 0
        if error < NEAR_ENOUGH or idle > patience:
            break
    return replace(found, spectra=spectra_around(found, left)), error
