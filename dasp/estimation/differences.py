"""Derivatives of residuals by differences, and the least squares that follow.

J by differences to one side takes a call of the residual for each unknown. Between two places that
are near it hardly changes, and what it changes by along the step s itself is known without a call:

    J <- J + (r(u + s) - r(u) - J s) sᵀ / sᵀs.

Nor need J be whole. With D `(k, n)`, k directions of the n unknowns, JDᵀ alone gives the best step
among the sums of those directions; with new ones each time, all unknowns move in the end.

Source: C. G. Broyden, "A class of methods for solving nonlinear simultaneous equations",
Mathematics of Computation 19, 1965.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.estimation.levenberg_marquardt import Equations, Objective

AT_ONCE = 2**22
"""Numbers of a Jacobian that are computed in one call."""

EPSILON = 2e-4
"""Step to one side."""

BELIEVED = 0.5
"""J is carried along while it foretells a change of the residual up to this share, in power."""

MOST_CARRIED = 10
"""Steps after which J is computed anew, whatever it foretells."""

Residual = Callable[[Tensor], Tensor]
"""From u `(..., starts, n)` to r `(..., starts, m)`."""


def by_differences(
    residual: Residual,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    directions: Callable[[], Tensor] | None = None,
) -> Objective:
    """Build the least squares of residuals whose derivatives are differences.

    Args:
        residual: From unknowns `(..., starts, n)` to residuals `(..., starts, m)`.
        low: Lower end of every unknown, beyond which no difference is taken.
        high: Upper end of every unknown.
        directions: Returns the directions D `(k, n)` of a step, along which differences are
            symmetric; by default the unit vectors, with differences to one side.

    Returns:
        The sum of squares, for `levenberg_marquardt`.

    Source: C. G. Broyden, "A class of methods for solving nonlinear simultaneous equations",
    Mathematics of Computation 19, 1965.
    """
    squares = _Squares(residual, high)
    if directions is None:
        return Objective(squares.error, squares.equations)

    def along_directions(u: Tensor) -> Equations:
        D = directions()
        J = differences(residual, u, D, low, high).transpose(0, 1)
        slope = torch.einsum("skm,sm->sk", J, squares.residual_at(u))
        return Equations((J @ J.mT).to(u), slope.to(u), D)

    return Objective(squares.error, along_directions)


class _Place(NamedTuple):
    """What is known at unknowns u `(starts, n)`: r, J `(starts, n, m)`, JJᵀ and Jr.

    r and J have the type of the residual: J is as exact as differences of such numbers are.
    """

    u: Tensor
    r: Tensor
    J: Tensor
    matrix: Tensor
    slope: Tensor


class _Squares:
    """The sum of squares of a residual, of which the last answers are kept."""

    def __init__(self, residual: Residual, high: float) -> None:
        self.residual, self.high = residual, high
        self.tried: tuple[Tensor, Tensor] | None = None
        self.last: _Place | None = None
        self.carried = 0

    def error(self, tries: Tensor) -> Tensor:
        """E of unknowns `(tries, starts, n)`."""
        self.tried = tries, self.residual(tries)
        return self.tried[1].square().sum(-1).to(tries)

    def equations(self, u: Tensor) -> Equations:
        """The normal equations. Where asked for at the same place again, J is computed there."""
        r = self.residual_at(u)
        place = self._known(u, r)
        if place is None:
            J = self._one_sided(u, r)
            products = (J @ J.mT).to(u), (J @ r[..., None])[..., 0].to(u)
            self.carried, place = 0, _Place(u, r, J, *products)
        self.last = place
        return Equations(place.matrix, place.slope, is_exact=self.carried == 0)

    def residual_at(self, u: Tensor) -> Tensor:
        """r `(starts, m)`, which is known where u is one of the last that were tried."""
        if self.tried is not None:
            tries, residuals = self.tried
            same = (tries == u).all(-1)
            if same.any(0).all():
                which = same.to(torch.uint8).argmax(0)
                return residuals.take_along_dim(which[None, :, None], 0)[0]
        return self.residual(u)

    def _known(self, u: Tensor, r: Tensor) -> _Place | None:
        """The last place, brought here; None if its J is not to be believed."""
        last = self.last
        if last is None or last.u.shape != u.shape:
            return None
        step, change = u - last.u, r - last.r
        way = step.square().sum(-1, keepdim=True)
        if not way.any():
            return None if self.carried else last
        missed = change - (step[:, None].to(r) @ last.J)[:, 0]
        wrong = missed.square().sum(-1, keepdim=True).to(u)
        good = wrong <= BELIEVED * change.square().sum(-1, keepdim=True)
        if self.carried >= MOST_CARRIED or not good.all():
            return None
        self.carried += 1
        # J' = J + v missedᵀ, and what becomes of the products with it.
        v = torch.where(way > 0, step / way, 0.0)
        met = (last.J @ missed[..., None])[..., 0].to(u)
        across = v[:, :, None] * (met + 0.5 * wrong * v)[:, None]
        slope = (last.J @ r[..., None])[..., 0].to(u) + v * (missed * r).sum(-1, keepdim=True)
        J = last.J.baddbmm_(v[:, :, None].to(r), missed[:, None])
        return _Place(u, r, J, last.matrix + across + across.mT, slope)

    def _one_sided(self, u: Tensor, r: Tensor) -> Tensor:
        epsilon = torch.where(u + EPSILON > self.high, -EPSILON, EPSILON)
        moved = u + torch.diag_embed(epsilon).movedim(-2, 0)  # (n, starts, n)
        parts = moved.split(max(1, AT_ONCE // r.numel()))
        ahead = torch.cat([self.residual(part) for part in parts])
        return ahead.sub_(r).div_(epsilon.T[..., None].to(r)).movedim(0, 1)


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
