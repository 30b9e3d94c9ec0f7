"""Other settings that sound alike: with another equaliser of nearly the same response.

A polish often ends where bands of an equaliser stand in each other's place. The response of the
whole chain is then nearly right, and so is what follows it; only the way in which the bands share
the response is not. To give a chain a response is a small problem beside fitting what it makes of
audio: all that it takes is what the chain makes of one quiet impulse. So many bands are drawn, led
to the response that there is, and the nearest are left to the polish.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dasp.estimation.differences import by_differences
from dasp.estimation.fitting.excerpt import Excerpt
from dasp.estimation.fitting.levels import UNIT_DB, bands_of, frame_size
from dasp.estimation.fitting.stages import FOUR_AT_ONCE, Stages
from dasp.estimation.levenberg_marquardt import Pull, Stop, levenberg_marquardt
from dasp.signal.stft import stft

QUIET = 1e-4
"""Height of the impulse, at which dynamics rest and curves are straight."""

FLOOR, SILENCE = 1e-4, 1e-30
"""Bands under this share of the loudest are as good as silent."""

SHIFT, SHAPES_DB = 0.05, 0.02
"""A control shapes the response if, moved by the first, it moves bands apart by the second."""

AWAY = 0.15
"""Standard deviation of those controls from what was given, where 1 is the way across a range."""

END = 0.02
"""How far from the ends of the ranges a start stays."""

DRAWN = 16
"""Starts for the few that are wanted."""

DESCENT = Stop(steps=12, patience=3, least_gain=0.05)

STAY = 0.1
"""The price for the other controls of leaving where they are, for the whole way across a range: a
share of the error."""


@torch.no_grad()
def settings_alike(
    stages: Stages, best: Tensor, given: Tensor, excerpt: Excerpt, count: int
) -> Tensor:
    """Find settings whose response is nearly that of the best so far.

    Args:
        stages: The stages of the fit.
        best: Controls of the best so far, `(1, n)`.
        given: Controls that the new ones are drawn around, `(1, n)`.
        excerpt: What is heard, whose spectrum tells which frequencies count.
        count: Number of settings.

    Returns:
        Controls `(count, n)`, the nearest first; `(0, n)` where no control shapes the response.
    """
    levels_db = _response(stages, best, excerpt)
    wanted = levels_db(best)
    shapes = _shaping(levels_db, best, wanted)
    if not shapes.any():
        return best[:0]
    away = AWAY * torch.randn(DRAWN, best.shape[-1], generator=stages.generator).to(best)
    start = torch.where(shapes, (given + away).clamp(END, 1 - END), best)
    unit = UNIT_DB * math.sqrt(wanted.shape[-1])
    squares = by_differences(lambda u: (levels_db(u) - wanted) / unit, low=0, high=1)
    pull = Pull(best, torch.where(shapes, 0.0, STAY).to(best))
    found = levenberg_marquardt(
        squares, start, low=0, high=1, damping=FOUR_AT_ONCE, stop=DESCENT, pull=pull
    )
    apart = (levels_db(found) - wanted).square().sum(-1)
    return found[apart.argsort(stable=True)[:count]]


def _response(stages: Stages, best: Tensor, excerpt: Excerpt) -> Callable[[Tensor], Tensor]:
    """From controls `(..., n)` to levels in dB of what the response makes of the dry spectrum."""
    dry, rate = excerpt.dry[0], stages.sample_rate
    size = frame_size(rate)
    spectrum = stft(dry, size, size // 2).abs().square().mean((0, 2))
    bands = bands_of(size, rate).to(dry)
    impulse = torch.zeros(len(dry), size).to(dry)
    impulse[:, 0] = QUIET

    def powers(u: Tensor) -> Tensor:
        x = impulse.expand(*u.shape[:-1], -1, -1)
        y = stages.processor(x, rate, **stages.knobs.settings(u)) / QUIET
        return (torch.fft.rfft(y).abs().square().mean(-2) * spectrum) @ bands

    floor = FLOOR * powers(best).max() + SILENCE
    return lambda u: 10 * torch.log10(powers(u) + floor)


def _shaping(levels_db: Callable[[Tensor], Tensor], best: Tensor, wanted: Tensor) -> Tensor:
    """Which controls change the response by more than a gain, `(n,)`."""
    shift = torch.where(best + SHIFT > 1, -SHIFT, SHIFT)
    change_db = levels_db(best + torch.diag(shift[0])) - wanted
    return change_db.std(-1) > SHAPES_DB
