"""Settings that move over time, without clicks.

A setting that moves is given at a few knots, samples of the signal that rise in time. A parameter
that a processor can follow sample by sample (a gain, a pan) is drawn as straight lines through
its knots. Where any other moves (a frequency, a threshold), the processor runs at the settings of
each knot, and fades from one run to the next.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from dasp.processors import Param, Processor

WARM_UP_S = 1.0
"""How long a processor runs unheard before it fades in, so that its memory has filled."""

AHEAD_S = 0.1
"""What it hears beyond the end of its fade: more than any look-ahead."""


def block_knots(blocks: int, time: int) -> list[int]:
    """Return the middle samples of equal parts of a signal.

    Args:
        blocks: Number of parts.
        time: Length of the signal in samples.

    Returns:
        One sample for each part, rising.

    >>> block_knots(3, 9)
    [1, 4, 7]
    """
    return [math.floor((block + 0.5) * time / blocks) for block in range(blocks)]


def run_moving(
    processor: Processor,
    x: Tensor,
    sample_rate: float,
    settings: Mapping[str, Any],
    moving: Mapping[str, Tensor],
    knots: Sequence[int],
    **along_time: Tensor,
) -> Tensor:
    """Run a processor with some settings that are constant and others that move over time.

    Args:
        processor: What processes `x`.
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        settings: Parameters that are constant, and options, by name.
        moving: Values at the knots of the parameters that move, `(*batch, knots)` or
            `(*batch, knots, bands)`, by name.
        knots: Samples at which the values are reached, rising.
        **along_time: Inputs that are as long as `x`, such as a side chain.

    Returns:
        Audio of the shape that the processor returns.
    """
    params = {param.name: param for param in processor.params}
    if all(params[name].automatable for name in moving):
        lines = {name: straight_lines(value, knots, x.shape[-1]) for name, value in moving.items()}
        return processor(x, sample_rate, **{**settings, **lines, **along_time})

    def run(start: int, stop: int, knot: int) -> Tensor:
        """Samples `start` to `stop` at the settings of one knot."""
        first = max(0, start - round(WARM_UP_S * sample_rate))
        last = min(x.shape[-1], stop + round(AHEAD_S * sample_rate))
        heard = {name: value[..., first:last] for name, value in along_time.items()}
        still = {name: at_knot(params[name], value, knot) for name, value in moving.items()}
        y = processor(x[..., first:last], sample_rate, **{**settings, **still, **heard})
        return y[..., start - first : stop - first]

    return _cross_fade(run, knots, x.shape[-1])


def straight_lines(value: Tensor, knots: Sequence[int], time: int) -> Tensor:
    """Interpolate linearly between the values at knots; outside the knots the values are constant.

    Args:
        value: Values `(..., knots)`.
        knots: The sample of each value, rising.
        time: Length of the result in samples.

    Returns:
        Values at every sample, `(..., time)`.

    >>> straight_lines(torch.tensor([0.0, 4.0]), [1, 3], 5)
    tensor([0., 0., 2., 4., 4.])
    """
    if len(knots) == 1:
        return value.expand(*value.shape[:-1], time)
    place = torch.tensor(knots, dtype=torch.float64, device=value.device)
    n = torch.arange(time, dtype=torch.float64, device=value.device)
    left = (torch.searchsorted(place, n, right=True) - 1).clamp(0, len(knots) - 2)
    share = ((n - place[left]) / (place[left + 1] - place[left])).clamp(0, 1).to(value.dtype)
    return torch.lerp(value[..., left], value[..., left + 1], share)


def at_knot(param: Param, value: Tensor, knot: int) -> Tensor:
    """Return the values of a parameter at one knot.

    Args:
        param: The parameter.
        value: Values `(*batch, knots)`, or `(*batch, knots, bands)` for a parameter with bands.
        knot: Number of the knot.

    Returns:
        Values `(*batch)` or `(*batch, bands)`.
    """
    return value[..., knot, :] if param.bands else value[..., knot]


def _cross_fade(run: Callable[[int, int, int], Tensor], knots: Sequence[int], time: int) -> Tensor:
    """Cross-fade the runs of a processor, each from the knot before its own to the knot after."""
    edges = [0, *knots, time]
    runs = [run(edges[k], min(edges[k + 2], time), k) for k in range(len(knots)) if edges[k] < time]
    pieces = [runs[0][..., : knots[0]]]
    for k, (start, stop) in enumerate(pairwise(knots)):
        end = min(stop, time)  # A knot may lie behind the end of the signal.
        if start >= end:
            break
        before = runs[k][..., start - edges[k] : end - edges[k]]
        after = runs[k + 1][..., : end - start]
        share = torch.arange(end - start, dtype=torch.float64, device=before.device)
        pieces.append(torch.lerp(before, after, (share / (stop - start)).to(before.dtype)))
    if knots[-1] < time:
        pieces.append(runs[-1][..., knots[-1] - edges[-3] :])
    return torch.cat(pieces, -1)
