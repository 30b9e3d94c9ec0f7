"""Derivatives of residuals by symmetric differences, and the least squares that follow.

J need not be whole. With D `(k, n)`, k directions of the n unknowns, JDᵀ alone gives the best step
among the sums of those directions; with new ones each time, all unknowns move in the end.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dasp.estimation.levenberg_marquardt import Equations, Objective

AT_ONCE = 2**22
"""Numbers of a Jacobian that are computed in one call."""

Residual = Callable[[Tensor], Tensor]
"""From u `(..., starts, n)` to r `(..., starts, m)`."""


def by_differences(
    residual: Residual,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    directions: Callable[[], Tensor] | None = None,
) -> Objective:
    """Build the least squares of residuals whose derivatives are symmetric differences.

    Args:
        residual: From unknowns `(..., starts, n)` to residuals `(..., starts, m)`.
        low: Lower end of every unknown, beyond which no difference is taken.
        high: Upper end of every unknown.
        directions: Returns the directions D `(k, n)` of a step; by default the unit vectors.

    Returns:
        The sum of squares, for `levenberg_marquardt`.
    """

    def equations(u: Tensor) -> Equations:
        r = residual(u)
        drawn = None if directions is None else directions()
        D = torch.eye(u.shape[-1]).to(u) if drawn is None else drawn
        parts = D.split(max(1, AT_ONCE // r.numel()))
        J = torch.cat([differences(residual, u, part, low, high) for part in parts])
        J = J.transpose(0, 1)
        return Equations(J @ J.mT, torch.einsum("skm,sm->sk", J, r), drawn)

    return Objective(lambda u: residual(u).square().sum(-1), equations)


def differences(
    residual: Residual,
    u: Tensor,
    directions: Tensor,
    low: float = -math.inf,
    high: float = math.inf,
    epsilon: float = 1e-3,
) -> Tensor:
    """Compute symmetric differences of residuals along directions.

    Near an end of the range, they are taken around a place that is far enough from the end.

    Args:
        residual: From unknowns `(..., starts, n)` to residuals `(..., starts, m)`.
        u: Unknowns `(starts, n)`.
        directions: Directions `(k, n)`.
        low: Lower end of every unknown.
        high: Upper end of every unknown.
        epsilon: Step to either side.

    Returns:
        Derivatives along the directions, `(k, starts, m)`.
    """
    centre, moves = u.clamp(low + epsilon, high - epsilon), epsilon * directions[:, None]
    ahead, behind = residual(torch.stack((centre + moves, centre - moves)))
    return (ahead - behind) / (2 * epsilon)
