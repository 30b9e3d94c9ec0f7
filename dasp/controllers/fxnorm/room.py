"""Rooms that are added to stems, so that a network that mixes has heard dry and wet ones."""

import torch
from torch import Tensor

from dasp.functional.noise_shaped_reverb import CENTRES_HZ, noise_shaped_reverb
from dasp.signal.biquad import design_high_shelf, design_low_shelf
from dasp.signal.iir import sosfilt

SHELF_DB = -30.0
"""What the room does not hear: the lows and the highs of the stem."""

LOW_HZ, HIGH_HZ, RT60_S = (500.0, 700.0), (7000.0, 10_000.0), (2.0, 4.0)
MIX = (0.1, 0.3)


def add_room(x: Tensor, sample_rate: float, *, generator: torch.Generator) -> Tensor:
    """Add the reverberation of a random room to a stem.

    Lows and highs are turned down by 30 dB before the room, as in M. A. Martínez-Ramírez et al.,
    2022; the response is `noise_shaped_reverb`'s, whose decay of 2 to 4 s is drawn.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        generator: Draws the shelves, the decay, the level and the noise.

    Returns:
        Audio of the shape of `x`.
    """

    def drawn(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=generator).item()

    low_hz, high_hz = drawn(*LOW_HZ), drawn(*HIGH_HZ)
    shelves = torch.stack(
        [
            design_low_shelf(low_hz, sample_rate, gain_db=SHELF_DB),
            design_high_shelf(high_hz, sample_rate, gain_db=SHELF_DB),
        ]
    )
    heard, _ = sosfilt(x, shelves)
    rt60_s, mix = drawn(*RT60_S), drawn(*MIX)
    wet = noise_shaped_reverb(
        heard,
        sample_rate,
        band_gain_db=torch.zeros(len(CENTRES_HZ), dtype=x.dtype),
        rt60_s=torch.full((len(CENTRES_HZ),), rt60_s, dtype=x.dtype),
        mix=1.0,
        noise=generator,
    )
    return x + mix * wet
