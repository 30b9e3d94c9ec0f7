"""What somebody brought: recordings as they were made, or stems that were worked on.

Two questions are asked of a song, and each has a likelihood for an answer.

- Has somebody worked on these tracks? Finished stems are stereo files with a side of their own,
  even those of a kick or a voice, since their room is in them. A dry recording is mono.
- Are their levels a balance already? Stems out of a session have the levels of the mix; stems that
  were normalised, or recordings, have not. A balance is like the one of finished songs.

The numbers are fitted by `python -m benchmarks.auto_evidence`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.controllers.auto.finished import FINISHED, Finished, finished_levels
from dasp.controllers.console.features import STEREO, busiest_part, side_share
from dasp.mixing.song import Song
from dasp.signal.side_by_side import side_by_side

WORKED_ON = (-4.8, 12.6)
"""Logit that the tracks of a song were worked on: a constant, and the share that is stereo."""

BALANCED = (-2.3, 5.3)
"""Logit that their levels are a balance: a constant, and how they go with those of finished
songs (the correlation)."""

ALIKE_DB = 1.5
"""Loudnesses, or peaks, that differ by no more than this (standard deviation) were normalised."""


class Evidence(NamedTuple):
    """What is heard of a song before it is mixed.

    Args:
        loudness: Of each track, in LUFS `(tracks,)`.
        playing: Which tracks play `(tracks,)`.
        stereo: Which tracks have a side of their own `(tracks,)`.
        finished_db: Levels that these would have as stems of a finished song `(tracks,)`.
        worked_on: How likely somebody has worked on the tracks, 0 to 1.
        balanced: How likely their levels are a balance, 0 to 1.
    """

    loudness: Tensor
    playing: Tensor
    stereo: Tensor
    finished_db: Tensor
    worked_on: float
    balanced: float


@torch.no_grad()
def hear_evidence(song: Song, finished: Finished = FINISHED) -> Evidence:
    """Listen to what somebody brought.

    Args:
        song: The tracks, their names and roles.
        finished: What the levels of finished stems go by.

    Returns:
        The evidence.
    """
    rate = song.sample_rate
    loudness = torch.stack(side_by_side(lambda x: measure_loudness(x, rate), song.tracks)).double()
    playing = loudness > ABSOLUTE_GATE_LUFS
    parts = side_by_side(lambda x: busiest_part(x, rate), song.tracks)
    side = torch.stack(side_by_side(lambda x: side_share(x, rate), parts)).double()
    stereo = playing & (side > STEREO)
    finished_db = finished_levels(parts, side, song.roles, playing, rate, finished)
    worked_on = balanced = 0.0
    if playing.any():
        share = (stereo.sum() / playing.sum()).item()
        worked_on = _logistic(WORKED_ON, share)
        peaks_db = torch.stack([x.abs().amax().clamp(min=1e-9).log10() * 20 for x in song.tracks])
        if not any(_alike(levels[playing]) for levels in (loudness, peaks_db)):
            balanced = _logistic(BALANCED, correlation(loudness[playing], finished_db[playing]))
    return Evidence(loudness, playing, stereo, finished_db, worked_on, balanced)


def _alike(levels_db: Tensor) -> bool:
    return len(levels_db) < 3 or levels_db.double().std().item() < ALIKE_DB


def correlation(x: Tensor, y: Tensor) -> float:
    """Measure how levels go with each other.

    Args:
        x: Levels in dB `(tracks,)`.
        y: Others.

    Returns:
        The coefficient of Pearson, 0 where either does not differ.

    >>> correlation(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([3.0, 5.0, 9.0]))
    1.0
    """
    x, y = x - x.mean(), y - y.mean()
    return round(((x * y).sum() / (x.norm() * y.norm()).clamp(min=1e-9)).item(), 6)


def _logistic(weights: Sequence[float], x: float) -> float:
    return torch.sigmoid(torch.tensor(weights[0] + weights[1] * x)).item()
