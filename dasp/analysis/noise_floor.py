"""The noise under a recording: what stays the same in all of its pauses."""

from typing import NamedTuple

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp.units import power_to_db

FRAME_S = 0.05
"""How long the frames are in which noise is looked for."""

LEAST_FRAMES = 80
QUIETEST = 1e-12
"""A frame of less power is digital silence."""

STEADY_DB, PAUSE_DB = 2.0, 20.0
"""Noise differs by so little from one pause to another, and is so far under what plays."""


class NoiseFloor(NamedTuple):
    """The noise of a recording.

    Args:
        level_db: Its power in dB.
        under_db: How far it is under the loud moments of the recording, in dB.
        pauses: Which of the frames have no more than it, `(frames)`.
    """

    level_db: float
    under_db: float
    pauses: Tensor


def find_noise_floor(powers: Tensor) -> NoiseFloor | None:
    """Find the noise of a recording in its pauses, where it has some.

    The noise is what the quietest tenth of the frames agree on, without those of digital silence.

    Args:
        powers: Mean power of frames that follow each other, of `FRAME_S` each, `(frames)`.

    Returns:
        The noise; None where no pauses are heard, or nothing is in them.

    Raises:
        ValueError: If `powers` is not one row.

    >>> find_noise_floor(torch.tensor([1.0, 1e-5] * 50)).level_db
    -50.0
    >>> find_noise_floor(torch.logspace(0, -6, 100)), find_noise_floor(torch.ones(100))
    (None, None)
    """
    check_range("powers.ndim", powers.ndim, low=1, high=1)
    levels_db = power_to_db(powers.double())
    heard_db = levels_db[powers > QUIETEST]
    if len(heard_db) < LEAST_FRAMES:
        return None
    at = torch.tensor([0.05, 0.1, 0.15, 0.95], dtype=torch.float64, device=powers.device)
    low, floor, high, loud = heard_db.quantile(at).tolist()
    if high - low > STEADY_DB or loud - floor < PAUSE_DB:
        return None
    return NoiseFloor(round(floor, 2), round(loud - floor, 2), levels_db <= floor + STEADY_DB)
