"""Windowed-sinc resampling between any two rates.

The signal is rebuilt by a low-pass whose impulse response is a sinc under a Kaiser window, and
read at the new instants. The taps that an output needs depend only on where it falls between
input samples, which repeats after `up` outputs and `down` inputs where up / down is the reduced
ratio of the rates. So a block of outputs is one window of inputs times one matrix.

Sources: J. O. Smith and P. Gossett, "A flexible sampling-rate conversion method", 1984; for the
window and its length J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window
function", 1974.
"""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_range

PASS_BAND = 0.9
"""The share of the lower Nyquist frequency that passes unchanged. The filter closes above it."""

REJECTION_DB = 105.0
"""How far down the filter is designed to be from the lower Nyquist frequency on."""

# Kaiser's formulae for the window's shape, and for half its length in samples of the lower rate.
BETA = 0.1102 * (REJECTION_DB - 8.7)
HALF_WIDTH = (REJECTION_DB - 7.95) / (2 * 2.285 * math.pi * (1 - PASS_BAND))

REACH = math.ceil(HALF_WIDTH)
"""Samples of the lower rate that an output hears on either side."""

BLOCK = 128
"""Outputs of one matrix, at most. Wider ones hold more zeros, narrower ones copy more inputs."""


def resample(x: Tensor, from_rate: float, to_rate: float) -> Tensor:
    """The signal `x` `(..., time)` as it would have been sampled at `to_rate`.

    Returns ceil(time * to_rate / from_rate) samples, without delay: sample 0 stays where it is.
    Within 0.01 dB up to 0.9 of the lower of the two Nyquist frequencies; images and aliases of
    what lies beyond that Nyquist are at least 100 dB down. Zeros are taken to stand before and
    after the signal. Rates are any positive numbers, and their ratio is taken for the nearest
    fraction with a denominator up to 100,000. The same rate returns `x` itself.
    `resample(x, 1, 4)` oversamples four times, and `resample(x, 4, 1)` comes back.

    >>> resample(torch.zeros(2, 44_100), 44_100, 48_000).shape
    torch.Size([2, 48000])
    """
    up, down = _reduced(from_rate, to_rate)
    if up == down or x.shape[-1] == 0:
        return x
    y = _read(x.to(torch.promote_types(x.dtype, torch.float32)), up, down)
    return y[..., : _ceil_div(x.shape[-1] * up, down)].to(x.dtype)


def resample_blocks(blocks: Iterable[Tensor], from_rate: float, to_rate: float) -> Iterator[Tensor]:
    """`resample` of a signal that comes in blocks `(..., time)`, as soon as enough of it is there.

    Together the results are that of the whole; the last one comes after the end.

    >>> x = torch.randn(1, 1000)
    >>> y = torch.cat(list(resample_blocks(x.split(300, -1), 44_100, 48_000)), -1)
    >>> torch.allclose(y, resample(x, 44_100, 48_000), atol=1e-5)
    True
    """
    up, down = _reduced(from_rate, to_rate)
    if up == down:
        yield from blocks
        return
    # In whole periods of `down` inputs, which are `up` outputs.
    reach = _ceil_div(math.ceil(HALF_WIDTH * max(1, down / up)), down)
    signal, given = None, 0  # periods at the beginning of `signal`, whose outputs were given
    for block in blocks:
        signal = block if signal is None else torch.cat((signal, block), -1)
        done = max(given, signal.shape[-1] // down - reach)
        if done > given:
            yield resample(signal, down, up)[..., given * up : done * up]
        first = max(0, done - reach)
        signal, given = signal[..., first * down :], done - first
    if signal is not None:
        yield resample(signal, down, up)[..., given * up :]


def _reduced(from_rate: float, to_rate: float) -> tuple[int, int]:
    """The numbers of outputs and of inputs of a period."""
    check_range("from_rate", from_rate, above=0.0, below=math.inf)
    check_range("to_rate", to_rate, above=0.0, below=math.inf)
    ratio = Fraction(to_rate / from_rate).limit_denominator(100_000)
    if ratio == 0:
        raise ValueError(
            f"to_rate: expected at least 1e-5 of from_rate, {from_rate}, got {to_rate}"
        )
    return ratio.numerator, ratio.denominator


def _read(x: Tensor, up: int, down: int) -> Tensor:
    """Read `x` at the instants m down / up, for whole periods of m, the last of which runs over."""
    repeats = max(1, BLOCK // up)
    outputs, inputs = up * repeats, down * repeats
    periods = _ceil_div(x.shape[-1], inputs)
    reach = math.ceil(HALF_WIDTH * max(1, down / up))
    padded = nnf.pad(x, (reach, periods * inputs + reach - x.shape[-1]))
    size = _ceil_div(outputs, _ceil_div(outputs, BLOCK))
    blocks = []
    for start in range(0, outputs, size):
        stop = min(start + size, outputs)
        # From `reach` inputs before the first instant to `reach` after the last.
        first, last = start * down // up - reach, (stop - 1) * down // up + reach
        instant = torch.arange(start, stop, dtype=torch.float64, device=x.device) * down / up
        sample = torch.arange(first, last + 1, dtype=torch.float64, device=x.device)
        taps = _low_pass(instant - sample[:, None], min(1, up / down))
        windows = padded[..., first + reach :].unfold(-1, last + 1 - first, inputs)
        blocks.append(windows @ taps.to(x.dtype))
    return torch.cat(blocks, -1).flatten(-2)


def _low_pass(t: Tensor, nyquist: float) -> Tensor:
    """Impulse response `t` input samples from its centre; the input's Nyquist frequency is 1."""
    cutoff = nyquist * (1 + PASS_BAND) / 2
    u = (nyquist * t / HALF_WIDTH).clamp(-1, 1)
    window = torch.special.i0(BETA * torch.sqrt(1 - u * u)) * (u.abs() < 1)
    return cutoff * torch.sinc(cutoff * t) * window / torch.special.i0(t.new_tensor(BETA))


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
