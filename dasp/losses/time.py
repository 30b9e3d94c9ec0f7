"""Losses between waveforms, sample against sample.

SDR as in E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio source
separation", 2006, without filters; SI-SDR after J. Le Roux et al., "SDR: half-baked or well
done?", ICASSP 2019. All channels of an item are one signal, so that their balance counts.
"""

from torch import Tensor

from dasp._bounds import at_least
from dasp.losses._pair import paired, reduced
from dasp.units import SILENT_POWER, power_to_db


def l1(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Compute the mean absolute error of the samples.

    Args:
        output: Audio `(*batch, channels, time)`.
        target: Audio of the shape of `output`.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss, 0 or more: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape, or have no samples.

    >>> import torch
    >>> l1(torch.ones(2, 8), torch.zeros(2, 8)).item()
    1.0
    """
    output, target = paired(output, target)
    return reduced((output - target).abs().mean((-2, -1)), reduction)


def mse(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Compute the mean squared error of the samples.

    Args:
        output: Audio `(*batch, channels, time)`.
        target: Audio of the shape of `output`.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss, 0 or more: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape, or have no samples.

    >>> import torch
    >>> mse(torch.full((2, 8), 2.0), torch.zeros(2, 8)).item()
    4.0
    """
    output, target = paired(output, target)
    return reduced(_power(output - target), reduction)


def esr(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Compute the error-to-signal ratio: the power of the error over that of the target.

    Args:
        output: Audio `(*batch, channels, time)`.
        target: Audio of the shape of `output`.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss, 0 or more, 1 for a silent output: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape, or have no samples.

    >>> import torch
    >>> target = torch.randn(1, 100)
    >>> round(esr(0.9 * target, target).item(), 4)
    0.01
    """
    output, target = paired(output, target)
    return reduced(_power(output - target) / at_least(_power(target), SILENT_POWER), reduction)


def negative_sdr(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Compute the negative signal-to-distortion ratio: `esr` in decibels.

    An error or a target under `dasp.units.SILENCE_DB` counts as that level.

    Args:
        output: Audio `(*batch, channels, time)`.
        target: Audio of the shape of `output`.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss in dB, 0 for a silent output: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape, or have no samples.

    Source: E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio
    source separation", 2006, without filters.

    >>> import torch
    >>> target = torch.randn(1, 100)
    >>> round(negative_sdr(0.9 * target, target).item(), 2)
    -20.0
    """
    output, target = paired(output, target)
    return reduced(power_to_db(_power(output - target)) - power_to_db(_power(target)), reduction)


def negative_si_sdr(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Compute the negative scale-invariant signal-to-distortion ratio.

    The target is first scaled to come nearest to the output, so that a gain on the output does
    not change the loss.

    Args:
        output: Audio `(*batch, channels, time)`.
        target: Audio of the shape of `output`.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss in dB: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape, or have no samples.

    Source: J. Le Roux et al., "SDR: half-baked or well done?", ICASSP 2019.

    >>> import torch
    >>> output, target = torch.randn(2, 1, 100)
    >>> a, b = negative_si_sdr(output, target), negative_si_sdr(2 * output, target)
    >>> torch.allclose(a, b, atol=1e-3)
    True
    """
    output, target = paired(output, target)
    alpha = (output * target).mean((-2, -1)) / at_least(_power(target), SILENT_POWER)
    projection = alpha[..., None, None] * target
    error = output - projection
    return reduced(power_to_db(_power(error)) - power_to_db(_power(projection)), reduction)


def _power(x: Tensor) -> Tensor:
    return x.square().mean((-2, -1))
