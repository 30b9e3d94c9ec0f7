"""Losses between settings, each on the scale on which it is heard."""

import torch
from torch import Tensor

from dasp._checks import check_choice, check_range, check_real, check_signal
from dasp.losses._pair import reduced

SCALES = ("linear", "log", "circular")


def parameter_error(
    output: Tensor,
    target: Tensor,
    *,
    scale: str = "linear",
    period: float = 1.0,
    reduction: str = "mean",
) -> Tensor:
    """Mean absolute error of parameters `(*batch, parameters)`.

    On a "linear" scale |o − t|, as for decibels and pan; on a "log" scale |log2(o / t)|, octaves,
    as for frequencies and times, which are above 0; on a "circular" scale of a `period` the
    shorter way round, as for phases.

    >>> output, target = torch.tensor([440.0, 220.0]), torch.tensor([220.0, 220.0])
    >>> parameter_error(output, target, scale="log")
    tensor(0.5000)
    """
    check_choice("scale", scale, SCALES)
    check_signal("output", output)
    check_real("target", target)
    if output.shape != target.shape or not output.ndim:
        raise ValueError(
            f"output and target: expected one shape (*batch, parameters), got "
            f"{tuple(output.shape)} and {tuple(target.shape)}"
        )
    if scale == "log":
        for name, value in (("output", output), ("target", target)):
            check_range(name, value, above=0.0, because="a logarithmic scale")
        error = torch.log2(output) - torch.log2(target)
    elif scale == "circular":
        check_range("period", period, above=0.0)
        error = torch.remainder(output - target + period / 2, period) - period / 2
    else:
        error = output - target
    return reduced(error.abs().mean(-1), reduction)
