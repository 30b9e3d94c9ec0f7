"""Bounds whose slopes are written out, and so the same on every torch.

At its bound `Tensor.clamp` has the slope 1 up to torch 2.13 and 0 from 2.14 on, where a parameter
that starts there could never leave. These have the slope towards the inside at the bound, 1.
"""

from typing import TypeVar

import torch
from torch import Tensor

Bound = TypeVar("Bound", float, Tensor)


def at_least(x: Tensor, low: float | Tensor) -> Tensor:
    """`x`, and `low` where it is less. At the bound the slope is 1, and 0 by a tensor `low`.

    >>> x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    >>> at_least(x, 0.0).sum().backward()
    >>> x.grad
    tensor([0., 1., 1.])
    """
    return torch.where(x < low, low, x)


def at_most(x: Tensor, high: float | Tensor) -> Tensor:
    """`x`, and `high` where it is more. At the bound the slope is 1, and 0 by a tensor `high`."""
    return torch.where(x > high, high, x)


def between(x: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """`x`, and the nearer of `low` and `high` outside of them. At both the slope is 1."""
    return at_most(at_least(x, low), high)


def rounded_into(x: Tensor, low: Bound, high: Bound) -> Tensor:
    """An `x` that nothing but rounding has led out of [low, high], led back with its slope."""
    exact = x.detach()
    return x + (exact.clamp(low, high) - exact).detach()  # no slope is asked of this clamp


def parts_of_sign(x: Tensor) -> tuple[Tensor, Tensor]:
    """What of `x` is below 0, and what is above; at 0 the slope of both is half.

    Half is the mean of the slopes on either side, which a central difference gives too.
    """
    size = x.abs()
    return (x - size) / 2, (x + size) / 2
