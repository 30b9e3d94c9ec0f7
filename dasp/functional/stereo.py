"""Mid and side: the sum and the difference of a stereo signal."""

import torch
from torch import Tensor

from dasp._checks import check_channels
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_sample
from dasp.functional._param import Param
from dasp.functional._processor import Processor
from dasp.functional._run import memoryless
from dasp.units import db_to_gain


def to_mid_side(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mid (L + R) / 2 and side (L - R) / 2 of `(*batch, 2, time)`, each with one channel."""
    check_channels(x, 2)
    left, right = x.split(1, -2)
    return (left + right) / 2, (left - right) / 2


def from_mid_side(mid: Tensor, side: Tensor) -> Tensor:
    """The stereo signal of a mid and a side: L = M + S, R = M - S."""
    return torch.cat((mid + side, mid - side), -2)


@audio_processor
def stereo_widener(x: Tensor, sample_rate: float, *, width: Value) -> Tensor:
    """Scale the side signal of a stereo signal.

    Args:
        x: Audio `(*batch, 2, time)`.
        sample_rate: In Hz.
        width: Factor on the side signal, `(*batch)`, or `(*batch, time)` for one value a sample, 0
            or more: 0 is mono, 1 leaves `x` as it is, 2 doubles the side signal. [0 to 2]

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `x` does not have two channels, or `width` is below 0.

    >>> x = torch.randn(4, 2, 16)
    >>> torch.allclose(stereo_widener(x, 44_100, width=torch.ones(4)), x, atol=1e-5)
    True
    """
    mid, side = to_mid_side(x)
    return from_mid_side(mid, side * per_sample("width", width, x, low=0.0))


STEREO_WIDENER = Processor(
    memoryless(stereo_widener),
    Param("width", 0.0, 2.0, default=1.0, automatable=True),
    neutral={},
)


@audio_processor
def mid_side(x: Tensor, sample_rate: float, *, mid_gain_db: Value, side_gain_db: Value) -> Tensor:
    """Change the levels of the mid signal (L + R) / 2 and the side signal (L - R) / 2.

    Args:
        x: Audio `(*batch, 2, time)`.
        sample_rate: In Hz.
        mid_gain_db: Change of the level of the mid signal in dB, `(*batch)`, or `(*batch, time)`
            for one value a sample; 0 keeps the mid signal. [-60 to 12 dB]
        side_gain_db: Change of the level of the side signal in dB, of the same shapes; 0 keeps the
            side signal. [-60 to 12 dB]

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `x` does not have two channels, or a gain has another shape.

    >>> left = torch.tensor([[1.0], [0.0]])
    >>> mono = mid_side(left, 44_100, mid_gain_db=0.0, side_gain_db=-120.0)
    >>> torch.allclose(mono, torch.tensor([[0.5], [0.5]]), atol=1e-5)
    True
    """
    mid, side = to_mid_side(x)
    return from_mid_side(
        mid * db_to_gain(per_sample("mid_gain_db", mid_gain_db, x)),
        side * db_to_gain(per_sample("side_gain_db", side_gain_db, x)),
    )


MID_SIDE = Processor(
    memoryless(mid_side),
    Param("mid_gain_db", -60.0, 12.0, default=0.0, automatable=True),
    Param("side_gain_db", -60.0, 12.0, default=0.0, automatable=True),
    neutral={},
)
