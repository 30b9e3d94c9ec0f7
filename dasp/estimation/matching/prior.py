"""What is believed of settings before a reference is heard: a Gaussian over their controls."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.estimation.fitting.knobs import Knobs


class Belief(NamedTuple):
    """What one parameter is likely to be.

    Args:
        spread: Standard deviation: in the unit of a linear parameter, as a factor of one on a
            logarithmic scale.
        mean: Most likely value, or one for each band; None is that of the settings to start from.
    """

    spread: float
    mean: float | tuple[float, ...] | None = None


class Prior(NamedTuple):
    """A Gaussian over the controls of knobs, or over gains.

    Args:
        mean: The most likely, `(n,)`.
        root: Lower triangular root of the covariance, `(n, n)`: `mean + root @ z` of normal z is
            drawn from it.
    """

    mean: Tensor
    root: Tensor

    def price(self, u: Tensor) -> Tensor:
        """Compute the negative logarithm of the density, but for a constant.

        Args:
            u: Controls `(*batch, n)`.

        Returns:
            Half the square of the Mahalanobis distance, `(*batch)`.
        """
        return 0.5 * self.ways(u).square().sum(-1)

    def ways(self, u: Tensor) -> Tensor:
        """Compute how far controls are from the mean, in standard deviations.

        Args:
            u: Controls `(*batch, n)`.

        Returns:
            Independent deviations z of the shape of `u`, with which `u = mean + root @ z`.
        """
        away = (u - self.mean.to(u))[..., None]
        return torch.linalg.solve_triangular(self.root.to(u), away, upper=False)[..., 0]


def prior_of(knobs: Knobs, beliefs: Mapping[str, Belief], settings: Mapping) -> Prior:
    """Build the prior of some knobs.

    Args:
        knobs: The free parameters.
        beliefs: What is believed of each, by the last part of its name or by its whole name.
        settings: The settings to start from, which are the mean where a belief has none.

    Returns:
        The prior.
    """
    means, deviations = dict(settings), []
    for param in knobs.free:
        belief = beliefs.get(param.name) or beliefs[param.name.rpartition(".")[2]]
        if belief.mean is not None:
            means[param.name] = belief.mean
        lows, highs = (
            end if isinstance(end, tuple) else (end,) * param.size
            for end in (param.low, param.high)
        )
        for low, high in zip(lows, highs, strict=True):
            way = math.log(high / low) if param.scale == "log" else high - low
            spread = math.log(belief.spread) if param.scale == "log" else belief.spread
            deviations.append(spread / way)
    return Prior(knobs.at(means).float(), torch.tensor(deviations).diag())
