"""How sure a mean is: percentile bootstrap intervals.

B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from dasp._checks import check_range


class Interval(NamedTuple):
    """A mean and its confidence interval.

    Args:
        mean: The mean.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    mean: float
    low: float
    high: float


def mean_interval(
    values: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Compute a mean and its confidence interval by the percentile bootstrap.

    Args:
        values: Values, one a song; at least one.
        confidence: Share of intervals that hold the mean, between 0 and 1.
        resamples: Number of samples that are drawn from the values.
        seed: Seed of the draws.

    Returns:
        Mean and interval in the unit of the values; of one value, that value.

    Raises:
        ValueError: If there is no value, or `confidence` is outside its range.

    Source: B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.

    >>> mean_interval([2.0, 2.0, 2.0])
    Interval(mean=2.0, low=2.0, high=2.0)
    """
    if not len(values):
        raise ValueError("values: expected at least one")
    check_range("confidence", confidence, above=0.0, below=1.0)
    x = torch.as_tensor(values, dtype=torch.float64)
    draw = torch.Generator().manual_seed(seed)
    means = x[torch.randint(len(x), (resamples, len(x)), generator=draw)].mean(-1)
    tail = (1 - confidence) / 2
    low, high = torch.quantile(means, torch.tensor([tail, 1 - tail], dtype=x.dtype)).tolist()
    return Interval(x.mean().item(), low, high)
