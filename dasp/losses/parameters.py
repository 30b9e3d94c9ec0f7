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
    """Compute the mean absolute error of parameters, on the scale on which they are heard.

    Args:
        output: Parameters `(*batch, parameters)`.
        target: Parameters of the shape of `output`.
        scale: "linear", |o − t|, for decibels and pan; "log", |log2(o / t)| in octaves, for
            frequencies and times, which are above 0; "circular", the shorter way round a `period`,
            for phases.
        period: Length of the circle, above 0, in the unit of the parameters. Only "circular" reads
            it.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss: one number, or `batch` with "none".

    Raises:
        ValueError: If the shapes differ, a name is not known, or a value is outside its range.

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
