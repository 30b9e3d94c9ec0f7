"""What has been found of a mix so far, and what it makes of the tracks, step by step.

A track comes late, goes through a compressor, and then through its strip or a short filter; the
sum goes through a room and the master.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dasp.estimation.least_squares import FilterFit
from dasp.estimation.unmixing.compression import FITTED, compress
from dasp.estimation.unmixing.cross_spectra import CrossSpectra, around, cross_spectra
from dasp.estimation.unmixing.linear_strips import (
    LinearStrips,
    fit_strips,
    plain_strips,
    rows_of,
    solve_gains,
    strip_responses,
)
from dasp.estimation.unmixing.problem import Problem
from dasp.functional import time_shift
from dasp.processors.strip import Strip
from dasp.signal.fftconv import fft_convolve
from dasp.signal.iir import sosfilt

AT_ONCE = 2**24
"""Samples that go through their strips together, or one track: more would only take memory."""


@dataclass(frozen=True)
class Found:
    """The settings of a mix, as far as they are known; each stage returns new ones.

    Args:
        strips: Gains, delays, high-passes and EQs of the tracks.
        spectra: Cross-spectra of the mix and the tracks as they come to the strips.
        lag_samples: Whole samples by which tracks are late, `(tracks,)`.
        filters: Filters `(tracks, 2, taps)`; where they have taps, in the place of the strips.
        compressors: Controls of the compressors in [0, 1], `(tracks, 4)`; all 0 for none.
        room: Impulse responses of the bus to which all tracks go, `(2, taps)`; no taps for none.
        master: The stages of the master strip.
    """

    strips: LinearStrips
    spectra: CrossSpectra
    lag_samples: Tensor
    filters: FilterFit
    compressors: Tensor
    room: Tensor
    master: Strip

    @classmethod
    def nothing(cls, problem: Problem) -> "Found":
        """Build the settings to begin with: every track at its own level in the centre.

        Args:
            problem: Tracks and mix.

        Returns:
            The settings.
        """
        count, zeros = len(problem.tracks), problem.tracks.new_zeros
        return cls(
            strips=plain_strips(zeros(count, 2) + 1),
            spectra=_spectra(problem.tracks, problem),
            lag_samples=zeros(count),
            filters=FilterFit(zeros(count, 2, 0), lead_samples=0, condition=1.0),
            compressors=zeros(count, len(FITTED)),
            room=zeros(2, 0),
            master=(),
        )

    @property
    def by_filters(self) -> bool:
        """Whether filters stand in the place of the strips."""
        return self.filters.filters.shape[-1] > 0

    @property
    def has_room(self) -> bool:
        """Whether the tracks go to a room."""
        return self.room.shape[-1] > 0


def aligned(found: Found, problem: Problem, part: slice = slice(None)) -> Tensor:
    """Move the tracks by their lags.

    Args:
        found: The settings.
        problem: Tracks and mix.
        part: The samples that are wanted.

    Returns:
        Audio `(tracks, channels, time)`.
    """
    return shifted(problem.tracks, found.lag_samples, problem.sample_rate)[..., part]


def before_strips(found: Found, problem: Problem) -> Tensor:
    """Align and compress the tracks.

    Args:
        found: The settings.
        problem: Tracks and mix.

    Returns:
        Audio `(tracks, channels, time)`.
    """
    tracks = aligned(found, problem)
    if found.compressors.any():
        tracks = compress(tracks, problem.sample_rate, found.compressors)
    return tracks


def images(found: Found, tracks: Tensor, sample_rate: float) -> Tensor:
    """Compute the contribution of each track to the sum, by its strip or its filters.

    Args:
        found: The settings.
        tracks: Audio `(tracks, channels, time)`, aligned and compressed.
        sample_rate: In Hz.

    Returns:
        Audio `(tracks, 2, time)`.
    """
    if found.by_filters:
        return found.filters.images(tracks)
    return _shaped(found.strips, tracks, sample_rate) * found.strips.gains[..., None]


def _shaped(strips: LinearStrips, tracks: Tensor, sample_rate: float) -> Tensor:
    """Tracks `(tracks, channels, time)` through their strips, but for the gains."""
    shaped = sosfilt(tracks, strips.sections(sample_rate)[:, None])[0]
    return shifted(shaped, strips.delay_samples, sample_rate)


def dry_sum(found: Found, problem: Problem) -> Tensor:
    """Compute the sum of all tracks, before the room and the master.

    Args:
        found: The settings.
        problem: Tracks and mix.

    Returns:
        Audio `(2, time)`.
    """
    return strip_sum(found, before_strips(found, problem), problem.sample_rate)


def strip_sum(found: Found, tracks: Tensor, sample_rate: float) -> Tensor:
    """Compute the sum of the contributions of all tracks, a few at a time where they are long.

    Args:
        found: The settings.
        tracks: Audio `(tracks, channels, time)`, aligned and compressed.
        sample_rate: In Hz.

    Returns:
        Audio `(2, time)`.
    """
    total = tracks.new_zeros(2, tracks.shape[-1])
    for some in torch.arange(len(tracks)).split(max(1, AT_ONCE // max(tracks[0].numel(), 1))):
        if found.by_filters:
            filters = replace(found.filters, filters=found.filters.filters[some])
            total += filters.images(tracks[some]).sum(0)
        else:
            strips = rows_of(found.strips, some)
            shaped = _shaped(strips, tracks[some], sample_rate).movedim(1, 0)
            for side, gains in enumerate(strips.gains.T):
                total[side] += gains @ shaped[min(side, len(shaped) - 1)]
    return total


def in_room(x: Tensor, room: Tensor) -> Tensor:
    """Add the reverberation of a room.

    Args:
        x: Audio `(..., 2, time)`.
        room: Impulse responses `(2, taps)`; without taps there is no room.

    Returns:
        Audio of the shape of `x`.
    """
    return x + fft_convolve(x, room.to(x)) if room.shape[-1] else x


def strip_inputs(found: Found, problem: Problem) -> Tensor:
    """Compute the input of the strips, in the room, which is linear and may as well come first.

    Args:
        found: The settings.
        problem: Tracks and mix.

    Returns:
        Audio `(tracks, channels, time)`.
    """
    tracks = before_strips(found, problem)
    return in_room(tracks.expand(-1, 2, -1), found.room) if found.has_room else tracks


def shifted(tracks: Tensor, delay_samples: Tensor, sample_rate: float) -> Tensor:
    """Delay each track.

    Args:
        tracks: Audio `(tracks, channels, time)`.
        delay_samples: Delay of each track in samples, `(tracks,)`; may be negative.
        sample_rate: In Hz.

    Returns:
        Audio of the shape of `tracks`.
    """
    if not delay_samples.any():
        return tracks
    return time_shift(tracks, sample_rate, delay_samples=delay_samples)


def residual(found: Found, problem: Problem, tracks: Tensor) -> tuple[Tensor, float]:
    """Compute the difference between the mix and the output of the strips in the room.

    Args:
        found: The settings.
        problem: Tracks and mix.
        tracks: The tracks as `before_strips` returns them, which takes its time.

    Returns:
        Audio `(2, time)`, and its share of the power of the mix, where either counts.
    """
    left = problem.mix - in_room(strip_sum(found, tracks, problem.sample_rate), found.room)
    return left, problem.share(left)


def heard_anew(found: Found, problem: Problem) -> Found:
    """Compute the cross-spectra again after a change before the strips.

    Args:
        found: The settings.
        problem: Tracks and mix.

    Returns:
        The same settings with new cross-spectra.
    """
    return replace(found, spectra=_spectra(strip_inputs(found, problem), problem))


def _spectra(inputs: Tensor, problem: Problem) -> CrossSpectra:
    return cross_spectra(inputs, problem.mix, problem.sample_rate, problem.stretches.heard)


def spectra_around(found: Found, left: Tensor) -> CrossSpectra:
    """Adjust the cross-spectra so that the strips leave exactly a known residual.

    Args:
        found: The settings.
        left: The residual, `(2, time)`.

    Returns:
        The adjusted cross-spectra.
    """
    return around(found.spectra, left, strip_responses(found.strips, found.spectra))


def descended(found: Found, parts: tuple[str, ...]) -> Found:
    """Fit parts of the strips, from where they stand.

    Args:
        found: The settings.
        parts: Parts to fit, as `fit_strips` takes them.

    Returns:
        The settings of the smallest error.
    """
    strips = solve_gains(found.spectra, found.strips)
    if parts != ("gain",):
        strips = fit_strips(found.spectra, strips, parts)
    return replace(found, strips=strips)


def parts_in_use(strips: LinearStrips) -> tuple[str, ...]:
    """List the parts of strips that are not neutral.

    Args:
        strips: The strips.

    Returns:
        Names of the parts, "gain" always among them.
    """
    there = {
        "gain": True,
        "delay": bool(strips.delay_samples.any()),
        "high_pass": bool(strips.high_pass_on.any()),
        "eq": bool(strips.eq_gain_db.any()),
    }
    return tuple(part for part, used in there.items() if used)
