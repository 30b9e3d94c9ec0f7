"""Least squares by the method of Levenberg and Marquardt, over a batch of starts at once.

Minimises E(u) = |r(u)|² for residuals r. With J = dr/du, a step solves

    (JᵀJ + λS) du = -Jᵀr,    S = diag(JᵀJ)^p max(diag(JᵀJ))^(1-p),

where λ falls while steps succeed and rises when they fail. The power p is 0 with Levenberg, who
damps all unknowns alike, and 1 with Marquardt, who damps each in proportion to its effect: the
first does not move what has little effect, the second moves it far. They end in different places,
which is welcome where there are many bad ones.

Source: D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963.

An unknown at the end of its range stays there, and out of the system, while E would fall beyond it;
what would step over an end stops there.

J need not be whole. With D `(k, n)`, k directions of the n unknowns, JDᵀ alone gives the best step
among the sums of those directions; with new ones each time, all unknowns move in the end.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

FACTORS = (0.03, 0.3, 3.0, 30.0)
"""Each step tries the λ of the last one times these, in one call."""

LONGEST = 0.5
"""No unknown moves further in one step: a linear model is not to be believed that far."""

SMALLEST = 1e-12

PATIENCE, LEAST_GAIN = 5, 0.15

PACE, AHEAD = 5, 20
"""From the pace of the last few steps is judged where so many more will lead."""

AT_ONCE = 2**22
"""Numbers of a Jacobian that are computed in one call."""

Residual = Callable[[Tensor], Tensor]
"""From u `(..., starts, n)` to r `(..., starts, m)`."""


def levenberg_marquardt(
    residual: Residual,
    u: Tensor,
    *,
    steps: int,
    low: float = -math.inf,
    high: float = math.inf,
    power: float = 0.0,
    goal: float = 0.0,
    rival: float = math.inf,
    directions: Callable[[], Tensor] | None = None,
    on_step: Callable[[Tensor], None] = lambda error: None,
) -> Tensor:
    """Minimise the sum of squares of residuals, over a batch of starts.

    Besides the number of steps, three things end the minimisation: the smallest E is no more than
    `goal`; steps through all unknowns, `PATIENCE` times over, have lowered E by less than the
    share `LEAST_GAIN`; at the present pace, E would not fall below `rival` in `AHEAD` steps.

    Args:
        residual: From unknowns `(..., starts, n)` to residuals `(..., starts, m)`.
        u: Where to begin, `(starts, n)`.
        steps: Largest number of steps.
        low: Lower end of every unknown.
        high: Upper end of every unknown.
        power: The power p of the damping, from 0 (Levenberg) to 1 (Marquardt).
        goal: E that is small enough.
        rival: E of another minimisation that is to be beaten.
        directions: Returns the directions D `(k, n)` of a step; by default the unit vectors.
        on_step: Called after each step with E of each start, `(starts,)`.

    Returns:
        Unknowns `(starts, n)` with an E that is no larger than at the start.

    Source: D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters",
    1963.
    """
    whole = torch.eye(u.shape[-1], dtype=u.dtype, device=u.device)
    lam = torch.full(u.shape[:1], 1e-2, dtype=u.dtype, device=u.device)
    factors = torch.tensor(FACTORS, dtype=u.dtype, device=u.device)
    each = torch.arange(len(u), device=u.device)
    r = residual(u)
    E, best = _energy(r), []
    for _ in range(steps):
        D = whole if directions is None else directions()
        parts = D.split(max(1, AT_ONCE // r.numel()))
        J = torch.cat([differences(residual, u, part, low, high) for part in parts])
        J = J.transpose(0, 1)
        if directions is None:
            J = J * _free(u, torch.einsum("skm,sm->sk", J, r), low, high)[..., None]
        JJ, Jr = J @ J.mT, torch.einsum("skm,sm->sk", J, r)
        diagonal = torch.diagonal(JJ, dim1=-2, dim2=-1)
        most = diagonal.amax(-1, keepdim=True).clamp(min=SMALLEST)
        S = diagonal.clamp(min=SMALLEST * most) ** power * most ** (1 - power)
        damping = torch.diag_embed((factors[:, None] * lam)[..., None] * S)
        z = torch.linalg.solve(JJ + damping, -Jr.expand(len(factors), *Jr.shape))
        du = z @ D
        du = du * (LONGEST / du.abs().amax(-1, keepdim=True)).clamp(max=1)
        tried = (u + du).clamp(low, high)
        r_tried = residual(tried)
        lowest, which = _energy(r_tried).nan_to_num(torch.inf).min(0)
        better = lowest < E
        u = torch.where(better[:, None], tried[which, each], u)
        r = torch.where(better[:, None], r_tried[which, each], r)
        E = torch.where(better, lowest, E)
        lam = torch.where(better, lam * factors[which], lam * 100).clamp(1e-9, 1e4)
        on_step(E)
        best.append(E.min().item())
        if best[-1] <= goal or _stuck(best, len(whole) / len(D)) or _hopeless(best, rival):
            break
    return u


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


def _free(u: Tensor, slope: Tensor, low: float, high: float) -> Tensor:
    """Whether each unknown can move down the slope of E without leaving its range."""
    return ~(((u <= low) & (slope > 0)) | ((u >= high) & (slope < 0)))


def _stuck(best: list[float], calls: float) -> bool:
    patience = math.ceil(PATIENCE * calls)
    return len(best) > patience and best[-1] > best[-1 - patience] * (1 - LEAST_GAIN)


def _hopeless(best: list[float], rival: float) -> bool:
    return len(best) > PACE and best[-1] * (best[-1] / best[-1 - PACE]) ** (AHEAD / PACE) > rival


def _energy(r: Tensor) -> Tensor:
    return r.square().sum(-1)
