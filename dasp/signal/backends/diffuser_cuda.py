"""All-passes of fixed lengths on a GPU, and their adjoint; see `dasp.functional.plate_reverb`."""

from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch

Stages = tuple[tuple[int, float], ...]


def diffused(keep: bool, x: Tensor, gain: Tensor, stages: Stages) -> tuple[Tensor, tuple]:
    x, gain, insides = x.detach(), gain.detach(), []
    rows, time = len(x), x.shape[-1]
    for length, factor in stages:
        inside, y = torch.empty_like(x), torch.empty_like(x)
        launch("diffuser.diffuse", rows * length, x, gain, inside, y, rows, time, length, factor)
        insides.append(inside)
        x = y
    return x, tuple(insides)


def diffused_adjoint(grad: Tensor, *insides_and_arguments: Any) -> tuple[Tensor, Tensor]:
    *insides, _, gain, stages = insides_and_arguments
    grad, (rows, time) = grad.contiguous(), (len(grad), grad.shape[-1])
    starts = [0, *accumulate(length for length, _ in stages)]
    d_gain = grad.new_empty(rows, starts[-1], dtype=torch.float64)
    for (length, factor), inside, start in reversed(
        list(zip(stages, insides, starts[:-1], strict=True))
    ):
        dx = torch.empty_like(inside)
        launch(
            "diffuser.diffuse_back", rows * length, grad, gain.detach(), inside, dx, d_gain, rows,
            time, length, start, starts[-1], factor,
        )  # fmt: skip
        grad = dx
    return grad, d_gain.sum(1).to(gain.dtype).view_as(gain)
