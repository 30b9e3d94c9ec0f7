"""The Dirichlet distribution over the tracks of a song, some of which may be absent."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

LEAST_SHARE = 1e-6
"""A drawn share is never less: the density has no value at 0."""

LEAST_PARAMETER = 1e-3


class Dirichlet(NamedTuple):
    """Distributions of shares that sum to 1, one for each item of a batch.

    Args:
        share: The mean, `(batch, tracks)`: sums to 1 and is 0 for absent tracks.
        concentration: The sum of all parameters, `(batch,)`: the higher, the nearer to the mean.
        present: Which tracks there are, `(batch, tracks)`.
    """

    share: Tensor
    concentration: Tensor
    present: Tensor

    @property
    def alpha(self) -> Tensor:
        """The parameters, `(batch, tracks)`; those of absent tracks are 1 and mean nothing."""
        alpha = (self.share * self.concentration[:, None]).clamp(min=LEAST_PARAMETER)
        return alpha.masked_fill(~self.present, 1.0)

    def log_density(self, share: Tensor) -> Tensor:
        """Compute the logarithm of the density.

        Args:
            share: Where, `(batch, tracks)`, above 0 for the tracks that there are.

        Returns:
            `(batch,)`.
        """
        alpha = self.alpha
        powers = (alpha - 1) * share.masked_fill(~self.present, 1.0).log()
        total = (alpha * self.present).sum(-1)
        return total.lgamma() + (powers - alpha.lgamma()).sum(-1)


Choose = Callable[[Dirichlet], Tensor]
"""Takes shares `(batch, tracks)` from distributions."""


def mean(distribution: Dirichlet) -> Tensor:
    """Take the mean.

    Args:
        distribution: The distributions.

    Returns:
        Shares `(batch, tracks)`.
    """
    return distribution.share


def draw(distribution: Dirichlet) -> Tensor:
    """Draw by torch's own chance, with a gradient to the parameters.

    Args:
        distribution: The distributions.

    Returns:
        Shares `(batch, tracks)`; 0 of absent tracks.
    """
    alpha, present = distribution.alpha, distribution.present
    # Shares of independent draws from Gamma distributions are one draw from a Dirichlet.
    drawn = torch.distributions.Gamma(alpha, torch.ones_like(alpha)).rsample() * present
    drawn = (drawn / drawn.sum(-1, keepdim=True).clamp(min=1e-30) + LEAST_SHARE) * present
    return drawn / drawn.sum(-1, keepdim=True)
