"""Least squares by the method of Levenberg and Marquardt, over a batch of starts at once.

Minimises E(u) = |r(u)|² for residuals r. With J = dr/du, a step solves

    (JᵀJ + (λ + μ) I) du = -(Jᵀr + μ (u - u₀)),

where λ falls while steps succeed and rises when they fail, and μ = κE pulls towards u₀, where the
fit began: firmly while the error is large and the far corners of the ranges are tempting, and not
at all in the end.

Source: D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963.

J need not be whole. With D `(k, n)`, k directions of the n unknowns, JDᵀ alone gives the best step
among the sums of those directions; with new ones each time, all unknowns move in the end.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

PULL = 0.1
"""κ above."""

FACTORS = (0.1, 1.0, 10.0)
"""Each step tries the λ of the last one times these, in one call."""

SMALLEST = 1e-20

PATIENCE, LEAST_GAIN = 6, 0.2

AT_ONCE = 2**22
"""Numbers of a Jacobian that are computed in one call."""

Residual = Callable[[Tensor], Tensor]
"""From u `(..., starts, n)` to r `(..., starts, m)`."""

Derivative = Callable[[Residual, Tensor, Tensor], Tensor]
"""From r, u `(starts, n)` and directions `(k, n)` to dr along each, `(k, starts, m)`."""


def levenberg_marquardt(
    residual: Residual,
    u: Tensor,
    derivative: Derivative,
    *,
    steps: int,
    goal: float = 0.0,
    directions: Callable[[], Tensor] | None = None,
    on_step: Callable[[Tensor], None] = lambda error: None,
) -> Tensor:
    """Better values of each start of `u` `(starts, n)`.

    Stops after `steps`, when the best E is under `goal`, or when steps through all unknowns,
    `PATIENCE` times over, have taken less than the share `LEAST_GAIN` off it. `directions` gives
    D anew for each step; without it, D is the unit vectors.
    """
    whole = torch.eye(u.shape[-1], dtype=u.dtype, device=u.device)
    u0, lam = u, torch.full(u.shape[:1], 1e-2, dtype=u.dtype, device=u.device)
    factors = torch.tensor(FACTORS, dtype=u.dtype, device=u.device)
    r = residual(u)
    E, best = _energy(r), []
    for _ in range(steps):
        D = whole if directions is None else directions()
        J = _in_parts(residual, u, D, derivative)
        mu = PULL * E
        JJ = torch.einsum("ksm,lsm->skl", J, J) + mu[:, None, None] * (D @ D.T)
        Jr = torch.einsum("ksm,sm->sk", J, r) + mu[:, None] * ((u - u0) @ D.T)
        scale = torch.diagonal(JJ, dim1=-2, dim2=-1).amax(-1).clamp(min=SMALLEST) / 10
        damping = (factors[:, None] * lam * scale)[..., None, None] * torch.eye(len(D)).to(u)
        z = torch.linalg.solve(JJ + damping, -Jr.expand(len(factors), *Jr.shape))
        tried = u + z @ D
        r_tried = residual(tried)
        E_tried = _energy(r_tried)
        pulled = E_tried + mu * (tried - u0).square().sum(-1)
        lowest, which = pulled.nan_to_num(torch.inf).min(0)
        better = lowest < E + mu * (u - u0).square().sum(-1)
        each = torch.arange(len(u), device=u.device)
        u = torch.where(better[:, None], tried[which, each], u)
        r = torch.where(better[:, None], r_tried[which, each], r)
        E = torch.where(better, E_tried[which, each], E)
        lam = torch.where(better, lam * factors[which], lam * 30).clamp(1e-8, 1e4)
        on_step(E)
        best.append(E.min().item())
        patience = math.ceil(PATIENCE * len(whole) / len(D))
        stuck = len(best) > patience and best[-1] > best[-1 - patience] * (1 - LEAST_GAIN)
        if best[-1] < goal or stuck:
            break
    return u


def forward_mode(residual: Residual, u: Tensor, directions: Tensor) -> Tensor:
    """Exact derivatives, by automatic differentiation."""

    def along(direction: Tensor) -> Tensor:
        return torch.func.jvp(residual, (u,), (direction.expand_as(u),))[1]

    return torch.func.vmap(along)(directions)


def differences(residual: Residual, u: Tensor, directions: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Symmetric differences: two residuals for each direction."""
    moves = epsilon * directions[:, None]
    ahead, behind = residual(torch.stack((u + moves, u - moves)))
    return (ahead - behind) / (2 * epsilon)


def _in_parts(residual: Residual, u: Tensor, D: Tensor, derivative: Derivative) -> Tensor:
    size = residual(u).numel()
    parts = D.split(max(1, AT_ONCE // size))
    return torch.cat([derivative(residual, u, part).to(u) for part in parts])


def _energy(r: Tensor) -> Tensor:
    return r.square().sum(-1)
