"""Difference of loudness."""

from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.losses._pair import paired, reduced


def loudness(
    output: Tensor, target: Tensor, sample_rate: float, *, reduction: str = "mean"
) -> Tensor:
    """Compute the absolute difference of the integrated loudness of two signals.

    Args:
        output: Audio `(*batch, channels, time)`.
        target: Audio of the shape of `output`.
        sample_rate: In Hz, above 3364.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss in LU: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape, or loudness has no weights for their channels.

    Source: ITU-R BS.1770-4.

    >>> import torch
    >>> target = 0.1 * torch.randn(1, 44_100)
    >>> round(loudness(0.5 * target, target, 44_100).item(), 2)
    6.02
    """
    output, target = paired(output, target)
    error = measure_loudness(output, sample_rate) - measure_loudness(target, sample_rate)
    return reduced(error.abs(), reduction)
