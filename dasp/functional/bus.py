"""Buses: many tracks into one."""

from torch import Tensor

from dasp._typing import Value
from dasp.functional._arguments import audio_processor, memoryless, per_sample
from dasp.units import db_to_gain


@memoryless
@audio_processor
def stereo_bus(x: Tensor, sample_rate: float, *, send_db: Value) -> Tensor:
    """Sum tracks `(*batch, tracks, channels, time)` into one stereo bus `(*batch, 2, time)`.

    `send_db` `(*batch, tracks)` is the level at which each track is sent, and may move along
    time. A mono track goes to both sides at its level; pan it first to place it.

    >>> import torch
    >>> y = stereo_bus(torch.ones(3, 1, 1), 44_100, send_db=0.0)
    >>> torch.allclose(y, torch.tensor([[3.0], [3.0]]))
    True
    """
    if x.ndim < 3 or x.shape[-2] not in (1, 2):
        raise ValueError(
            "x: expected tracks of shape (*batch, tracks, channels, time) with 1 or 2 channels, "
            f"got {tuple(x.shape)}"
        )
    sends = x * db_to_gain(per_sample("send_db", send_db, x))
    return sends.expand(*x.shape[:-2], 2, x.shape[-1]).sum(-3)
