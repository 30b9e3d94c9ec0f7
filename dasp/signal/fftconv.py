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

from dasp._checks import check_real, check_signal
from dasp.signal._fused import is_plain, needs_gradient
from dasp.signal._operator import opaque
from dasp.signal._shapes import broadcast_shapes
from dasp.signal.backends._rows import new_empty
from dasp.signal.fft import irfft, rfft

LEAST_SIZE, LARGEST_SIZE = 2**12, 2**18
"""Blocks of long signals are transformed at lengths between, or four times that of the response."""

ALONE = 2**14
"""A transform no longer than this is not cut into blocks."""

WORSE = 1.3
"""So much longer takes a transform whose length is not a power of 2."""

IN_CACHE = 2**20
"""Samples of all rows and blocks that are quickest together."""

TRANSFORMS = 16
"""Fewer are not made together, where there are as many.

Every call of a transform works out its constants anew; to transform one row alone can take as long
as to transform eight together.
"""

AT_ONCE = 2**22
"""Samples that are transformed together at most, or one row: more would only take memory."""

LEAST_SIZE_OF_LAUNCHES, OVERLAP, AT_ONCE_OF_LAUNCHES = 2**17, 3, 2**23
"""The least length, its ratio to that of the response, and the most at once on a GPU.

It has no cache to keep to, and each share is another round of launches.
"""


class Response(NamedTuple):
    """The spectrum of an impulse response, ready to convolve signals with.

    Args:
        bins: Complex bins `(..., size // 2 + 1)`.
        taps: Length of the response in samples.
        size: Length of the transform in samples; the response is padded with zeros to that.
    """

    bins: Tensor
    taps: int
    size: int


def transform_response(h: Tensor, time: int) -> Response:
    """Transform an impulse response once, to convolve many signals with it.

    `fft_convolve` takes the result in the place of `h`.

    Args:
        h: Impulse response `(..., taps)`.
        time: Usual length of the signals in samples, from which the length of the transforms is
            chosen. Signals of any length may follow.

    Returns:
        The spectrum of `h`, with its number of taps and the length of the transforms.

    Raises:
        ValueError: If `h` is complex.

    >>> x, h = torch.randn(2, 1000), torch.randn(100)
    >>> torch.allclose(fft_convolve(x, transform_response(h, 1000)), fft_convolve(x, h), atol=1e-4)
    True
    """
    check_real("h", h)
    taps = h.shape[-1]
    h = h.to(torch.promote_types(h.dtype, torch.float32))
    choose = _block_size if _has_a_cache(h) else _block_size_of_launches
    size = choose(taps, max(1, time))
    return Response(rfft(h, size), taps, size)


def fft_convolve(x: Tensor, h: Tensor | Response, *, full: bool = False, start: int = 0) -> Tensor:
    """Convolve `x` with an impulse response through the FFT.

    The result is computed in the wider of the two types. Beside `x` and the result, it takes the
    memory of a few blocks.

    Args:
        x: Signal `(..., time)`.
        h: Impulse response `(..., taps)`, whose leading dimensions broadcast with those of `x`, or
            what `transform_response` makes of one.
        full: Whether to return all time + taps - 1 samples, and not only the first `time`, which
            a causal filter gives while `x` lasts.
        start: First sample to return, 0 or more, for an `x` that begins with the past.

    Returns:
        The convolution in the type of `x`, without the samples before `start`.

    Raises:
        ValueError: If `x` is not floating point, or `h` is complex or has no samples.

    >>> fft_convolve(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0]), full=True).round()
    tensor([1., 3., 5., 3.])
    """
    check_signal("x", x)
    shape = h.shape if isinstance(h, Tensor) else (*h.bins.shape[:-1], h.taps)
    if x.ndim < 1 or len(shape) < 1 or shape[-1] == 0:
        raise ValueError(
            f"h: expected shape (..., taps) with at least one tap to convolve x with, "
            f"got {tuple(shape)} for x of shape {tuple(x.shape)}"
        )
    if isinstance(h, Tensor):
        check_real("h", h)
        return _convolution(x, h, full, start)
    return _by_spectrum(x, h, start, _length(x, h.taps, full))


def _length(x: Tensor, taps: int, full: bool) -> int:
    return x.shape[-1] + (taps - 1 if full else 0)


def _empty_result(x: Tensor, h: Tensor, full: bool, start: int) -> Tensor:
    rows = broadcast_shapes(x.shape[:-1], h.shape[:-1])
    return x.new_empty(*rows, torch.sym_max(_length(x, h.shape[-1], full) - start, 0))


@opaque("(Tensor x, Tensor h, bool full, SymInt start) -> Tensor", _empty_result)
def _convolution(x: Tensor, h: Tensor, full: bool, start: int) -> Tensor:
    time = _length(x, h.shape[-1], full)
    heard = h[..., : max(time, 1)]  # later taps sound after x has ended
    response = transform_response(heard.to(torch.promote_types(x.dtype, h.dtype)), time)
    return _by_spectrum(x, response, start, time)


def _by_spectrum(x: Tensor, h: Response, start: int, time: int) -> Tensor:
    signal = x.to(torch.promote_types(x.dtype, h.bins.real.dtype))
    return _convolved(signal, h, start, time).to(x.dtype)


def _convolved(x: Tensor, h: Response, begin: int, time: int) -> Tensor:
    if not _has_a_cache(x) or not is_plain(x, h.bins) or needs_gradient(x, h.bins):
        return _in_shares(x, h, begin, time, None)
    rows = broadcast_shapes(x.shape[:-1], h.bins.shape[:-1])
    y = new_empty(x, (*rows, max(time - begin, 0)))
    return _in_shares(x, h, begin, time, y)


def _in_shares(x: Tensor, h: Response, begin: int, time: int, y: Tensor | None) -> Tensor:
    """Convolve in equal shares of the first dimension that can be cut, where rows are many.

    Into `y`, where there is one: parts that have a gradient are joined when all are there.
    """
    rows = broadcast_shapes(x.shape[:-1], h.bins.shape[:-1])
    dim = next((dim for dim in range(-len(rows), 0) if rows[dim] > 1), 0)
    shares = -(-math.prod(rows) * h.size // _at_once(x, h.size))
    if dim == 0 or shares <= 1:
        return _in_blocks(x, h, begin, time, y)
    share = -(-rows[dim] // shares)
    parts = []
    for start in range(0, rows[dim], share):
        some, bins = (_share(t, dim - 1, start, share) for t in (x, h.bins))
        into = None if y is None else _share(y, dim - 1, start, share)
        parts.append(_in_shares(some, h._replace(bins=bins), begin, time, into))
    return torch.cat(parts, dim - 1) if y is None else y


def _at_once(x: Tensor, size: int) -> int:
    if not _has_a_cache(x):
        return AT_ONCE_OF_LAUNCHES
    return min(max(IN_CACHE, TRANSFORMS * size), AT_ONCE)


def _has_a_cache(x: Tensor) -> bool:
    return x.device.type == "cpu"


def _share(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A slice along a dimension, if `x` is longer than 1 in it."""
    if x.ndim < -dim or x.shape[dim] == 1:
        return x
    return x.narrow(dim, start, min(length, x.shape[dim] - start))


def _in_blocks(x: Tensor, h: Response, begin: int, time: int, y: Tensor | None) -> Tensor:
    past, rows = h.taps - 1, math.prod(broadcast_shapes(x.shape[:-1], h.bins.shape[:-1]))
    hop = h.size - past
    together = _at_once(x, h.size) // max(rows * h.size, 1) if hop >= past else 1
    step = max(together, 1) * hop
    parts = []
    for start in range(begin, max(time, begin + 1), step):
        count = max(min(step, time - start), 0)
        blocks = _some_blocks(x, h, start, count, y is not None)
        if y is None:
            # and no view of all that was transformed
            parts.append(blocks.flatten(-2)[..., :count].contiguous())
        else:
            _write(blocks, y.narrow(-1, start - begin, count))
    if y is not None:
        return y
    return torch.cat(parts, -1) if len(parts) > 1 else parts[0]


def _some_blocks(x: Tensor, h: Response, start: int, time: int, in_place: bool) -> Tensor:
    """Blocks `(..., blocks, hop)` from `start` on of the convolution of `x`.

    Those that have `time` samples together; `x` is silent beyond its ends.
    """
    past, bins = h.taps - 1, h.bins[..., None, :]
    spectra = rfft(_overlapping(x, start, time, past, h.size - past))
    if in_place and broadcast_shapes(spectra.shape, bins.shape) == spectra.shape:
        spectra *= bins
    else:
        spectra = spectra * bins
    return irfft(spectra, h.size)[..., past:]


def _write(blocks: Tensor, y: Tensor) -> None:
    """Copy the samples of blocks, one after the other, into the samples of `y`."""
    hop = blocks.shape[-1]
    whole = y.shape[-1] // hop
    now, rest = y.split((whole * hop, y.shape[-1] - whole * hop), -1)
    now.unflatten(-1, (whole, hop)).copy_(blocks[..., :whole, :])
    if rest.shape[-1]:
        rest.copy_(blocks[..., whole, : rest.shape[-1]])


def _overlapping(x: Tensor, start: int, time: int, past: int, hop: int) -> Tensor:
    """Blocks `(..., blocks, past + hop)`: the past of `hop` samples, and those, from `start` on."""
    count, first = max(1, -(-time // hop)), max(start - past, 0)
    heard, late = x[..., first : start + time], first - (start - past)
    heard = nnf.pad(heard, (late, past + count * hop - late - heard.shape[-1]))
    if count == 1:
        return heard[..., None, :]
    before, now = heard[..., : count * hop], heard[..., past:]
    before, now = (signal.unflatten(-1, (count, hop)) for signal in (before, now))
    return torch.cat((before[..., :past], now), -1)


def _block_size(taps: int, time: int) -> int:
    """The length at which all transforms of a signal take the least, one of them or many blocks."""
    alone = fast_fft_length(time + taps - 1)
    if alone <= ALONE:
        return alone
    size, sizes = _doubled_to(LEAST_SIZE, 2 * taps), []
    while size <= max(LARGEST_SIZE, 4 * taps):
        sizes.append(size)
        size *= 2
    if alone <= size:
        sizes.append(alone)

    def cost(size: int) -> float:
        blocks = -(-time // (size - taps + 1))
        is_power_of_2 = size & (size - 1) == 0
        return blocks * size * (2 + math.log2(size)) * (1 if is_power_of_2 else WORSE)

    return min(sizes, key=cost)


def _block_size_of_launches(taps: int, time: int) -> int:
    hop = _doubled_to(LEAST_SIZE_OF_LAUNCHES, OVERLAP * taps) - taps + 1
    blocks = -(-time // hop)
    return fast_fft_length(-(-time // blocks) + taps - 1)


def fast_fft_length(least: int) -> int:
    """Find the smallest length, from `least` on, of which an FFT is fast.

    Args:
        least: The length that is needed, in samples.

    Returns:
        1, 3, 5, 9 or 15 times a power of two.

    >>> fast_fft_length(1000), fast_fft_length(1025)
    (1024, 1152)
    """
    return min(_doubled_to(odd, least) for odd in (1, 3, 5, 9, 15))


def _doubled_to(length: int, least: int) -> int:
    while length < least:
        length *= 2
    return length
