"""Levels in narrow bands over time: what a fit first makes equal, by least squares.

In decibels a gain, the bands of an equaliser and the reduction of a compressor add up, so that far
fewer answers are best only nearby than for the waveform; and a quiet band weighs as much as a loud
one. Sixths of an octave tell the peaks of an equaliser from one another.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dasp.signal.stft import stft

FRAME_S = 0.046
LOWEST_HZ, PER_OCTAVE = 40.0, 6

FLOOR, SILENCE = 1e-3, 1e-8
"""Levels under these shares, of the mean of their band and of the loudest, are as good as none."""

UNIT_DB = 20.0
"""A mean difference of so much counts as an error of 1."""


def levels_apart(target: Tensor, sample_rate: float) -> Callable[[Tensor], Tensor]:
    """Prepare the error of levels in narrow bands over time against a target.

    Args:
        target: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        A function from an output `(..., channels, time)` to its error `(..., m)`, whose squares add
        up to the mean squared difference of levels in units of `UNIT_DB`.
    """
    fft_size = frame_size(sample_rate)
    bands = bands_of(fft_size, sample_rate).to(target)

    def powers(x: Tensor) -> Tensor:
        spectra = torch.view_as_real(stft(x, fft_size, fft_size // 2).mT)  # as they lie in memory
        return spectra.square().sum(-1).mean(-3) @ bands

    wanted = powers(target)
    floor = FLOOR * wanted.mean(-2, keepdim=True) + SILENCE * wanted.max() + 1e-30
    wanted_db = 10 * torch.log10(wanted + floor)
    unit = UNIT_DB * math.sqrt(wanted.numel())
    return lambda x: ((10 * torch.log10(powers(x) + floor) - wanted_db) / unit).mT.flatten(-2)


def frame_size(sample_rate: float) -> int:
    """Number of samples of a spectrum, a power of 2.

    Args:
        sample_rate: In Hz.

    Returns:
        About `FRAME_S` in samples.
    """
    return 2 ** max(1, round(math.log2(FRAME_S * sample_rate)))


def bands_of(fft_size: int, sample_rate: float) -> Tensor:
    """Compute the weights of the mean over the bins of each band that has any.

    Args:
        fft_size: Number of samples of a spectrum.
        sample_rate: In Hz.

    Returns:
        Weights `(bins, bands)`.
    """
    freq_hz = torch.arange(fft_size // 2 + 1) * (sample_rate / fft_size)
    octaves = torch.log2(freq_hz.clamp(min=1e-9) / LOWEST_HZ)
    number = torch.floor(PER_OCTAVE * octaves)
    each = torch.unique(number[number >= 0])
    bands = (number[:, None] == each).double()
    return bands / bands.sum(0)
