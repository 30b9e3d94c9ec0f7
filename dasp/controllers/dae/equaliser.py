"""A static equaliser between raw tracks and stems, which every network has to beat.

In each bin its gain is the ratio of the mean magnitude of the stem to that of the raw track: of one
pair, whose stem is then known, or in decibels the mean over many pairs.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from dasp.controllers.dae.frames import magnitudes, with_magnitudes
from dasp.units import db_to_gain, gain_to_db

FFT_SIZE = 2048
QUIET_DB = -80.0
"""Under the loudest bin of a mean spectrum all is taken to be so loud: what a track hardly holds
says nothing of an equaliser."""


def response_db(raw: Tensor, stem: Tensor) -> Tensor:
    """Measure what a static equaliser would do to a raw track.

    Args:
        raw: Audio `(time,)`.
        stem: Audio `(time,)`.

    Returns:
        Gains in dB, `(FFT_SIZE // 2 + 1,)`.
    """
    return _mean_spectrum_db(stem) - _mean_spectrum_db(raw)


def mean_response_db(pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Learn one static equaliser from many pairs.

    Args:
        pairs: Raw track and stem, audio `(time,)`, of each.

    Returns:
        Gains in dB, `(FFT_SIZE // 2 + 1,)`.
    """
    return torch.stack([response_db(*pair) for pair in pairs]).mean(0)


def equalise(x: Tensor, gains_db: Tensor) -> Tensor:
    """Equalise audio.

    Args:
        x: Audio `(*batch, time)`.
        gains_db: Gains in dB, `(FFT_SIZE // 2 + 1,)`.

    Returns:
        Audio of the shape of `x`.
    """
    gains = db_to_gain(gains_db).to(x)
    return with_magnitudes(x, FFT_SIZE, lambda heard: heard * gains)


def _mean_spectrum_db(x: Tensor) -> Tensor:
    spectrum = magnitudes(x, FFT_SIZE).mean(-2)
    floor = spectrum.amax().clamp(min=1e-9) * db_to_gain(QUIET_DB)
    return gain_to_db(torch.maximum(spectrum, floor))
