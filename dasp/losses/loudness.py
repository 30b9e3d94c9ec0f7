"""Difference of loudness."""

from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.losses._pair import paired, reduced


def loudness(
    output: Tensor, target: Tensor, sample_rate: float, *, reduction: str = "mean"
) -> Tensor:
    """Absolute difference of integrated loudness (ITU-R BS.1770-4) in LU.

    >>> import torch
    >>> target = 0.1 * torch.randn(1, 44_100)
    >>> round(loudness(0.5 * target, target, 44_100).item(), 2)
    6.02
    """
    output, target = paired(output, target)
    error = measure_loudness(output, sample_rate) - measure_loudness(target, sample_rate)
    return reduced(error.abs(), reduction)
