"""Adam over a batch of starts in [0, 1], each of which keeps the best that it has met.

It is written out because `torch.optim` loads torch's compiler, which takes longer than many a
search.

Source: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, with its
symbols.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-8


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
    u = u.detach().clone()
    best, least = u.clone(), torch.full(u.shape[:1], torch.inf, dtype=u.dtype)
    m, v = torch.zeros_like(u), torch.zeros_like(u)
    for step in range(steps):
        alpha = rate * (0.55 + 0.45 * math.cos(math.pi * step / max(steps - 1, 1)))
        with torch.enable_grad():
            error = loss(u.requires_grad_())
            (g,) = torch.autograd.grad(error.sum(), u)
        u, error = u.detach(), error.detach().to(u)
        better = error < least
        least = torch.where(better, error, least)
        best = torch.where(better[:, None], u, best)
        m = BETA_1 * m + (1 - BETA_1) * g
        v = BETA_2 * v + (1 - BETA_2) * g.square()
        m_hat, v_hat = m / (1 - BETA_1 ** (step + 1)), v / (1 - BETA_2 ** (step + 1))
        u = (u - alpha * m_hat / (v_hat.sqrt() + EPSILON)).clamp(0, 1)
        on_step(least)
    return best
