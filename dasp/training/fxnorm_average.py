"""Songs whose average effects are brought to those that stems are normalised to.

A network that puts back what the normaliser took away learns first how the songs of its training
differ from the average of the normaliser, all of them alike. Of other songs that is not true. So
all songs of one kind get one filter and one gain for each group, which make their average that of
the normaliser; what tells a song from the others stays as it is.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis import measure_stereo_width
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.fxnorm.equaliser import filter_without_delay
from dasp.controllers.fxnorm.features import (
    GROUPS,
    RATE,
    REFERENCE_LUFS,
    load_features,
    measure_curves,
)
from dasp.functional import stereo_widener
from dasp.units import db_to_gain, power_to_db

MOST_SIDE_DB = 12.0
"""How far the side of a group is turned up or down at most."""


class Change(NamedTuple):
    """What all stems of a group are changed by.

    Args:
        gains: Of the filter, beside their mean, at the points of a spectrum.
        gain_db: How much louder they become.
        side_db: How much louder their side becomes.
    """

    gains: Tensor
    gain_db: float
    side_db: float


@torch.no_grad()
def changes_to_average(songs: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Change]:
    """Find what brings the average effects of songs to those of the normaliser.

    Loudness is taken beside that of the whole song, since a mix has no level of its own, and width
    beside that of the stems that are normalised.

    Args:
        songs: Songs in stems, each `(8, time)` at 44,100 Hz: as an engineer left them, and
            normalised.

    Returns:
        The changes, by the name of the group; a group that no song has is not there.
    """
    wanted = load_features()
    spectra: dict[str, list[Tensor]] = {group: [] for group in GROUPS}
    gains_db: dict[str, list[float]] = {group: [] for group in GROUPS}
    sides_db: dict[str, list[float]] = {group: [] for group in GROUPS}
    for song, normalised in songs:
        stems, average = by_group(song), by_group(normalised)
        own = {group: measure_loudness(stem, RATE).item() for group, stem in stems.items()}
        own = {group: lufs for group, lufs in own.items() if lufs > ABSOLUTE_GATE_LUFS}
        louder = together([wanted[group].loudness_lufs for group in own]) - together(own.values())
        for group, lufs in own.items():
            at_reference = stems[group] * db_to_gain(REFERENCE_LUFS - lufs)
            spectra[group].append(measure_curves(at_reference, group)[0])
            gains_db[group].append(wanted[group].loudness_lufs - lufs - louder)
            sides_db[group].append(side_db(average[group]) - side_db(stems[group]))
    return {
        group: Change(
            wanted[group].spectrum / torch.stack(curves).mean(0).clamp(min=1e-9),
            sum(gains_db[group]) / len(curves),
            max(-MOST_SIDE_DB, min(MOST_SIDE_DB, sum(sides_db[group]) / len(curves))),
        )
        for group, curves in spectra.items()
        if curves
    }


@torch.no_grad()
def changed(song: Tensor, changes: Mapping[str, Change]) -> Tensor:
    """Change the stems of a song.

    Args:
        song: Stems `(8, time)` at 44,100 Hz.
        changes: By the name of the group.

    Returns:
        Stems of the same shape. Filter and side leave loudness as it is.
    """
    stems = []
    for group, stem in by_group(song).items():
        before = measure_loudness(stem, RATE)
        if group in changes and before > ABSOLUTE_GATE_LUFS:
            filtered = filter_without_delay(stem, changes[group].gains.to(stem))
            filtered = stereo_widener(filtered, RATE, width=db_to_gain(changes[group].side_db))
            gain_db = before - measure_loudness(filtered, RATE) + changes[group].gain_db
            stem = filtered * db_to_gain(gain_db)
        stems.append(stem)
    return torch.cat(stems)


def by_group(song: Tensor) -> dict[str, Tensor]:
    """Name the stems of a song.

    Args:
        song: Stems `(8, time)`.

    Returns:
        Audio `(2, time)` by the name of the group.
    """
    return dict(zip(GROUPS, song.float().split(2), strict=True))


def side_db(stem: Tensor) -> float:
    """Measure how loud the side of a stem is beside its middle, down to where it is none.

    Args:
        stem: Audio `(2, time)`.

    Returns:
        In dB, at least -40.
    """
    return max(-40.0, power_to_db(measure_stereo_width(stem, RATE)).item())


def together(levels: Collection[float]) -> float:
    """Add loudnesses up, as those of sounds that have nothing to do with each other.

    Args:
        levels: In LUFS, at least one.

    Returns:
        In LUFS.

    >>> round(together([-20.0, -20.0]), 2)
    -16.99
    """
    return 10 * math.log10(sum(10 ** (level / 10) for level in levels))
