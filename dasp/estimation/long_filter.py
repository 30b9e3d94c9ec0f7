"""The filter that turns one signal into another in the least-squares sense, however long it is.

With one signal, the normal equations of `normal_equations` are nearly Toeplitz: with the samples
after the end of the target, G = T - C, where T holds the autocorrelation of the whole signal and C
what the filter would still make of it beyond the end. Both are products of a few FFTs no longer
than twice the filter, so that the method of conjugate gradients solves them without a matrix. It is
preconditioned by the circulant matrix nearest to T, whose inverse is an FFT as well.

Source: R. H. Chan and M. K. Ng, "Conjugate gradient methods for Toeplitz systems", SIAM Review 38,
1996; the circulant is that of T. F. Chan, "An optimal circulant preconditioner for Toeplitz
systems", SIAM Journal on Scientific and Statistical Computing 9, 1988.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_audio, check_range
from dasp.estimation.normal_equations import correlations
from dasp.signal.fftconv import fast_fft_length

MOST_STEPS = 1000
LEAST_LEFT = 1e-10
"""Of the right-hand side: what the equations may still be off by."""


def fit_long_filter(x: Tensor, target: Tensor, *, taps: int, ridge: float) -> Tensor:
    """Fit a filter for each channel, by least squares.

    Args:
        x: Audio `(channels, time)`.
        target: Audio of the shape of `x`.
        taps: Length of the filters in samples, 1 or more.
        ridge: Power that is added to `x`, relative to its own, above 0.

    Returns:
        Filters `(channels, taps)`, float64; 0 for a silent channel.

    Raises:
        ValueError: If the shapes differ, or a value is outside its range.

    Source: R. H. Chan and M. K. Ng, "Conjugate gradient methods for Toeplitz systems", SIAM Review
    38, 1996.

    >>> x = torch.randn(1, 1000)
    >>> late = torch.nn.functional.pad(x, (3, 0))[:, :1000]
    >>> fit_long_filter(x, late, taps=5, ridge=1e-9).abs().argmax().item()
    3
    """
    check_audio(x, "x")
    check_audio(target, "target")
    if x.ndim != 2 or x.shape != target.shape or x.shape[-1] == 0:
        raise ValueError(
            f"target: expected the shape of x, (channels, time), got {tuple(target.shape)} "
            f"beside {tuple(x.shape)}"
        )
    check_range("taps", taps, low=1)
    check_range("ridge", ridge, above=0.0)
    x, target = x.double(), target.double()
    padded = nnf.pad(x, (taps - 1, 0))
    products = torch.stack(
        [
            correlations(torch.stack(pair), past[None], taps)[:, 0]
            for *pair, past in zip(x, target, padded, strict=True)
        ]
    )
    auto, moment = products.unbind(1)
    power = auto[:, :1]
    auto = nnf.pad((1 + ridge) * power, (0, taps - 1)) + nnf.pad(auto[:, 1:], (1, 0))
    silent = power == 0
    auto[:, :1] += silent.to(auto)
    end = padded[:, padded.shape[-1] - taps + 1 :]
    return _conjugate_gradients(_without_end(auto, end), _near_inverse(auto), moment)


def _without_end(auto: Tensor, end: Tensor) -> Callable[[Tensor], Tensor]:
    """The product with T - C, from the autocorrelation, and the last samples of the signal."""
    taps = auto.shape[-1]
    size = fast_fft_length(2 * taps)
    around = nnf.pad(auto, (0, size - 2 * taps + 1))
    T = torch.fft.rfft(torch.cat((around, auto[:, 1:].flip(-1)), -1)).real
    E = torch.fft.rfft(end, size)

    def product(v: Tensor) -> Tensor:
        V = torch.fft.rfft(v, size)
        rings_on = torch.fft.irfft(E * V, size)
        rings_on[:, : taps - 1] = 0
        return torch.fft.irfft(T * V - E.conj() * torch.fft.rfft(rings_on), size)[:, :taps]

    return product


def _near_inverse(auto: Tensor) -> Callable[[Tensor], Tensor]:
    """The product with the inverse of the circulant matrix nearest to T."""
    taps = auto.shape[-1]
    share = torch.arange(taps).to(auto) / taps
    wrapped = nnf.pad(auto[:, 1:].flip(-1), (1, 0))
    circulant = torch.fft.rfft((1 - share) * auto + share * wrapped).real
    return lambda v: torch.fft.irfft(torch.fft.rfft(v) / circulant, taps)


def _conjugate_gradients(
    product: Callable[[Tensor], Tensor], near_inverse: Callable[[Tensor], Tensor], right: Tensor
) -> Tensor:
    """The x of `product(x)` = `right` `(systems, n)`, all systems together."""
    x, left = torch.zeros_like(right), right
    z = near_inverse(left)
    direction, energy = z, _dot(left, z)
    enough = (LEAST_LEFT**2) * _dot(right, right)
    for _ in range(MOST_STEPS):
        if (_dot(left, left) <= enough).all():
            break
        pushed = product(direction)
        step = _ratio(energy, _dot(direction, pushed))
        x, left = x + step * direction, left - step * pushed
        z = near_inverse(left)
        before, energy = energy, _dot(left, z)
        direction = z + _ratio(energy, before) * direction
    return x


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1, keepdim=True)


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b; 0 for a system that is solved."""
    return torch.where(b > 0, a / torch.where(b > 0, b, 1.0), 0.0)
