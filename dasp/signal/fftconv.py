"""Convolution through the FFT, equal to the direct sum."""

import torch
from torch import Tensor


def fft_convolve(x: Tensor, h: Tensor, *, full: bool = False) -> Tensor:
    """Convolve `x` `(..., time)` with `h` `(..., taps)`; leading dimensions broadcast.

    Both are padded with zeros to at least time + taps - 1 samples, so nothing wraps around.
    Returns the first `time` samples, what a causal filter gives while `x` lasts, or with `full`
    all time + taps - 1 of them. Computed in the wider of the two types, returned in that of `x`.

    >>> fft_convolve(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0]), full=True)
    tensor([1., 3., 5., 3.])
    """
    if x.ndim < 1 or h.ndim < 1 or h.shape[-1] == 0:
        raise ValueError(
            f"h: expected shape (..., taps) with at least one tap to convolve x with, "
            f"got {tuple(h.shape)} for x of shape {tuple(x.shape)}"
        )
    time = x.shape[-1]
    if not full:
        h = h[..., : max(time, 1)]  # later taps sound after x has ended
    whole = time + h.shape[-1] - 1
    dtype = torch.promote_types(torch.promote_types(x.dtype, h.dtype), torch.float32)
    size = fast_fft_length(whole)
    spectrum = _spectrum(x.to(dtype), size) * _spectrum(h.to(dtype), size)
    y = torch.fft.irfft(spectrum, size)
    return y[..., : whole if full else time].to(x.dtype)


def fast_fft_length(least: int) -> int:
    """The smallest length from `least` on with few and small factors: 1, 3, 5, 9 or 15 times 2^k.

    >>> fast_fft_length(1000), fast_fft_length(1025)
    (1024, 1152)
    """
    return min(_doubled_to(odd, least) for odd in (1, 3, 5, 9, 15))


def _doubled_to(length: int, least: int) -> int:
    while length < least:
        length *= 2
    return length


def _spectrum(signal: Tensor, size: int) -> Tensor:
    return torch.fft.rfft(torch.nn.functional.pad(signal, (0, size - signal.shape[-1])))
