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
        return Objective(squares.error, squares.equations, squares.keep)

    def along_directions(u: Tensor) -> Equations:
        D = directions()
        J = differences(residual, u, D, low, high).transpose(0, 1)
        slope = torch.einsum("skm,sm->sk", J, squares.residual_at(u))
        return Equations((J @ J.mT).to(u), slope.to(u), D)

    return Objective(squares.error, along_directions)


class _Place(NamedTuple):
    """What is known at unknowns u `(starts, n)`: r, J `(starts, n, m)`, JJᵀ and Jr, and the steps
    over which J has been carried along, `(starts,)`.

    r and J have the type of the residual: J is as exact as differences of such numbers are.
    """

    u: Tensor
    r: Tensor
    J: Tensor
    matrix: Tensor
    slope: Tensor
    carried: Tensor


class _Squares:
    """The sum of squares of a residual, of which the last answers are kept."""

    def __init__(self, residual: Residual, high: float) -> None:
        self.residual, self.high = residual, high
        self.tried: tuple[Tensor, Tensor] | None = None
        self.last: _Place | None = None

    def error(self, tries: Tensor) -> Tensor:
        """E of unknowns `(tries, starts, n)`."""
        known = self._residual_known(tries[0]) if len(tries) == 1 else None
        if known is not None:
            return known[None].square().sum(-1).to(tries)
        self.tried = tries, self.residual(tries)
        return self.tried[1].square().sum(-1).to(tries)

    def equations(self, u: Tensor) -> Equations:
        """The normal equations. Where asked for at the same place again, J is computed there."""
        r = self.residual_at(u)
        if self.last is None or self.last.u.shape != u.shape:
            place = self._anew(u, r)
        else:
            place, believed = self._carried(self.last, u, r)
            if not believed.any():
                place = self._anew(u, r)
            elif not believed.all():
                fresh = self._anew(u[~believed], r[~believed])
                for numbers, new in zip(place, fresh, strict=True):
                    numbers[~believed] = new
        self.last = place
        return Equations(place.matrix, place.slope, is_exact=place.carried == 0)

    def keep(self, starts: Tensor) -> None:
        """Forget all other starts."""
        if self.tried is not None:
            self.tried = self.tried[0][:, starts], self.tried[1][:, starts]
        if self.last is not None:
            self.last = _Place(*(numbers[starts] for numbers in self.last))

    def residual_at(self, u: Tensor) -> Tensor:
        """r `(starts, m)`, which is known where u is one of the last that were tried."""
        known = self._residual_known(u)
        return self.residual(u) if known is None else known

    def _residual_known(self, u: Tensor) -> Tensor | None:
        if self.last is not None and self.last.u.equal(u):
            return self.last.r
        if self.tried is not None and self.tried[0].shape[1:] == u.shape:
            same = (self.tried[0] == u).all(-1)
            if same.any(0).all():
                which = same.to(torch.uint8).argmax(0)
                return self.tried[1].take_along_dim(which[None, :, None], 0)[0]
        return None

    def _anew(self, u: Tensor, r: Tensor) -> _Place:
        epsilon = torch.where(u + EPSILON > self.high, -EPSILON, EPSILON)
        moved = u + torch.diag_embed(epsilon).movedim(-2, 0)  # (n, starts, n)
        parts = moved.split(max(1, AT_ONCE // r.numel()))
        ahead = torch.cat([self.residual(part) for part in parts])
        J = ahead.sub_(r).div_(epsilon.T[..., None].to(r)).movedim(0, 1)
        slope = (J @ r[..., None])[..., 0]
        return _Place(u, r, J, (J @ J.mT).to(u), slope.to(u), u.new_zeros(len(u)))

    def _carried(self, last: _Place, u: Tensor, r: Tensor) -> tuple[_Place, Tensor]:
        """The last place, brought here, and of which starts its J is to be believed."""
        step, change = u - last.u, r - last.r
        way = step.square().sum(-1, keepdim=True)
        missed = change - (step[:, None].to(r) @ last.J)[:, 0]
        wrong = missed.square().sum(-1, keepdim=True).to(u)
        foretold = wrong <= BELIEVED * change.square().sum(-1, keepdim=True)
        moved = way[:, 0] > 0
        believed = torch.where(
            moved, foretold[:, 0] & (last.carried < MOST_CARRIED), last.carried == 0
        )
        if not (believed & moved).any():
            return last._replace(u=u, r=r), believed
        # J' = J + v missedᵀ, and what becomes of the products with it.
        v = torch.where(way > 0, step / way, 0.0)
        met = (last.J @ missed[..., None])[..., 0].to(u)
        across = v[:, :, None] * (met + 0.5 * wrong * v)[:, None]
        slope = (last.J @ r[..., None])[..., 0].to(u) + v * (missed * r).sum(-1, keepdim=True)
        J = last.J.baddbmm_(v[:, :, None].to(r), missed[:, None])
        matrix = last.matrix + across + across.mT
        return _Place(u, r, J, matrix, slope, last.carried + moved), believed


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
