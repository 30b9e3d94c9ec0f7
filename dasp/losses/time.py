"""Losses between waveforms, sample against sample.

SDR as in E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio source
separation", 2006, without filters; SI-SDR after J. Le Roux et al., "SDR: half-baked or well
done?", ICASSP 2019. All channels of an item are one signal, so that their balance counts.
"""

from torch import Tensor

from dasp._bounds import at_least
from dasp.losses._pair import SILENT_POWER, paired, reduced
from dasp.units import power_to_db


def l1(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Mean absolute error."""
    output, target = paired(output, target)
    return reduced((output - target).abs().mean((-2, -1)), reduction)


def mse(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Mean squared error."""
    output, target = paired(output, target)
    return reduced(_power(output - target), reduction)


def esr(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Error-to-signal ratio: power of the error over that of the target; 1 for a silent output.

    >>> import torch
    >>> target = torch.randn(1, 100)
    >>> round(esr(0.9 * target, target).item(), 4)
    0.01
    """
    output, target = paired(output, target)
    return reduced(_power(output - target) / at_least(_power(target), SILENT_POWER), reduction)


def negative_sdr(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """The signal-to-distortion ratio with its sign turned, in dB: `esr` in decibels.

    An error or a target of less than `dasp.units.SILENCE_DB` counts as that much.
    """
    output, target = paired(output, target)
    return reduced(power_to_db(_power(output - target)) - power_to_db(_power(target)), reduction)


def negative_si_sdr(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """The scale-invariant SDR with its sign turned, in dB: any gain on the output is free.

    The target is first scaled to come nearest to the output.
    """
    output, target = paired(output, target)
    alpha = (output * target).mean((-2, -1)) / at_least(_power(target), SILENT_POWER)
    projection = alpha[..., None, None] * target
    error = output - projection
    return reduced(power_to_db(_power(error)) - power_to_db(_power(projection)), reduction)


def _power(x: Tensor) -> Tensor:
    return x.square().mean((-2, -1))
