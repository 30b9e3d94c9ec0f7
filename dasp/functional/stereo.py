"""Mid and side: the sum and the difference of a stereo signal."""

import torch
from torch import Tensor

from dasp._checks import check_channels
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, memoryless, per_sample
from dasp.units import db_to_gain


def to_mid_side(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mid (L + R) / 2 and side (L - R) / 2 of `(*batch, 2, time)`, each with one channel."""
    check_channels(x, 2)
    left, right = x.split(1, -2)
    return (left + right) / 2, (left - right) / 2


def from_mid_side(mid: Tensor, side: Tensor) -> Tensor:
    """The stereo signal of a mid and a side: L = M + S, R = M - S."""
    return torch.cat((mid + side, mid - side), -2)


@memoryless
@audio_processor
def stereo_widener(x: Tensor, sample_rate: float, *, width: Value) -> Tensor:
    """Scale the side signal: 0 is mono, 1 leaves `x` as it is, 2 doubles the side.

    `width` may move along time.

    >>> x = torch.randn(4, 2, 16)
    >>> torch.allclose(stereo_widener(x, 44_100, width=torch.ones(4)), x, atol=1e-5)
    True
    """
    mid, side = to_mid_side(x)
    return from_mid_side(mid, side * per_sample("width", width, x, low=0.0))


@memoryless
@audio_processor
def mid_side(x: Tensor, sample_rate: float, *, mid_gain_db: Value, side_gain_db: Value) -> Tensor:
    """Change the levels of mid and side; 0 dB of both leaves `x` as it is. Both may move."""
    mid, side = to_mid_side(x)
    return from_mid_side(
        mid * db_to_gain(per_sample("mid_gain_db", mid_gain_db, x)),
        side * db_to_gain(per_sample("side_gain_db", side_gain_db, x)),
    )
