"""Genres as tastes: what is done to a mix that was found, beside what its tracks ask for.

The table is meant to be read and changed. What is known of recordings is how loud the lead is
beside the rest: louder in country, rap and pop, as loud in rock, softer in metal (K. Gerdes and
K. Siedenburg, "Lead-vocal level in recordings of popular music 1946-2020", JASA Express Letters 3,
043201, 2023); and that the long-term spectrum of a recording goes with the level of its percussion
(A. Elowsson and A. Friberg, "Long-term average spectrum in popular music and its relation to the
level of the percussion", AES 142nd Convention, paper 9762, 2017), so that shelves rise here where
drums do. The order of the leads is theirs; every number, and all that is said of reverb and
loudness, are rules of thumb of our own, and small.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from dasp._checks import check_choice
from dasp.mixing.fader import turned_up
from dasp.mixing.groups import group_of
from dasp.mixing.settings import Mix
from dasp.mixing.wet import sent_louder
from dasp.processors.catalogue import PARAMETRIC_EQ
from dasp.processors.stage import Stage


class Genre(NamedTuple):
    """A taste: what changes in a mix that was found.

    Args:
        level_db: Change of the faders, by role or by group.
        lows_db: Low shelf of the sum, at `LOWS_HZ`.
        highs_db: High shelf of the sum, at `HIGHS_HZ`.
        reverb_db: Change of what is sent to reverbs.
        target_lufs: Loudness of the mix, where none is asked for.
    """

    level_db: Mapping[str, float]
    lows_db: float
    highs_db: float
    reverb_db: float
    target_lufs: float


GENRES = {
    #                        balance                               lows highs reverb  LUFS
    "pop":        Genre({"vocal": 1.0},                             0.5,  1.0,   0.0, -16.0),
    "rock":       Genre({"guitars": 1.0, "snare": 0.5},             0.0,  0.5,  -1.0, -16.0),
    "metal":      Genre({"vocal": -1.5, "guitars": 1.5, "kick": 1.0}, 0.5, 1.5, -3.0, -15.0),
    "country":    Genre({"vocal": 2.0, "drums": -1.0},              0.0,  0.5,   0.0, -17.0),
    "folk":       Genre({"vocal": 1.5, "drums": -2.0},             -0.5,  0.0,   1.0, -19.0),
    "hip-hop":    Genre({"vocal": 1.5, "kick": 1.5, "bass": 1.0},   1.5,  0.5,  -4.0, -15.0),
    "electronic": Genre({"kick": 1.5, "bass": 1.0},                 1.5,  1.0,   1.0, -15.0),
    "r&b":        Genre({"vocal": 1.5, "bass": 1.0},                1.0,  0.5,   1.0, -16.0),
    "jazz":       Genre({"drums": -1.5, "kick": -1.0},              0.0, -0.5,   1.0, -20.0),
    "classical":  Genre({"drums": -2.0},                            0.0, -0.5,   3.0, -23.0),
}  # fmt: skip
"""Every genre. A role's change comes on top of its group's."""

LOWS_HZ, HIGHS_HZ = 100.0, 8000.0
BELOW_NYQUIST = 0.45
"""Share of the sample rate under which a shelf stays."""


def check_genre(name: str) -> None:
    """Refuse a genre that is none of `GENRES`.

    Args:
        name: The genre; empty for none.

    Raises:
        ValueError: If there is no such genre.
    """
    if name:
        check_choice("genre", name, GENRES)


def to_taste(mix: Mix, name: str, *, with_sends: bool = True) -> Mix:
    """Change a mix by the taste of a genre: faders, sends, and shelves before all else on the sum.

    What is locked stays. The loudness is to be set behind.

    Args:
        mix: The mix that was found.
        name: A key of `GENRES`.
        with_sends: Whether sends change too.

    Returns:
        The mix.

    Raises:
        ValueError: If there is no such genre.

    >>> from dasp.mixing.settings import Track
    >>> to_taste(Mix(44_100, (Track("Voix", role="vocal"),)), "country").tracks[0].strip
    (Stage(gain, gain_db=2),)
    """
    check_choice("genre", name, GENRES)
    taste = GENRES[name]
    tracks = []
    for track in mix.tracks:
        changes = (taste.level_db.get(kind, 0.0) for kind in _kinds(track.role))
        if not track.locked:
            track = replace(track, strip=turned_up(track.strip, sum(changes)))
            track = sent_louder(mix, track, taste.reverb_db) if with_sends else track
        tracks.append(track)
    most_hz = BELOW_NYQUIST * mix.sample_rate
    shelves = {
        "low_shelf_gain_db": taste.lows_db, "low_shelf_freq_hz": min(LOWS_HZ, most_hz),
        "high_shelf_gain_db": taste.highs_db, "high_shelf_freq_hz": min(HIGHS_HZ, most_hz),
    }  # fmt: skip
    tilted = (Stage(PARAMETRIC_EQ, shelves),) if taste.lows_db or taste.highs_db else ()
    return replace(mix, tracks=tuple(tracks), master=(*tilted, *mix.master))


def _kinds(role: str) -> set[str]:
    """The role and its group, which may be called alike."""
    return {role, group_of(role)}
