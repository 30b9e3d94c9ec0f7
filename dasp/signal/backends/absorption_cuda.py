"""The filters and the level of a feedback delay network on a GPU, a launch each."""

import math
from typing import Any

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch

PARAMETERS = 5
"""The times and the crossovers."""


def absorption(keep: bool, *arguments) -> tuple[Tensor, tuple]:
    *parameters, lengths, sample_rate = arguments
    of_rows = [p.detach() for p in parameters]
    y = of_rows[0].new_empty(len(of_rows[0]), len(lengths), 2, 6)
    items = len(y) * len(lengths)
    launch(
        "absorption.absorption", items, *of_rows, y, len(y), float(sample_rate),
        **_constants(lengths),
    )  # fmt: skip
    return y, ()


def absorption_adjoint(grad: Tensor, *arguments) -> tuple[Tensor, ...]:
    *parameters, lengths, sample_rate = arguments
    of_rows, rows = [p.detach() for p in parameters], len(grad)
    sums = grad.new_empty(rows, len(lengths), PARAMETERS)
    launch(
        "absorption.absorption_back", rows * len(lengths), grad.contiguous(), *of_rows, sums, rows,
        float(sample_rate), **_constants(lengths),
    )  # fmt: skip
    return sums.sum(1).unbind(-1)


def level(
    keep: bool, rt60: Tensor, lengths: tuple[int, ...], sample_rate: float
) -> tuple[Tensor, tuple]:
    y = torch.empty_like(rt60.detach())
    launch(
        "absorption.level", len(y), rt60.detach(), y, len(y), _seconds(lengths, sample_rate),
        **_constants(lengths),
    )  # fmt: skip
    return y, ()


def level_adjoint(
    grad: Tensor, rt60: Tensor, lengths: tuple[int, ...], sample_rate: float
) -> tuple[Tensor]:
    d_rt60 = torch.empty_like(rt60.detach())
    launch(
        "absorption.level_back", len(grad), grad.contiguous(), rt60.detach(), d_rt60, len(grad),
        _seconds(lengths, sample_rate), **_constants(lengths),
    )  # fmt: skip
    return (d_rt60,)


def _seconds(lengths: tuple[int, ...], sample_rate: float) -> float:
    """Of a mean passage, times 6 ln 10: so many time constants are 60 dB."""
    return 6 * math.log(10) * sum(lengths) / len(lengths) / sample_rate


def _constants(lengths: tuple[int, ...]) -> dict[str, Any]:
    return {"LINES": len(lengths), "LENGTHS": ", ".join(map(str, lengths))}
