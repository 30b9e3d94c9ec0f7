"""What has been found of a mix so far, and what it makes of the tracks, step by step.

A track comes late, goes through a compressor, and then through its strip or a short filter; the
sum goes through a room and the master.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dasp.estimation.least_squares import FilterFit
from dasp.estimation.unmixing.compression import compress
from dasp.estimation.unmixing.cross_spectra import CrossSpectra, around, cross_spectra
from dasp.estimation.unmixing.linear_strips import (
    LinearStrips,
    fit_strips,
    plain_strips,
    solve_gains,
    strip_responses,
)
from dasp.estimation.unmixing.problem import Problem
from dasp.functional import time_shift
from dasp.mixing.settings import Stage
from dasp.signal.fftconv import fft_convolve
from dasp.signal.iir import sosfilt


@dataclass(frozen=True)
class Found:
    """The settings of a mix, as far as they are known; what is None or empty does nothing."""

    strips: LinearStrips
    spectra: CrossSpectra
    """Of the tracks as they come to the strips, which the strips do not change."""
    lag_samples: Tensor
    """Whole samples by which tracks come late, `(tracks,)`."""
    filters: FilterFit | None = None
    """In the place of the strips, where short filters are asked for."""
    compressors: Tensor | None = None
    """Controls `(tracks, 4)`."""
    room: Tensor | None = None
    """Impulse responses of the bus to which all tracks go, `(2, taps)`."""
    master: tuple[Stage, ...] = ()

    @classmethod
    def nothing(cls, problem: Problem) -> "Found":
        """Every track at its own level in the centre."""
        count = len(problem.tracks)
        return cls(
            plain_strips(torch.ones(count, 2)),
            cross_spectra(problem.tracks, problem.mix, problem.sample_rate),
            torch.zeros(count, dtype=torch.float64),
        )


def before_strips(found: Found, problem: Problem, part: slice = slice(None)) -> Tensor:
    """Tracks that are aligned and compressed, `(tracks, channels, time)`."""
    tracks = problem.tracks
    if found.lag_samples.any():
        tracks = shifted(tracks, found.lag_samples, problem.sample_rate)
    tracks = tracks[..., part]
    if found.compressors is not None:
        tracks = compress(tracks, problem.sample_rate, found.compressors)
    return tracks


def images(found: Found, tracks: Tensor, sample_rate: float) -> Tensor:
    """What each track contributes to the sum, `(tracks, 2, time)`."""
    if found.filters is not None:
        return found.filters.images(tracks)
    strips = found.strips
    shaped = sosfilt(tracks, strips.sections(sample_rate)[:, None])[0]
    if strips.delay_samples.any():
        shaped = shifted(shaped, strips.delay_samples, sample_rate)
    return shaped * strips.gains[..., None]


def dry_sum(found: Found, problem: Problem) -> Tensor:
    """What all tracks contribute together, before the room and the master, `(2, time)`."""
    return images(found, before_strips(found, problem), problem.sample_rate).sum(0)


def in_room(x: Tensor, room: Tensor | None) -> Tensor:
    """`x`, and what the room answers."""
    return x if room is None else x + fft_convolve(x, room.to(x))


def strip_inputs(found: Found, problem: Problem) -> Tensor:
    """Tracks as they come to the strips, in the room, which may as well come first."""
    tracks = before_strips(found, problem)
    return tracks if found.room is None else in_room(tracks.expand(-1, 2, -1), found.room)


def shifted(tracks: Tensor, delay_samples: Tensor, sample_rate: float) -> Tensor:
    """Each track later by its delay."""
    return time_shift(tracks, sample_rate, delay_samples=delay_samples)


def residual(found: Found, problem: Problem) -> tuple[Tensor, float]:
    """What the strips leave of the mix, and its share of the power."""
    left = problem.mix - images(found, strip_inputs(found, problem), problem.sample_rate).sum(0)
    return left, (left.square().sum() / problem.mix.square().sum()).item()


def heard_anew(found: Found, problem: Problem) -> Found:
    """The same after something before the strips has changed: other cross-spectra."""
    inputs = strip_inputs(found, problem)
    return replace(found, spectra=cross_spectra(inputs, problem.mix, problem.sample_rate))


def spectra_around(found: Found, inputs: Tensor, left: Tensor) -> CrossSpectra:
    """Cross-spectra after which the strips leave exactly what is `left`."""
    return around(found.spectra, inputs, left, strip_responses(found.strips, found.spectra))


def descended(found: Found, parts: tuple[str, ...]) -> Found:
    """Parts of the strips at the least error."""
    strips = solve_gains(found.spectra, found.strips)
    if parts != ("gain",):
        strips = fit_strips(found.spectra, strips, parts)
    return replace(found, strips=strips)


def parts_in_use(strips: LinearStrips) -> tuple[str, ...]:
    """The parts of strips that do something."""
    there = {
        "gain": True,
        "delay": bool(strips.delay_samples.any()),
        "high_pass": bool(strips.high_pass_on.any()),
        "eq": bool(strips.eq_gain_db.any()),
    }
    return tuple(part for part, used in there.items() if used)
