"""The transform of real signals and its inverse, also of no signals at all.

The libraries behind `torch.fft` refuse a tensor without rows, such as an empty batch.
"""

import torch
from torch import Tensor


def rfft(x: Tensor, size: int | None = None) -> Tensor:
    """Compute the spectrum of a real signal, as `torch.fft.rfft` does, also of an empty batch.

    Args:
        x: Signal `(..., time)`.
        size: Length of the transform in samples; by default that of `x`. A longer signal is cut, a
            shorter one padded with zeros.

    Returns:
        Complex bins `(..., size // 2 + 1)`.

    >>> rfft(torch.zeros(0, 6)).shape
    torch.Size([0, 4])
    """
    if 0 not in x.shape[:-1]:
        return torch.fft.rfft(x, size)
    size = x.shape[-1] if size is None else size
    nothing = _of_length(x, size // 2 + 1)
    return torch.complex(nothing, torch.zeros_like(nothing))


def irfft(bins: Tensor, size: int) -> Tensor:
    """Compute the real signal of a spectrum, as `torch.fft.irfft` does, also of an empty batch.

    Args:
        bins: Complex bins `(..., size // 2 + 1)`.
        size: Length of the signal in samples.

    Returns:
        Signal `(..., size)`.

    >>> irfft(rfft(torch.ones(6)), 6).round()
    tensor([1., 1., 1., 1., 1., 1.])
    """
    if 0 not in bins.shape[:-1]:
        return torch.fft.irfft(bins, size)
    return _of_length(bins.real, size)


def _of_length(nothing: Tensor, length: int) -> Tensor:
    """Cut or pad an empty batch to another length, with the gradient of any other batch."""
    return nothing.sum(-1, keepdim=True).expand(*nothing.shape[:-1], length)
