"""Losses between magnitudes of short-time spectra, at several resolutions.

Sources: R. Yamamoto, E. Song and J.-M. Kim, "Parallel WaveGAN", ICASSP 2020 (spectral convergence
and log magnitude at several resolutions); C. J. Steinmetz et al., "Automatic multitrack mixing
with a differentiable mixing console of neural audio effects", ICASSP 2021 (sum and difference).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp._bounds import at_least
from dasp._checks import check_channels
from dasp.losses._pair import SILENT_POWER, paired, reduced
from dasp.signal.stft import magnitude_spectra

FFT_SIZES = (512, 2048, 8192)
FLOOR = 1e-5
"""Added to magnitudes before their logarithm: -100 dB, where a sine of amplitude 1 is 0 dB."""


def multi_resolution_stft(
    output: Tensor,
    target: Tensor,
    *,
    fft_sizes: Sequence[int] = FFT_SIZES,
    spectral_convergence: float = 1.0,
    log_magnitude: float = 1.0,
    linear_magnitude: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """Distance of magnitude spectra Y and Ŷ, the mean over the resolutions of a weighted sum.

    - `spectral_convergence`: ‖Y − Ŷ‖ / ‖Y‖, which the loudest bins decide;
    - `log_magnitude`: mean |ln(Y + FLOOR) − ln(Ŷ + FLOOR)|, to which all bins are equal;
    - `linear_magnitude`: mean |Y − Ŷ|.

    Windows are Hann, a quarter apart; a lasting sine of amplitude 1 has a magnitude of 1.
    """
    output, target = paired(output, target)
    total = 0.0
    for fft_size in fft_sizes:
        estimate, Y = magnitude(output, fft_size), magnitude(target, fft_size)
        if spectral_convergence:
            total = total + spectral_convergence * converged(estimate, Y)
        if log_magnitude:
            total = total + log_magnitude * log_distance(estimate, Y)
        if linear_magnitude:
            total = total + linear_magnitude * (Y - estimate).abs().mean((-3, -2, -1))
    return reduced(total / len(fft_sizes), reduction)


def sum_and_difference_stft(
    output: Tensor, target: Tensor, *, reduction: str = "mean", **settings
) -> Tensor:
    """The mean of `multi_resolution_stft` of L + R and of L − R, with its settings.

    Magnitudes do not know the sign of L − R, so that left and right may change places: whoever
    mixed may have put the guitar on either side.
    """
    output, target = paired(output, target)
    check_channels(output, 2, "output")
    both = [
        multi_resolution_stft(o, t, reduction="none", **settings)
        for o, t in zip(sum_and_difference(output), sum_and_difference(target), strict=True)
    ]
    return reduced((both[0] + both[1]) / 2, reduction)


def sum_and_difference(x: Tensor) -> tuple[Tensor, Tensor]:
    """L + R and L − R, each with one channel."""
    left, right = x.split(1, -2)
    return left + right, left - right


def magnitude(x: Tensor, fft_size: int) -> Tensor:
    """Magnitudes `(*batch, channels, bins, frames)`, 1 for a lasting sine of amplitude 1."""
    return magnitude_spectra(x, fft_size, fft_size // 4) / (fft_size / 4)


def converged(estimate: Tensor, Y: Tensor) -> Tensor:
    """Spectral convergence ‖Y − Ŷ‖ / ‖Y‖ of each item."""
    norm = torch.linalg.vector_norm
    count = Y.shape[-3] * Y.shape[-2] * Y.shape[-1]
    floor = (SILENT_POWER * count) ** 0.5
    return norm(Y - estimate, dim=(-3, -2, -1)) / at_least(norm(Y, dim=(-3, -2, -1)), floor)


def log_distance(estimate: Tensor, Y: Tensor) -> Tensor:
    """Mean absolute difference of natural logarithms of each item."""
    return ((Y + FLOOR).log() - (estimate + FLOOR).log()).abs().mean((-3, -2, -1))
