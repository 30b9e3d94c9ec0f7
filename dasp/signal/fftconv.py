"""Convolution through the FFT, equal to the direct sum.

A long signal is cut into blocks, each of which is transformed together with as many samples
before it as the response looks back on. What wraps around falls on those, and is dropped:
overlap-save (A. V. Oppenheim and R. W. Schafer, "Discrete-time signal processing", 1989,
section 8.9).
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

OVERLAP = 3
"""Transforms of long signals are this many times as long as the response, or more."""

LEAST_SIZE = 2**17
"""Nor are they shorter than this, doubled until it is enough: powers of 2 are quickest."""

AT_ONCE = 2**22
"""Samples of all rows that are transformed together, or one row: more would leave the cache."""


class Response(NamedTuple):
    """The spectrum of a response of `taps` samples, padded to `size`."""

    bins: Tensor
    taps: int
    size: int


def transform_response(h: Tensor, time: int) -> Response:
    """The spectrum of `h` `(..., taps)`, to convolve with many signals of about `time` samples.

    `fft_convolve` takes it in the place of `h`. Signals of any length may be convolved with it;
    `time` is what the length of the transforms is chosen for.
    """
    taps = h.shape[-1]
    h = h.to(torch.promote_types(h.dtype, torch.float32))
    hop = _doubled_to(LEAST_SIZE, OVERLAP * taps) - taps + 1
    blocks = max(1, -(-time // hop))
    size = fast_fft_length(max(1, -(-time // blocks)) + taps - 1)
    return Response(_spectrum(h, 0, size), taps, size)


def fft_convolve(x: Tensor, h: Tensor | Response, *, full: bool = False, start: int = 0) -> Tensor:
    """Convolve `x` `(..., time)` with `h` `(..., taps)`; leading dimensions broadcast.

    Returns the first `time` samples, what a causal filter gives while `x` lasts, or with `full`
    all time + taps - 1 of them; and of these those from `start` on, for an `x` whose beginning
    is the past of what is wanted. Computed in the wider of the two types, returned in that of `x`.
    Beside `x` and the result, the memory is that of a few blocks.

    >>> fft_convolve(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0]), full=True).round()
    tensor([1., 3., 5., 3.])
    """
    shape = h.shape if isinstance(h, Tensor) else (*h.bins.shape[:-1], h.taps)
    if x.ndim < 1 or len(shape) < 1 or shape[-1] == 0:
        raise ValueError(
            f"h: expected shape (..., taps) with at least one tap to convolve x with, "
            f"got {tuple(shape)} for x of shape {tuple(x.shape)}"
        )
    time = x.shape[-1] + (shape[-1] - 1 if full else 0)
    if isinstance(h, Tensor):
        heard = h[..., : max(time, 1)]  # later taps sound after x has ended
        h = transform_response(heard.to(torch.promote_types(x.dtype, h.dtype)), time)
    signal = x.to(torch.promote_types(x.dtype, h.bins.real.dtype))
    return _convolved(signal, h, start, time).to(x.dtype)


def _convolved(x: Tensor, h: Response, begin: int, time: int) -> Tensor:
    """In shares of the first dimension that has any, where the rows are many."""
    rows = torch.broadcast_shapes(x.shape[:-1], h.bins.shape[:-1])
    dim = next((dim for dim in range(-len(rows), 0) if rows[dim] > 1), 0)
    if dim == 0 or math.prod(rows) * h.size <= AT_ONCE:
        return _in_blocks(x, h, begin, time)
    share = max(1, AT_ONCE * rows[dim] // (math.prod(rows) * h.size))
    shares = []
    for start in range(0, rows[dim], share):
        some, bins = (_share(t, dim - 1, start, share) for t in (x, h.bins))
        shares.append(_convolved(some, h._replace(bins=bins), begin, time))
    return torch.cat(shares, dim - 1)


def _share(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A slice of a dimension, if `x` has more than one of it."""
    if x.ndim < -dim or x.shape[dim] == 1:
        return x
    return x.narrow(dim, start, min(length, x.shape[dim] - start))


def _in_blocks(x: Tensor, h: Response, begin: int, time: int) -> Tensor:
    hop = h.size - h.taps + 1
    starts = range(begin, max(time, begin + 1), hop)
    return torch.cat([_block(x, h, start, min(start + hop, time)) for start in starts], -1)


def _block(x: Tensor, h: Response, start: int, stop: int) -> Tensor:
    """Samples `start` to `stop` of the convolution of `x`, which is silent outside its ends."""
    past = h.taps - 1
    first = max(start - past, 0)
    spectrum = _spectrum(x[..., first:stop], first - (start - past), h.size) * h.bins
    return torch.fft.irfft(spectrum, h.size)[..., past : past + stop - start]


def _spectrum(signal: Tensor, late: int, size: int) -> Tensor:
    """The transform of `size` samples that are 0 but for `signal` from `late` on."""
    return torch.fft.rfft(nnf.pad(signal, (late, size - late - signal.shape[-1])))


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
