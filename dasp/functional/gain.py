"""Gain."""

from torch import Tensor

from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_sample
from dasp.functional._made_once import made_once
from dasp.functional._param import Param
from dasp.functional._processor import Processor
from dasp.functional._run import memoryless
from dasp.units import db_to_gain


@audio_processor
def gain(x: Tensor, sample_rate: float, *, gain_db: Value) -> Tensor:
    """Change the level of `x`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        gain_db: Change of level in dB, `(*batch)`, or `(*batch, time)` for one value a sample; 0
            leaves `x` as it is. [-60 to 24 dB]

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `gain_db` fits neither shape, or is no number.

    >>> import torch
    >>> gain(torch.ones(1, 3), 44_100, gain_db=-20.0)
    tensor([[0.1000, 0.1000, 0.1000]])
    """
    moves = not isinstance(gain_db, int | float)  # or may move, with a value for every sample
    return x * (_factor(x, gain_db) if moves else made_once(_factor, x, gain_db))


def _factor(x: Tensor, gain_db: Value) -> Tensor:
    return db_to_gain(per_sample("gain_db", gain_db, x))


GAIN = Processor(
    memoryless(gain),
    Param("gain_db", -60.0, 24.0, default=0.0, automatable=True),
    neutral={},
)
