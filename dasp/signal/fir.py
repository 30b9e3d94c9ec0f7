"""Linear-phase filters from a wanted response, and filtering with state."""

import math

import torch
from torch import Tensor

from dasp._checks import check_range, check_real, check_signal
from dasp.signal.fft import irfft
from dasp.signal.fftconv import fft_convolve


def design_linear_phase_fir(gain: Tensor, taps: int) -> Tensor:
    """Design a linear-phase FIR filter of a given amplitude, by frequency sampling.

    A Hamming window smooths what changes faster than about 4 / taps of the sample rate.
    Differentiable in `gain`. The result is that of `scipy.signal.firwin2`.

    Args:
        gain: Amplitude as a factor, `(..., points)`, at points at equal distances from 0 Hz to
            Nyquist, both included, with straight lines between them; at least two points.
        taps: Length of the filter in samples, odd; the filter delays by (taps - 1) / 2.

    Returns:
        Impulse response `(..., taps)`.

    Raises:
        ValueError: If `taps` is even or under 1, or `gain` is not floating point or too short.

    >>> taps = design_linear_phase_fir(torch.ones(9), taps=5)  # as loud everywhere: an impulse
    >>> torch.allclose(taps, torch.eye(5)[2], atol=1e-6)
    True
    """
    check_signal("gain", gain)
    check_range("taps", taps, low=1)
    if taps % 2 == 0:
        raise ValueError(f"taps: expected an odd number, got {taps}")
    if gain.shape[-1] < 2:
        raise ValueError(
            f"gain: expected shape (..., points) with 2 points or more, got {tuple(gain.shape)}"
        )
    bins = 1 + 2 ** math.ceil(math.log2(max(taps, gain.shape[-1])))
    impulse = irfft(_on_grid(gain, bins), 2 * (bins - 1))
    middle = taps // 2
    window = torch.hamming_window(taps, periodic=False, dtype=gain.dtype, device=gain.device)
    return impulse.roll(middle, -1)[..., :taps] * window


def fir_filter(x: Tensor, taps: Tensor, zi: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Filter `x` by an impulse response, block by block where wanted.

    Args:
        x: Signal `(..., time)`.
        taps: Impulse response `(..., taps)`.
        zi: Input before `x`, `(..., taps - 1)`, newest last; silence by default.

    Returns:
        The output, of the shape of `x`, and the `zi` of the next block.

    Raises:
        ValueError: If `x` is not floating point, `taps` or `zi` is complex, or `zi` has another
            length.

    >>> y, zf = fir_filter(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 10.0]))
    >>> y.round(), zf
    (tensor([ 1., 12., 23.]), tensor([3.]))
    """
    check_signal("x", x)
    check_real("taps", taps)
    check_real("zi", zi)
    past = taps.shape[-1] - 1
    if zi is None:
        zi = x.new_zeros(past)
    elif zi.shape[-1] != past:
        raise ValueError(f"zi: expected shape (..., {past}), got {tuple(zi.shape)}")
    signal = torch.cat((zi.to(x.dtype).expand(*x.shape[:-1], past), x), -1)
    return fft_convolve(signal, taps)[..., past:], signal[..., signal.shape[-1] - past :]


def _on_grid(gain: Tensor, bins: int) -> Tensor:
    """Straight lines through `gain`, read at `bins` points over the same range."""
    place = torch.linspace(0, gain.shape[-1] - 1, bins, dtype=torch.float64, device=gain.device)
    left = place.long().clamp(max=gain.shape[-1] - 2)
    share = (place - left).to(gain.dtype)
    return torch.lerp(gain[..., left], gain[..., left + 1], share)
