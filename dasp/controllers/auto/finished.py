"""The balance of a finished song: how loud its stems stand beside each other.

Two things are heard. What lives in the lows is louder than a meter of loudness finds it, and what
is wide is softer: it is there to surround. The numbers are fitted to the stems of released songs
(`python -m benchmarks.auto_evidence`), and tested on songs that they were not fitted to. A share
of the rule of thumb for roles is added, for what no song among these could tell.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.controllers.rules.balance import LOUDNESS_BY_ROLE_LU, MOST_DB
from dasp.signal.side_by_side import side_by_side

LOW_HZ = 250.0
ROLE_SHARE = 0.3
"""How much the rule of thumb counts: chosen, and not fitted."""


class Finished(NamedTuple):
    """What the level of a finished stem goes by.

    Args:
        side_db: For all of its energy in the side.
        low_db: For all of its energy under `LOW_HZ`.
    """

    side_db: float
    low_db: float


FINISHED = Finished(-3.15, 6.09)


def finished_levels(
    parts: Sequence[Tensor],
    side: Tensor,
    roles: Sequence[str],
    playing: Tensor,
    sample_rate: float,
    finished: Finished = FINISHED,
) -> Tensor:
    """Find the loudnesses that the stems of a finished song have, beside each other.

    Args:
        parts: Audio `(channels, time)` of each track, where it plays.
        side: Share of the side in the energy of each, `(tracks,)`.
        roles: Role of each track.
        playing: Which tracks play `(tracks,)`.
        sample_rate: In Hz.
        finished: What they go by.

    Returns:
        Levels in LU with a mean of 0 over the tracks that play, `(tracks,)`.
    """
    low = torch.stack(side_by_side(lambda x: low_share(x, sample_rate), parts)).double()
    return combined(side, low, roles, playing, finished)


def combined(
    side: Tensor, low: Tensor, roles: Sequence[str], playing: Tensor, finished: Finished
) -> Tensor:
    """Combine what is heard of finished stems, and their roles, to levels.

    Args:
        side: Share of the side in the energy of each, `(tracks,)`.
        low: Share of the energy under `LOW_HZ`, `(tracks,)`.
        roles: Role of each.
        playing: Which of them play `(tracks,)`.
        finished: What the levels go by.

    Returns:
        Levels in LU with a mean of 0 over the tracks that play, `(tracks,)`.
    """
    by_ear = finished.side_db * side + finished.low_db * low
    by_role = torch.tensor([LOUDNESS_BY_ROLE_LU[role] for role in roles]).double()
    if playing.any():
        by_role = (by_role - by_role[playing].median()).clamp(-MOST_DB, MOST_DB)
        by_ear, by_role = (x - x[playing].mean() for x in (by_ear, by_role))
    return (1 - ROLE_SHARE) * by_ear + ROLE_SHARE * by_role


def low_share(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the share of the energy of a track that lies under `LOW_HZ`.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        The share, `()`; 0 for silence.

    >>> t = torch.arange(8000) / 8000
    >>> low_share(torch.sin(2 * torch.pi * 100 * t)[None], 8000) > 0.99
    tensor(True)
    """
    power = torch.fft.rfft(x.float()).abs().square().sum(-2)
    under = round(LOW_HZ * x.shape[-1] / sample_rate)
    return power[:under].sum() / power.sum().clamp(min=1e-20)
