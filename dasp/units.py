"""Conversions between the units that people set and the numbers that kernels use."""

import math
from typing import TypeVar

import torch
from torch import Tensor

from dasp._bounds import at_least

Number = TypeVar("Number", float, Tensor)
"""A number, or one for each element of a tensor."""

SILENCE_DB = -160.0
"""What silence measures in decibels, so that its logarithm stays finite."""

SILENT_POWER = 10 ** (SILENCE_DB / 10)
"""The power of silence. A denominator that does not fall under it makes no 0 / 0."""

_SMALLEST_GAIN = 10 ** (SILENCE_DB / 20)


def db_to_gain(db: Number) -> Number:
    """Amplitude gain of a level in decibels: 10^(dB / 20).

    >>> round(db_to_gain(20.0), 9)
    10.0
    """
    return 10 ** (db / 20)


def gain_to_db(gain: Number) -> Number:
    """Level in decibels of an amplitude: 20 log10 |gain|, and `SILENCE_DB` for silence.

    >>> round(gain_to_db(0.1), 9)
    -20.0
    """
    if isinstance(gain, Tensor):
        return 20 * torch.log10(at_least(gain.abs(), _SMALLEST_GAIN))
    return 20 * math.log10(max(abs(gain), _SMALLEST_GAIN))


def power_to_db(power: Number) -> Number:
    """Level in decibels of a power: 10 log10(power), and `SILENCE_DB` for silence.

    >>> round(power_to_db(0.1), 9)
    -10.0
    """
    if isinstance(power, Tensor):
        return 10 * torch.log10(at_least(power, SILENT_POWER))
    return 10 * math.log10(max(power, SILENT_POWER))


def smoothing_coefficient(time_ms: Tensor, sample_rate: float) -> Tensor:
    """Pole of the one-pole smoother that covers 1 - 1/e (63 %) of a step in `time_ms`.

    exp(-1 / (time * rate)); a time of 0 follows its input at once.
    """
    time_samples = time_ms * (sample_rate / 1000)
    return torch.exp(-1 / at_least(time_samples, 1e-2))
