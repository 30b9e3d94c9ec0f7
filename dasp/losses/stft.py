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
from dasp.losses._pair import paired, reduced
from dasp.signal.stft import magnitude_spectra
from dasp.units import SILENT_POWER

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
    """Compute the distance of two magnitude spectra Y and Ŷ at several resolutions.

    At each resolution the distance is a weighted sum of three terms; the loss is the mean over
    the resolutions. Windows are Hann, a quarter apart; a lasting sine of amplitude 1 has a
    magnitude of 1.

    Args:
        output: Audio `(*batch, channels, time)`.
        target: Audio of the shape of `output`.
        fft_sizes: Lengths of a frame in samples, each 4 or more.
        spectral_convergence: Weight of ‖Y − Ŷ‖ / ‖Y‖, in which the loudest bins count most.
        log_magnitude: Weight of the mean |ln(Y + FLOOR) − ln(Ŷ + FLOOR)|, in which all bins count
            alike.
        linear_magnitude: Weight of the mean |Y − Ŷ|.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss, 0 or more: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape.

    Source: R. Yamamoto, E. Song and J.-M. Kim, "Parallel WaveGAN", ICASSP 2020.

    >>> x = torch.randn(1, 2, 8192)
    >>> multi_resolution_stft(x, x).item()
    0.0
    """
    output, target = paired(output, target)
    total = output.new_zeros(output.shape[:-2])
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
    """Compute the mean of `multi_resolution_stft` of L + R and of L − R.

    Magnitudes do not depend on the sign of L − R, so that left and right may change places: the
    engineer may have put the guitar on either side.

    Args:
        output: Audio `(*batch, 2, time)`.
        target: Audio of the shape of `output`.
        reduction: "mean" over the batch, or "none".
        **settings: Further arguments of `multi_resolution_stft`.

    Returns:
        Loss, 0 or more: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape or are not stereo.

    Source: C. J. Steinmetz et al., "Automatic multitrack mixing with a differentiable mixing
    console of neural audio effects", ICASSP 2021.

    >>> x = torch.randn(1, 2, 8192)
    >>> sum_and_difference_stft(x.flip(-2), x).item() < 1e-5
    True
    """
    output, target = paired(output, target)
    check_channels(output, 2, "output")
    both = [
        multi_resolution_stft(o, t, reduction="none", **settings)
        for o, t in zip(sum_and_difference(output), sum_and_difference(target), strict=True)
    ]
    return reduced((both[0] + both[1]) / 2, reduction)


def multi_scale_spectral(
    output: Tensor,
    target: Tensor,
    *,
    fft_sizes: Sequence[int] = (4096, 2048, 1024, 512),
    linear: float = 0.9,
    logarithmic: float = 0.1,
    reduction: str = "mean",
) -> Tensor:
    """Compute the distance of magnitude spectra of left, right, L + R and L − R.

    At each resolution the distance is `linear` times the mean |Y − Ŷ| plus `logarithmic` times the
    mean squared difference of log10(Y + floor); the loss is the mean over the four signals and the
    resolutions. Magnitudes are those of the transform itself, which grow with the length of a
    frame, as the floor does: a lasting sine of amplitude 1 is 100 dB over it.

    Args:
        output: Audio `(*batch, 2, time)`.
        target: Audio of the shape of `output`.
        fft_sizes: Lengths of a frame in samples, each 4 or more.
        linear: Weight of the magnitudes.
        logarithmic: Weight of their logarithms.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss, 0 or more: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape or are not stereo.

    Source: J. Koo et al., "Music mixing style transfer: a contrastive learning approach to
    disentangle audio effects", ICASSP 2023.

    >>> x = torch.randn(1, 2, 8192)
    >>> multi_scale_spectral(x, x).item()
    0.0
    """
    output, target = paired(output, target)
    check_channels(output, 2, "output")
    output, target = (torch.cat((x, *sum_and_difference(x)), -2) for x in (output, target))
    total = output.new_zeros(output.shape[:-2])
    for fft_size in fft_sizes:
        estimate, Y = magnitude(output, fft_size), magnitude(target, fft_size)
        total = total + linear * fft_size / 4 * (Y - estimate).abs().mean((-3, -2, -1))
        ratio = (Y + FLOOR).log10() - (estimate + FLOOR).log10()
        total = total + logarithmic * ratio.square().mean((-3, -2, -1))
    return reduced(total / len(fft_sizes), reduction)


def sum_and_difference(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the sum and the difference of the channels of a stereo signal.

    Args:
        x: Audio `(*batch, 2, time)`.

    Returns:
        L + R and L − R, each `(*batch, 1, time)`.
    """
    left, right = x.split(1, -2)
    return left + right, left - right


def magnitude(x: Tensor, fft_size: int) -> Tensor:
    """Compute the magnitudes of short-time spectra, 1 for a lasting sine of amplitude 1.

    Args:
        x: Audio `(*batch, channels, time)`.
        fft_size: Length of a frame in samples, 4 or more; frames are a quarter of that apart.

    Returns:
        Magnitudes `(*batch, channels, bins, frames)`.
    """
    return magnitude_spectra(x, fft_size, fft_size // 4) / (fft_size / 4)


def converged(estimate: Tensor, Y: Tensor) -> Tensor:
    """Compute the spectral convergence ‖Y − Ŷ‖ / ‖Y‖ of each item.

    Args:
        estimate: Magnitudes Ŷ, `(*batch, channels, bins, frames)`.
        Y: Magnitudes of the target, of the shape of `estimate`.

    Returns:
        Spectral convergence, `batch`.
    """
    norm = torch.linalg.vector_norm
    count = Y.shape[-3] * Y.shape[-2] * Y.shape[-1]
    floor = (SILENT_POWER * count) ** 0.5
    return norm(Y - estimate, dim=(-3, -2, -1)) / at_least(norm(Y, dim=(-3, -2, -1)), floor)


def log_distance(estimate: Tensor, Y: Tensor) -> Tensor:
    """Compute the mean absolute difference of the natural logarithms of each item.

    Args:
        estimate: Magnitudes Ŷ, `(*batch, channels, bins, frames)`.
        Y: Magnitudes of the target, of the shape of `estimate`.

    Returns:
        Distance in nepers, `batch`.
    """
    return ((Y + FLOOR).log() - (estimate + FLOOR).log()).abs().mean((-3, -2, -1))
