"""Several mixes of one song to choose from, which are as far apart as they can be heard to be.

Each leans another way from the mix that was found; a leaning is data, meant to be read and changed.
How far two mixes are apart is measured on their sound, at one loudness, in steps that a listener
just hears: 1 dB of the spectrum in third octaves, 1 dB of the crest factor, and 0.03 of the share
that the side has in the energy. The sizes of the steps are our rule of thumb.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp.analysis import measure_crest_factor, measure_octave_spectrum
from dasp.analysis.excerpt import busiest_stretch
from dasp.analysis.loudness import measure_loudness
from dasp.analysis.stereo import measure_side_share
from dasp.controllers.heard import heard_of, with_all
from dasp.controllers.rules.strips import at_loudness_again
from dasp.mixing.fader import turned_up
from dasp.mixing.groups import group_of
from dasp.mixing.in_range import in_range
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.wet import sent_louder
from dasp.processors.catalogue import STEREO_PANNER, STEREO_WIDENER
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip

SPECTRUM_STEP_DB, CREST_STEP_DB, SIDE_STEP = 1.0, 1.0, 0.03
QUIETEST_DB = 60.0
"""Bands that are further below the loudest have no say."""

LEAST_APART = 1.0
"""Two mixes of which a listener would not hear a step are one."""

LONGEST_S = 20.0


class Leaning(NamedTuple):
    """A way in which a mix may lean.

    Args:
        level_db: Change of the faders, by role or by group.
        width: Factor on how far tracks are from the middle, and on the side of the sum.
        reverb_db: Change of what is sent to reverbs.
    """

    level_db: Mapping[str, float]
    width: float = 1.0
    reverb_db: float = 0.0


LEANINGS = {
    "voice": Leaning({"vocal": 3.0, "backing vocal": 1.0}, 1.0, -2.0),
    "wide": Leaning(
        {"pad": 1.5, "keys": 1.0, "guitar": 1.0, "overhead": 1.5, "room": 2.0}, 1.4, 4.0
    ),
    "punchy": Leaning(
        {"kick": 3.0, "snare": 2.5, "drums": 1.0, "bass": 2.0, "pad": -2.0, "room": -3.0}, 0.8, -9.0
    ),
    "soft": Leaning({"drums": -3.0, "kick": -1.0, "bass": -1.0, "keys": 1.5, "pad": 1.5}, 1.1, 2.0),
}  # fmt: skip
"""Every leaning. A role's change comes on top of its group's."""


class Variant(NamedTuple):
    """One of several mixes.

    Args:
        name: "as found", or one of `LEANINGS`.
        mix: The mix.
        apart: Steps to the nearest of the others that a listener just hears.
    """

    name: str
    mix: Mix
    apart: float


def variants(
    mix: Mix, tracks: Sequence[Tensor], target_lufs: float, count: int = 3
) -> list[Variant]:
    """Lean a mix several ways, and choose those that are furthest apart.

    What is locked stays. Tracks that are muted are not heard, and solos have no say. The first is
    the mix as it is; each that follows is the one of which the nearest of those before is furthest
    away, measured where most plays.

    Args:
        mix: The mix that was found.
        tracks: Audio `(channels, time)` of each track.
        target_lufs: Loudness of each variant in LUFS.
        count: How many, 2 to 5.

    Returns:
        The variants, fewer where no other is a step apart from those.

    Raises:
        ValueError: If `count` is out of range.

    >>> pads = [0.1 * torch.randn(2, 44_100) for _ in range(2)]
    >>> song = Song.of(["pad", "other pad"], pads, 44_100)
    >>> [variant.name for variant in variants(song.plain_mix(), pads, -18.0)][:2]
    ['as found', 'wide']
    """
    check_range("count", count, low=2, high=1 + len(LEANINGS))
    names, roles = (tuple(getattr(t, key) for t in mix.tracks) for key in ("name", "role"))
    song, bare = heard_of(Song(names, roles, tuple(tracks), mix.sample_rate), mix)
    if not song.names:
        return [Variant("as found", mix, 0.0)]
    size = round(LONGEST_S * mix.sample_rate)
    mono = (x.mean(0, keepdim=True) for x in song.tracks)
    part = busiest_stretch(mono, size, hop=mix.sample_rate)
    heard = [x[..., part] for x in song.tracks]
    leaning = {name: _leaning(bare, how) for name, how in LEANINGS.items()} | {"as found": bare}
    said = {name: _sound(mix_down(heard, one), mix.sample_rate) for name, one in leaning.items()}
    chosen = ["as found"]
    while len(chosen) < count:
        rest = [name for name in leaning if name not in chosen]
        nearest = {name: min(apart(said[name], said[other]) for other in chosen) for name in rest}
        best = max(rest, key=lambda name: nearest[name])
        if nearest[best] < LEAST_APART:
            break
        chosen.append(best)
    mixes = {"as found": mix} | {
        name: with_all(at_loudness_again(leaning[name], song.tracks, target_lufs), mix)
        for name in chosen[1:]
    }
    return [
        Variant(
            name, one, min((apart(said[name], said[o]) for o in chosen if o != name), default=0.0)
        )
        for name, one in mixes.items()
    ]


class Sound(NamedTuple):
    """What the distance between two mixes is measured by.

    Args:
        spectrum_db: Levels in third octaves, at a loudness of 0 LUFS.
        crest_db: Crest factor.
        side: Share of the side in the energy.
    """

    spectrum_db: Tensor
    crest_db: float
    side: float


def apart(one: Sound, other: Sound) -> float:
    """Count the steps between two mixes that a listener just hears.

    Args:
        one: What one measures.
        other: What the other measures.

    Returns:
        The steps, 0 for equal sounds.
    """
    floor_db = torch.maximum(one.spectrum_db, other.spectrum_db).amax() - QUIETEST_DB
    levels = [x.spectrum_db.clamp(min=floor_db) for x in (one, other)]
    audible = torch.maximum(*levels) > floor_db
    spectrum = (levels[0] - levels[1])[audible].square().mean().sqrt().item() / SPECTRUM_STEP_DB
    crest = abs(one.crest_db - other.crest_db) / CREST_STEP_DB
    return spectrum + crest + abs(one.side - other.side) / SIDE_STEP


def _sound(audio: Tensor, rate: int) -> Sound:
    loudness = measure_loudness(audio, rate)
    spectrum_db = measure_octave_spectrum(audio, rate, bands_per_octave=3)
    power = 10 ** (spectrum_db / 10)
    return Sound(
        10 * power.mean(0).clamp(min=1e-20).log10() - loudness,
        measure_crest_factor(audio, rate).mean().item(),
        measure_side_share(audio, rate).item(),
    )


def _leaning(mix: Mix, how: Leaning) -> Mix:
    tracks = tuple(
        track if track.locked else _leaning_track(mix, track, how) for track in mix.tracks
    )
    mix = replace(mix, tracks=tracks)
    if how.width == 1:
        return mix
    last = next((i for i, s in enumerate(mix.master) if s.processor.name == "limiter"), None)
    at = len(mix.master) if last is None else last
    wider = Stage(STEREO_WIDENER, {"width": round(in_range(STEREO_WIDENER, "width", how.width), 3)})
    return replace(mix, master=(*mix.master[:at], wider, *mix.master[at:]))


def _leaning_track(mix: Mix, track: Track, how: Leaning) -> Track:
    change = sum(how.level_db.get(kind, 0.0) for kind in {track.role, group_of(track.role)})
    strip = turned_up(track.strip, change) if change else track.strip
    strip = _spread(strip, how.width)
    return sent_louder(mix, replace(track, strip=strip), how.reverb_db)


def _spread(strip: Strip, width: float) -> Strip:
    def moved(stage: Stage) -> Stage:
        if stage.processor is not STEREO_PANNER or stage.locked or "pan" not in stage.settings:
            return stage
        pan = round(min(max(width * stage.settings["pan"], -1.0), 1.0), 3)
        return stage._replace(settings={**stage.settings, "pan": pan})

    return tuple(map(moved, strip))
