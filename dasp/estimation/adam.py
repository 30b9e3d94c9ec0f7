"""Adam over a batch of starts in [0, 1], each of which keeps the best that it has met."""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def adam(
    loss: Callable[[Tensor], Tensor],
    u: Tensor,
    *,
    steps: int,
    rate: float,
    on_step: Callable[[Tensor], None] = lambda error: None,
) -> Tensor:
    """Minimise a loss over a batch of starts with Adam, and keep the best of each start.

    The rate falls to a tenth along half a cosine.

    Args:
        loss: From unknowns `(starts, n)` to the loss of each start, `(starts,)`.
        u: Where to begin, `(starts, n)`, in [0, 1].
        steps: Number of steps.
        rate: Learning rate of the first step.
        on_step: Called after each step with the smallest loss of each start so far.

    Returns:
        The unknowns of the smallest loss of each start, `(starts, n)`, in [0, 1].
    """
    u = u.clone().requires_grad_()
    optimiser = torch.optim.Adam([u], lr=rate, betas=(0.9, 0.99))
    best, least = u.detach().clone(), torch.full(u.shape[:1], torch.inf, dtype=u.dtype)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * (
            0.55 + 0.45 * math.cos(math.pi * step / max(steps - 1, 1))
        )
        optimiser.zero_grad()
        error = loss(u)
        better = error.detach() < least
        least = torch.where(better, error.detach().to(u), least)
        best = torch.where(better[:, None], u.detach(), best)
        error.sum().backward()
        optimiser.step()
        with torch.no_grad():
            u.clamp_(0, 1)
        on_step(least)
    return best
