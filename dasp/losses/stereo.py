"""Losses that do not mind whether left and right have changed places."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dasp._checks import check_channels, check_choice, checked_sample_rate
from dasp.losses._pair import paired, reduced
from dasp.losses.stft import converged, log_distance, sum_and_difference
from dasp.signal.fir import fir_filter
from dasp.signal.stft import magnitude_spectra

A_WEIGHTING_TAPS = 101
_GRID = 4096


def left_right_invariant(
    output: Tensor, target: Tensor, loss: Callable[..., Tensor], *, reduction: str = "mean",
    **settings,
) -> Tensor:  # fmt: skip
    """Compute a loss against the target or against its swapped channels, whichever is smaller.

    The choice is made for each item. Unlike `sum_and_difference_stft`, the result still tells one
    side from the other within the item.

    Args:
        output: Audio `(*batch, 2, time)`.
        target: Audio of the shape of `output`.
        loss: Any loss `loss(output, target, reduction="none", **settings)`.
        reduction: "mean" over the batch, or "none".
        **settings: Further arguments of `loss`.

    Returns:
        Loss in the unit of `loss`: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape or are not stereo.

    >>> from dasp.losses import l1
    >>> target = torch.randn(4, 2, 100)
    >>> left_right_invariant(target.flip(-2), target, l1)
    tensor(0.)
    """
    output, target = paired(output, target)
    check_channels(output, 2, "output")
    straight, swapped = (
        loss(output, t, reduction="none", **settings) for t in (target, target.flip(-2))
    )
    return reduced(torch.minimum(straight, swapped), reduction)


def stereo_invariant(
    output: Tensor,
    target: Tensor,
    sample_rate: float,
    *,
    form: str = "a",
    fft_size: int = 4096,
    reduction: str = "mean",
) -> Tensor:
    """Compute the stereo-invariant losses L_a and L_b of FxNorm-automix.

    Both signals pass an A-weighting filter and the low-pass 1 + 0.85 z^-1. The loss sums, over
    L + R and L − R, the spectral convergence ("a") or the mean squared error of magnitudes ("b"),
    plus the mean absolute difference of logarithms. Windows are square roots of Hann, a quarter
    apart; magnitudes are those of the transform itself, which grow with `fft_size`.

    Args:
        output: Audio `(*batch, 2, time)`.
        target: Audio of the shape of `output`.
        sample_rate: In Hz.
        form: "a" or "b".
        fft_size: Length of a frame in samples, 4 or more.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss, 0 or more: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape or are not stereo, or `form` is not known.

    Source: M. A. Martínez-Ramírez et al., "Automatic music mixing with deep learning and
    out-of-domain data", ISMIR 2022; the filters after A. Wright and V. Välimäki, "Perceptual
    loss function for neural modeling of audio systems", ICASSP 2020.

    >>> x = torch.randn(1, 2, 8192)
    >>> stereo_invariant(x.flip(-2), x, 44_100).item() < 1e-4
    True
    """
    check_choice("form", form, ("a", "b"))
    output, target = paired(output, target)
    check_channels(output, 2, "output")
    taps = design_a_weighting(sample_rate).to(output)
    total = output.new_zeros(output.shape[:-2])
    for o, t in zip(sum_and_difference(output), sum_and_difference(target), strict=True):
        estimate, Y = (
            magnitude_spectra(_heard(x, taps), fft_size, fft_size // 4, "sqrt_hann") for x in (o, t)
        )
        squares = (Y - estimate).square().mean((-3, -2, -1))
        first = converged(estimate, Y) if form == "a" else squares
        total = total + first + log_distance(estimate, Y)
    return reduced(total, reduction)


def design_a_weighting(sample_rate: float, *, taps: int = A_WEIGHTING_TAPS) -> Tensor:
    """Design the linear-phase FIR filter nearest to A-weighting in the least-squares sense.

    With the default length the filter cannot follow the curve under some hundred hertz.

    Args:
        sample_rate: In Hz.
        taps: Length of the filter in samples, an odd number.

    Returns:
        Impulse response `(taps,)`, float64, with a gain of about 1 at 1 kHz.

    Raises:
        ValueError: If `sample_rate` is not positive, or `taps` is no odd number above 0.

    Source of the curve: IEC 61672-1, annex E.

    >>> taps = design_a_weighting(44_100)
    >>> torch.equal(taps, taps.flip(0))
    True
    """
    sample_rate = checked_sample_rate(sample_rate)
    if isinstance(taps, bool) or not isinstance(taps, int) or taps < 1 or taps % 2 == 0:
        raise ValueError(
            f"taps: expected an odd number, for a filter symmetric about a sample, got {taps!r}"
        )
    half = taps // 2
    omega = np.linspace(0, math.pi, _GRID)
    wanted = _a_weighting(omega * sample_rate / (2 * math.pi))
    cosines = np.cos(omega[:, None] * np.arange(half + 1))
    c = np.linalg.lstsq(cosines, wanted, rcond=None)[0]
    return torch.from_numpy(np.concatenate((c[:0:-1] / 2, c[:1], c[1:] / 2)))


def _a_weighting(f: np.ndarray) -> np.ndarray:
    """Gain of A-weighting at frequencies in Hz, 1 at 1 kHz (IEC 61672-1, annex E)."""

    def response(f):
        low = (f * f + 20.598997**2) * np.sqrt(f * f + 107.65265**2)
        return 12194.217**2 * f**4 / (low * np.sqrt(f * f + 737.86223**2) * (f * f + 12194.217**2))

    return response(f) / response(1000.0)


def _heard(x: Tensor, taps: Tensor) -> Tensor:
    weighted, _ = fir_filter(x, taps)
    return fir_filter(weighted, taps.new_tensor([1.0, 0.85]))[0]
