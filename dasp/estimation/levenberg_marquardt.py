"""Least squares by the method of Levenberg and Marquardt: the one solver of all estimations.

Minimises E(u) = |r(u)|² for residuals r. With J = dr/du, a step solves

    (JᵀJ + λS) du = -Jᵀr,    S = diag(JᵀJ)^p max(diag(JᵀJ))^(1-p),

where λ falls while steps succeed and rises when they fail. The power p is 0 with Levenberg, who
damps all unknowns alike, and 1 with Marquardt, who damps each in proportion to its effect: the
first does not move what has little effect, the second moves it far. They end in different places,
which is welcome where there are many bad ones.

Source: D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", SIAM
Journal on Applied Mathematics 11, 1963.

An unknown at the end of its range stays there, and out of the system, while E would fall beyond it;
what would step over an end stops there. The solver knows E and the normal equations alone
(`Objective`): both may come from sums over a song that are known beforehand, and `differences`
makes them from a residual.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

SMALLEST = 1e-12
"""No unknown counts as having a smaller share than this of the effect of the most effective one."""

PACE, AHEAD = 3, 20
"""From the pace of the last few steps, each through all unknowns, is judged where so many more will
lead."""


class Equations(NamedTuple):
    """The normal equations of one step.

    Args:
        matrix: JᵀJ, `(*batch, n, n)`.
        slope: Jᵀr, `(*batch, n)`.
        directions: Directions `(k, n)` in which a step may go, drawn anew for each step; then J is
            by steps along these, and `matrix` and `slope` have k in the place of n.
        is_exact: Whether J was computed at this very place, `(*batch)` or for all. If not, and no
            step helps, the equations are asked for at the same place again.
    """

    matrix: Tensor
    slope: Tensor
    directions: Tensor | None = None
    is_exact: Tensor | bool = True


class Objective(NamedTuple):
    """A sum of squares to be minimised.

    Args:
        error: From unknowns `(tries, *batch, n)` to E, `(tries, *batch)`.
        equations: From unknowns `(*batch, n)` to their normal equations.
        keep: Told which starts of a batch `(starts,)` go on alone from here. With it, each start
            ends by itself, and takes no time from there on; without it, all end together.
    """

    error: Callable[[Tensor], Tensor]
    equations: Callable[[Tensor], Equations]
    keep: Callable[[Tensor], None] | None = None


@dataclass(frozen=True)
class Damping:
    """How λ follows the success of the steps.

    Args:
        power: The power p, from 0 (Levenberg) to 1 (Marquardt).
        first: λ of the first step.
        tries: Each step tries λ times these, in one call, and takes the best.
        after_success: What λ is multiplied by after a step that lowered E.
        after_failure: What λ is multiplied by after a step that did not.
        least: Smallest λ.
        most: Largest λ; an E that no step with this λ lowers is as low as numbers tell.
        longest: No unknown moves further in one step.
    """

    power: float = 1.0
    first: float = 1e-3
    tries: tuple[float, ...] = (1.0,)
    after_success: float = 1 / 5
    after_failure: float = 6.0
    least: float = 1e-9
    most: float = 1e6
    longest: float = math.inf


@dataclass(frozen=True)
class Stop:
    """What ends a minimisation.

    Args:
        steps: Largest number of steps, those that fail included.
        goal: E that is small enough.
        patience: Number of steps over which the fall of E is judged, after each that lowered E.
        least_gain: Share by which E has to fall over these steps; otherwise the search is stuck.
        rival: E of another minimisation that is to be beaten: the search ends where E, at the
            present pace, would not fall below it in 20 more steps. Starts that end by themselves
            are rivals of one another.
    """

    steps: int
    goal: float = 0.0
    patience: int = 1
    least_gain: float = 0.0
    rival: float = math.inf

    def reached(self, least: list[Tensor], calls: float) -> Tensor:
        """Tell where to stop.

        Args:
            least: Smallest E after each step so far, of each of those that are judged.
            calls: Number of steps that it takes to go through all unknowns.

        Returns:
            True at the goal, where E is stuck, or where the rival is out of reach.
        """
        now, patience = least[-1], math.ceil(self.patience * calls)
        over = now <= self.goal
        if len(least) > patience:
            over = over | (now > least[-1 - patience] * (1 - self.least_gain))
        pace = math.ceil(PACE * calls)
        if len(least) > pace and (self.rival < math.inf or now.numel() > 1):
            rival = now.min().clamp(max=self.rival)
            over = over | (now * (now / least[-1 - pace]) ** (AHEAD / PACE) > rival)
        return over


@dataclass(frozen=True)
class Pull:
    """A price on unknowns that leave a place of rest.

    The price is relative to E and falls as E does. It decides the unknowns that the residuals do
    not decide, and leaves no trace in an answer that is exact.

    Args:
        rest: The place of rest, broadcast to the unknowns.
        price: Price of the square of the way from there, as a share of E, broadcast likewise.
        least_error: E below which an answer is exact.
    """

    rest: Tensor
    price: Tensor
    least_error: float = 1e-12


NO_PULL = Pull(torch.zeros(()), torch.zeros(()))


def levenberg_marquardt(
    objective: Objective,
    u: Tensor,
    *,
    stop: Stop,
    low: Tensor | float = -math.inf,
    high: Tensor | float = math.inf,
    damping: Damping = Damping(),
    pull: Pull = NO_PULL,
    on_step: Callable[[Tensor], None] = lambda error: None,
) -> Tensor:
    """Minimise a sum of squares, over a batch of starts.

    Args:
        objective: The sum of squares and its normal equations.
        u: Where to begin, `(*batch, n)`.
        stop: What ends the minimisation, judged by the best of the batch, or, where the objective
            can do without some of the starts, of each by itself. All end where one is at the goal.
        low: Lower end of the unknowns, broadcast to `u`; what has both ends alike is not moved.
        high: Upper end of the unknowns.
        damping: How λ follows the success of the steps.
        pull: A price on leaving a place of rest; by default none.
        on_step: Called after each step with E of each start, `(*batch)`.

    Returns:
        Unknowns of the shape of `u`, with an E that is no larger than at the start but for the
        price.

    Source: D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters",
    SIAM Journal on Applied Mathematics 11, 1963.

    >>> square = Objective(
    ...     lambda u: (u - 3).square().sum(-1), lambda u: Equations(torch.eye(1), u - 3)
    ... )
    >>> levenberg_marquardt(square, torch.zeros(1), stop=Stop(steps=20), high=2.0)
    tensor([2.])
    """
    low, high = (torch.as_tensor(end).to(u) for end in (low, high))
    tries = torch.tensor(damping.tries).to(u)
    keep, found, going = objective.keep, u, torch.arange(len(u), device=u.device)
    each = keep is not None
    error = objective.error(u[None])[0]
    if each and (error <= stop.goal).any():
        return u
    lam, least = torch.full_like(error, damping.first), [error if each else error.min()]
    equations = None
    for _ in range(stop.steps):
        if equations is None:
            price = (pull.price * (error + pull.least_error)[..., None]).expand_as(u)
            equations = _pulled(objective.equations(u), price, price * (u - pull.rest))
            equations = _held(equations, u, low, high)
        du = _steps(equations, torch.einsum("t,...->t...", tries, lam), damping)
        tried = (u + du).clamp(low, high)
        errors = objective.error(tried).nan_to_num(math.inf, math.inf)
        ways = (tried - pull.rest).square() - (u - pull.rest).square()
        cost, which = (errors + (price * ways).sum(-1)).min(0)
        better, exact = cost < error, torch.as_tensor(equations.is_exact, device=u.device)
        if not (exact.all() or better.any()):
            equations = None
            continue
        u = torch.where(better[..., None], tried.take_along_dim(which[None, ..., None], 0)[0], u)
        error = torch.where(better, errors.take_along_dim(which[None], 0)[0], error)
        on_failure = torch.where(exact, damping.after_failure, 1.0).to(lam)
        lam = lam * torch.where(better, tries[which] * damping.after_success, on_failure)
        lam = lam.clamp(damping.least, damping.most)
        on_step(error)
        least.append(error if each else error.min())
        over = ~better & exact & (lam >= damping.most)
        moves = better if each else better.any() | (equations.directions is not None)
        if moves.any():
            calls = 1 if equations.directions is None else u.shape[-1] / len(equations.directions)
            over = torch.where(moves, stop.reached(least, calls), over)
            equations = None
        if over.all() or (each and (error <= stop.goal).any()):
            break
        if keep is not None and over.any():
            found = found.index_copy(0, going, u)
            u, error, lam, going = (t[~over] for t in (u, error, lam, going))
            least, equations = [past[~over] for past in least], None
            keep(~over)
    return found.index_copy(0, going, u) if each else u


def _pulled(equations: Equations, price: Tensor, slope: Tensor) -> Equations:
    """The equations with a price on each unknown; there is none where only directions are known."""
    if equations.directions is not None:
        return equations
    matrix = equations.matrix + torch.diag_embed(price)
    return equations._replace(matrix=matrix, slope=equations.slope + slope)


def _held(equations: Equations, u: Tensor, low: Tensor, high: Tensor) -> Equations:
    """The equations without the unknowns that would leave their range from where they stand."""
    matrix, slope = equations.matrix, equations.slope
    if equations.directions is not None:
        return equations
    held = ((u <= low) & (slope >= 0)) | ((u >= high) & (slope <= 0))
    matrix = torch.where(held[..., :, None] | held[..., None, :], 0.0, matrix)
    return equations._replace(matrix=matrix, slope=torch.where(held, 0.0, slope))


def _steps(equations: Equations, lam: Tensor, damping: Damping) -> Tensor:
    """Steps `(tries, *batch, n)` for λ `(tries, *batch)`; 0 where the equations have no answer."""
    matrix, slope, directions = equations.matrix, equations.slope, equations.directions
    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    most = diagonal.amax(-1, keepdim=True).clamp(min=SMALLEST)
    S = diagonal.clamp(min=SMALLEST * most) ** damping.power * most ** (1 - damping.power)
    damped = matrix + torch.diag_embed(lam[..., None] * S)
    du = torch.linalg.solve_ex(damped, -slope.expand(damped.shape[:-1])[..., None])[0][..., 0]
    du = du.nan_to_num(0, 0, 0)
    du = du if directions is None else du @ directions
    return du * (damping.longest / du.abs().amax(-1, keepdim=True)).clamp(max=1)
