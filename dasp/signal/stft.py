"""Short-time Fourier transform over any leading dimensions, and its exact inverse."""

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_choice, check_range, check_signal
from dasp.signal.fft import irfft, rfft

_LIFT = 2.0**64


def stft(x: Tensor, fft_size: int, hop: int, window: str = "hann") -> Tensor:
    """Compute the short-time Fourier transform of `x`.

    Frame k is centred on sample k * hop, and zeros stand before and after the signal. There are
    ceil(time / hop) + 1 frames, so that the last one reaches past the end. A sine of amplitude 1
    has a magnitude of half the sum of the window. Equals `scipy.signal.stft` times that sum.

    Args:
        x: Signal `(..., time)`.
        fft_size: Length of a frame in samples, 2 or more.
        hop: Distance of the frames in samples, 1 or more.
        window: "hann" or "sqrt_hann", both periodic.

    Returns:
        Complex spectra `(..., fft_size // 2 + 1, frames)`.

    Raises:
        ValueError: If `x` is not floating point, a size is too small, or the window unknown.

    >>> stft(torch.zeros(8, 2, 1000), 256, 64).shape
    torch.Size([8, 2, 129, 17])
    """
    check_signal("x", x)
    check_range("fft_size", fft_size, low=2)
    check_range("hop", hop, low=1)
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    time = x.shape[-1]
    left = fft_size // 2
    last_centre = _ceil_div(time, hop) * hop
    padded = nnf.pad(x, (left, last_centre - left + fft_size - time))
    spectra = rfft(frames(padded, fft_size, hop) * _window(window, fft_size, x))
    return spectra.mT


def magnitude_spectra(x: Tensor, fft_size: int, hop: int, window: str = "hann") -> Tensor:
    """Compute the magnitudes of `stft`, with a gradient that is always finite.

    A sound that fades away passes through numbers so small that torch, whose gradient of |z|
    divides by |z|, divides by 0.

    Args:
        x: Signal `(..., time)`.
        fft_size: Length of a frame in samples, 2 or more.
        hop: Distance of the frames in samples, 1 or more.
        window: "hann" or "sqrt_hann", both periodic.

    Returns:
        Magnitudes `(..., fft_size // 2 + 1, frames)`, 0 or more.

    Raises:
        ValueError: If `x` is not floating point, a size is too small, or the window unknown.

    >>> magnitude_spectra(torch.zeros(8, 2, 1000), 256, 64).shape
    torch.Size([8, 2, 129, 17])
    """
    return (_LIFT * stft(x, fft_size, hop, window)).abs() / _LIFT


def istft(spectra: Tensor, fft_size: int, hop: int, length: int, window: str = "hann") -> Tensor:
    """Compute the signal whose `stft` comes nearest to given spectra.

    Frames are windowed again, overlapped and divided by the overlapped squares of the window: the
    least-squares inverse, which returns an untouched signal exactly.

    Args:
        spectra: Complex spectra `(..., fft_size // 2 + 1, frames)`.
        fft_size: Length of a frame in samples, 2 or more.
        hop: Distance of the frames in samples, from 1 to half of `fft_size`.
        length: Length of the signal in samples, at most the centre of the last frame.
        window: "hann" or "sqrt_hann", as in `stft`.

    Returns:
        Signal `(..., length)`.

    Raises:
        ValueError: If a size is outside its range, or the window unknown.

    Source: D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform",
    1984.

    >>> x = torch.randn(1000)
    >>> torch.allclose(istft(stft(x, 256, 64), 256, 64, 1000), x, atol=1e-5)
    True
    """
    check_range("hop", hop, low=1, high=fft_size // 2, because="half of fft_size")
    reached = (spectra.shape[-1] - 1) * hop
    check_range("length", length, low=0, high=reached, because="the centre of the last frame")
    pieces = irfft(spectra.mT, fft_size)
    w = _window(window, fft_size, pieces)
    weight = _overlap_add((w * w).expand(pieces.shape[-2:]), hop)
    left = fft_size // 2
    kept = slice(left, left + length)
    return _overlap_add(pieces * w, hop)[..., kept] / weight[kept]


def frames(x: Tensor, size: int, hop: int) -> Tensor:
    """Cut `x` into frames, without padding; only whole frames count.

    Args:
        x: Signal `(..., time)`.
        size: Length of a frame in samples, 1 or more.
        hop: Distance of the frames in samples, 1 or more.

    Returns:
        Frames `(..., frames, size)`, a view where torch can give one.

    Raises:
        ValueError: If a size is under 1.

    >>> frames(torch.arange(7), size=4, hop=2)
    tensor([[0, 1, 2, 3],
            [2, 3, 4, 5]])
    """
    check_range("size", size, low=1)
    check_range("hop", hop, low=1)
    if x.shape[-1] < size:
        return x.new_zeros(*x.shape[:-1], 0, size)
    return x.unfold(-1, size, hop)


def _window(name: str, size: int, like: Tensor) -> Tensor:
    check_choice("window", name, ("hann", "sqrt_hann"))
    window = torch.hann_window(size, periodic=True, dtype=like.dtype, device=like.device)
    return window if name == "hann" else window.sqrt()


def _overlap_add(pieces: Tensor, hop: int) -> Tensor:
    """Sum the frames `(..., frames, size)` at their places, `hop` samples apart."""
    count, size = pieces.shape[-2:]
    steps = _ceil_div(size, hop)
    # A frame is `steps` runs of one hop each; run r of a frame falls r hops after its start.
    runs = nnf.pad(pieces, (0, steps * hop - size)).unflatten(-1, (steps, hop))
    total = runs.new_zeros(*runs.shape[:-3], count + steps - 1, hop)
    for r in range(steps):
        total = total + nnf.pad(runs[..., r, :], (0, 0, r, steps - 1 - r))
    return total.flatten(-2)


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
