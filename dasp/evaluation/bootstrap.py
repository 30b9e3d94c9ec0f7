"""How sure a mean is: percentile bootstrap intervals.

B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from dasp._checks import check_range


class Interval(NamedTuple):
    """A mean, and the interval that it lies in with the asked confidence."""

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
    """The mean of values, one a song, with its interval; of one value that is the value.

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
