"""What a made-up engineer likes: for tracks of each role, ranges that settings are drawn from.

The ranges are our own rules of thumb, stated so that a mix made by them is a known answer.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch

from dasp._checks import check_choice

Range = tuple[float, float]

FLAT: Range = (0.0, 0.0)


class Taste(NamedTuple):
    """How tracks of one role are treated: ranges from which a treatment is drawn.

    Args:
        level_lu: Loudness beside a lead vocal, behind the strip.
        from_centre: Distance of the pan from the centre, to either side.
        low_shelf_gain_db: Of the low shelf of the EQ.
        peak_gain_db: Of its peak.
        peak_freq_hz: Of its peak.
        high_shelf_gain_db: Of its high shelf.
        ratio: Of the compressor; 1 is none.
        over_threshold_db: How far the loud moments reach over the threshold of the compressor.
        send_reverb_db: Level of the send to the reverb.
        attack_ms: Of the compressor.
        release_ms: Of the compressor.
    """

    level_lu: Range
    from_centre: Range
    low_shelf_gain_db: Range = FLAT
    peak_gain_db: Range = FLAT
    peak_freq_hz: Range = (1000.0, 4000.0)
    high_shelf_gain_db: Range = FLAT
    ratio: Range = (1.0, 1.0)
    over_threshold_db: Range = FLAT
    send_reverb_db: Range = (-60.0, -60.0)
    attack_ms: Range = (5.0, 30.0)
    release_ms: Range = (60.0, 250.0)


class Treatment(NamedTuple):
    """One draw from a `Taste`: the same numbers, one each, and the pan with its side.

    Args:
        level_lu: Loudness behind the strip, beside a lead vocal.
        pan: -1 (left) to 1 (right).
        low_shelf_gain_db: Of the low shelf of the EQ.
        peak_gain_db: Of its peak.
        peak_freq_hz: Of its peak.
        high_shelf_gain_db: Of its high shelf.
        ratio: Of the compressor; 1 is none.
        over_threshold_db: How far the loud moments are over its threshold.
        send_reverb_db: Level of the send to the reverb.
        attack_ms: Of the compressor.
        release_ms: Of the compressor.
    """

    level_lu: float
    pan: float
    low_shelf_gain_db: float
    peak_gain_db: float
    peak_freq_hz: float
    high_shelf_gain_db: float
    ratio: float
    over_threshold_db: float
    send_reverb_db: float
    attack_ms: float
    release_ms: float


CENTRE, NEAR, WIDE = (0.0, 0.0), (0.1, 0.4), (0.4, 0.9)
DRY, SOME_ROOM, WET = (-60.0, -60.0), (-24.0, -15.0), (-15.0, -8.0)

TASTES: dict[str, Taste] = {
    "vocal": Taste((-1, 1), CENTRE, (-6, -2), (1, 4), (2000, 5000), (1, 4), (2, 4), (4, 10), WET),
    "backing vocal": Taste(
        (-10, -6), WIDE, (-8, -3), (0, 2), (2000, 5000), (0, 4), (2, 4), (4, 10), WET
    ),
    "kick": Taste((-3, 0), CENTRE, (1, 5), (-5, -1), (250, 500), (0, 3), (2, 5), (3, 8), DRY),
    "snare": Taste((-4, 0), CENTRE, (-3, 1), (0, 4), (3000, 6000), (0, 3), (2, 5), (3, 8), WET),
    "hihat": Taste((-14, -9), WIDE, (-9, -4), (-2, 2), (3000, 8000), (-2, 2), send_reverb_db=DRY),
    "tom": Taste((-9, -5), WIDE, (0, 3), (-5, -1), (300, 700), (0, 3), (2, 4), (3, 6), SOME_ROOM),
    "cymbal": Taste((-14, -9), WIDE, (-9, -4), (-2, 0), (2000, 5000), (-1, 2)),
    "overhead": Taste((-12, -7), WIDE, (-8, -3), (-2, 1), (400, 1000), (0, 3), (1, 2), (0, 4)),
    "room": Taste((-16, -9), WIDE, (-6, 0), (-3, 0), (300, 800), (-3, 1), (3, 6), (6, 12)),
    "percussion": Taste(
        (-14, -8), WIDE, (-8, -3), (-1, 2), (2000, 6000), (0, 3), send_reverb_db=SOME_ROOM
    ),
    "drums": Taste((-2, 1), CENTRE, (0, 2), (-2, 1), (300, 800), (0, 2), (1, 3), (2, 6)),
    "bass": Taste((-4, -1), CENTRE, (-1, 3), (-2, 2), (600, 1200), (-4, 0), (3, 6), (4, 10), DRY),
    "guitar": Taste(
        (-8, -4), WIDE, (-5, -1), (-2, 2), (1000, 3500), (-1, 2), (1, 3), (2, 6), SOME_ROOM
    ),
    "keys": Taste(
        (-9, -5), NEAR, (-5, -1), (-3, 1), (500, 2500), (-1, 2), (1, 3), (2, 6), SOME_ROOM
    ),
    "strings": Taste((-11, -6), NEAR, (-5, -1), (-2, 1), (1000, 3000), (0, 3), send_reverb_db=WET),
    "brass": Taste(
        (-9, -5), NEAR, (-5, -1), (-2, 1), (1000, 3000), (-1, 2), (1, 3), (2, 6), SOME_ROOM
    ),
    "synth": Taste(
        (-9, -4), NEAR, (-5, 0), (-2, 2), (1000, 4000), (-1, 2), (1, 2), (0, 4), SOME_ROOM
    ),
    "pad": Taste((-13, -8), NEAR, (-6, -2), (-3, 0), (300, 1500), (-1, 2), send_reverb_db=WET),
    "effect": Taste((-14, -8), WIDE, send_reverb_db=WET),
    "other": Taste((-9, -5), NEAR, (-3, 0), (-2, 2), (500, 4000), (-1, 2), (1, 2), (0, 4)),
}
"""The taste for each role of `dasp.mixing.roles`."""


RIGHT_FIRST = ("hihat", "keys", "synth", "brass", "effect", "other")
"""Roles of which the first track goes to the right, and the first of all others to the left.

Further tracks of a role change sides. It is the stage as the audience sees it, so that whoever
hears what plays can tell where it belongs.
"""

REVERB: dict[str, Range] = {"rt60_s": (0.8, 2.2)}
"""The room that sends go to."""

SUM: dict[str, Range] = {
    "ratio": (1.5, 2.5),
    "over_threshold_db": (2.0, 5.0),
    "attack_ms": (10.0, 40.0),
    "release_ms": (100.0, 300.0),
}
"""The compressor on the sum."""

EASE = 0.15
"""The share of an EQ that is done to what has been through one already."""

_BY_LOGARITHM = ("peak_freq_hz", "ratio", "attack_ms", "release_ms", "rt60_s")


def draw_treatment(role: str, draw: torch.Generator, *, nth: int = 0) -> Treatment:
    """Draw what is done to a track.

    Args:
        role: What it plays.
        draw: Source of the numbers.
        nth: How many tracks of the role there are before it.

    Returns:
        The treatment.

    Raises:
        ValueError: If there is no taste for the role.

    >>> treatment = draw_treatment("kick", torch.Generator().manual_seed(0))
    >>> treatment.pan, -3 <= treatment.level_lu <= 0
    (0.0, True)
    """
    check_choice("role", role, TASTES)
    values = draw_between(TASTES[role]._asdict(), draw)
    side = 1.0 if (role in RIGHT_FIRST) == (nth % 2 == 0) else -1.0
    return Treatment(pan=side * values.pop("from_centre") + 0.0, **values)


def eased(treatment: Treatment) -> Treatment:
    """Do to a stem that was worked on already what is left to do: a level, and a little more.

    Its place, its room and its width are left as they are.

    Args:
        treatment: What would be done to a dry recording.

    Returns:
        The gentler treatment.

    >>> eased(draw_treatment("guitar", torch.Generator().manual_seed(0))).pan
    0.0
    """
    return treatment._replace(
        pan=0.0,
        low_shelf_gain_db=EASE * treatment.low_shelf_gain_db,
        peak_gain_db=EASE * treatment.peak_gain_db,
        high_shelf_gain_db=EASE * treatment.high_shelf_gain_db,
        ratio=1.0,
        send_reverb_db=DRY[0],
    )


def draw_between(ranges: Mapping[str, Range], draw: torch.Generator) -> dict[str, float]:
    """Draw a number from each range; frequencies, times and ratios are even by their logarithms.

    Args:
        ranges: Ends of the ranges by name.
        draw: Source of the numbers.

    Returns:
        The numbers by name.
    """
    shares = torch.rand(len(ranges), generator=draw, dtype=torch.float64).tolist()
    return {
        name: low * (high / low) ** share if name in _BY_LOGARITHM else low + (high - low) * share
        for (name, (low, high)), share in zip(ranges.items(), shares, strict=True)
    }
