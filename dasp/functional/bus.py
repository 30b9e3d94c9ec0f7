"""Buses: many tracks into one."""

from torch import Tensor

from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_sample
from dasp.functional._param import Param
from dasp.functional._processor import Processor
from dasp.functional._run import memoryless
from dasp.units import db_to_gain


@audio_processor
def stereo_bus(x: Tensor, sample_rate: float, *, send_db: Value) -> Tensor:
    """Sum tracks into one stereo bus.

    A mono track goes to both sides at its level; pan the track first to place it.

    Args:
        x: Tracks `(*batch, tracks, channels, time)`, mono or stereo.
        sample_rate: In Hz.
        send_db: Level at which each track is sent, in dB, `(*batch, tracks)`, or
            `(*batch, tracks, time)` for one value a sample; 0 sends a track as it is.
            [-60 to 12 dB]

    Returns:
        Stereo audio `(*batch, 2, time)`.

    Raises:
        ValueError: If `x` has no axis of tracks, or tracks of more than two channels.

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


STEREO_BUS = Processor(
    memoryless(stereo_bus), Param("send_db", -60.0, 12.0, default=0.0, automatable=True)
)
