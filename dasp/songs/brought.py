"""Made songs as people bring them: stems that somebody has worked on, and what else lies there.

A song of `dasp.songs.synthetic` has one dry instrument a track. A folder of stems has stereo files
with EQ, compression, room and width of their own, drums that are one file already, a lead sung
twice, files in which little plays, a mono file in two channels, a constant under the sound, a click
and a bounce of all of it. `as_brought` makes such a folder of a song, from a seed, and says of each
track in `details["brought"]` what it is. The engineer of `dasp.songs.engineer` treats them so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.mixing.routing import as_stereo
from dasp.processors.catalogue import (
    COMPRESSOR,
    FEEDBACK_DELAY_NETWORK,
    PARAMETRIC_EQ,
    STEREO_PANNER,
)
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.seeded import SeededSongs
from dasp.songs.seeds import generator_for
from dasp.songs.synthetic import LOUDEST_DB, QUIETEST_DB, synthetic_song
from dasp.songs.taste import draw_treatment
from dasp.units import db_to_gain

Kind = Literal["dry", "produced", "left out"]
"""What a track is: a recording as it was made, one that was worked on, or none of the song."""

NARROW_ROLES = ("kick", "snare", "bass", "vocal", "drums")
"""Their stems have no more width than their room."""

DRUM_ROLES = ("kick", "snare", "hihat", "tom", "cymbal", "percussion")

PRODUCED_SHARES = (0.0, 0.5, 1.0, 1.0)
"""One of these shares of the tracks of a song has been worked on."""

DOUBLED_S = (0.009, 0.028)
"""How much later one side of a wide stem is than the other: a part played twice."""


class _Brought(NamedTuple):
    name: str
    role: str
    audio: Tensor
    kind: Kind = "dry"


def as_brought(song: Multitrack, seed: int) -> Multitrack:
    """Turn a song of dry tracks into what somebody might bring of it.

    Args:
        song: The song, of audio in memory.
        seed: Decides on all of it.

    Returns:
        The song with other tracks. `details["brought"]` has the kind of each.

    >>> song = as_brought(synthetic_song(4, seconds=2.0, sample_rate=22_050), 4)
    >>> sorted(set(song.details["brought"]))
    ['left out', 'produced']
    """
    draw = generator_for(seed, "brought")
    rate, share = song.sample_rate, _one_of(PRODUCED_SHARES, draw)
    parts = [
        _Brought(recording.name, recording.role, audio)
        for recording, audio in zip(song.recordings, song.tracks, strict=True)
    ]
    brought: list[_Brought] = []
    drums = [part for part in parts if part.role in DRUM_ROLES]
    if share and len(drums) > 1 and _chance(0.6, draw):
        together, parts = _drum_stem(song, parts, drums, seed, draw)
        brought.append(together)
    for part in parts:
        worked_on = _chance(share, draw)
        audio = _worked_on(part.audio, part.role, rate, draw) if worked_on else part.audio
        brought.append(part._replace(audio=audio, kind="produced" if worked_on else "dry"))
        if part.role == "vocal" and _chance(0.4, draw):
            brought.append(_sung_again(part, worked_on, rate, draw))
    brought = [_at_a_level(_as_filed(one, draw), draw) for one in brought]
    brought += _beside_the_song(song, [one.audio for one in brought], draw)
    return replace(
        song,
        recordings=tuple(Recording(one.name, one.role, one.audio) for one in brought),
        mixes=(),
        details={**song.details, "brought": tuple(one.kind for one in brought)},
    )


@dataclass(frozen=True)
class BroughtSongs(SeededSongs):
    """A data set of songs as people bring them, each made when it is asked for.

    Args:
        count: Number of songs, 0 or more.
        first_seed: Seed of the first; the others follow.
        seconds: Length of each song.
        sample_rate: In Hz.
        mixed: Whether each song comes with its mix by `dasp.songs.engineer`, drawn from the same
            seed.

    Raises:
        ValueError: If `count` is negative.
    """

    count: int
    first_seed: int = 0
    seconds: float = 30.0
    sample_rate: int = 44_100
    mixed: bool = False

    def _made(self, seed: int) -> Multitrack:
        song = synthetic_song(seed, seconds=self.seconds, sample_rate=self.sample_rate)
        return as_brought(song, seed)


# What somebody has worked on


def _worked_on(x: Tensor, role: str, rate: int, draw: torch.Generator) -> Tensor:
    """EQ, compression, width and a room, as a stem of a finished song has them."""
    treatment = draw_treatment(role, draw)
    x = x / x.square().mean().sqrt().clamp(min=1e-9) * db_to_gain(-20.0)
    plain = PARAMETRIC_EQ.defaults()
    shelves = {name: getattr(treatment, name) for name in
               ("low_shelf_gain_db", "high_shelf_gain_db")}  # fmt: skip
    strip = [Stage(PARAMETRIC_EQ, {**plain, **shelves})]
    if treatment.ratio > 1:
        settings = {"threshold_db": -20.0, "ratio": treatment.ratio}
        strip.append(Stage(COMPRESSOR, {**COMPRESSOR.defaults(), **settings}))
    x = as_stereo(run_strip(x, rate, tuple(strip)))
    narrow = role in NARROW_ROLES
    if not narrow and _chance(0.8, draw):
        x = _doubled(x, rate, draw)
    rt60_s = _between(0.4, 2.5, draw)
    times = {"rt60_low_s": rt60_s, "rt60_mid_s": rt60_s, "rt60_high_s": 0.5 * rt60_s}
    room = Stage(FEEDBACK_DELAY_NETWORK, {**times, "mix": 1.0})
    wet_db = _between(-36.0, -24.0, draw) if narrow else _between(-30.0, -12.0, draw)
    x = x + db_to_gain(wet_db) * run_strip(x, rate, (room,))
    if not narrow and _chance(0.3, draw):
        x = run_strip(x, rate, (Stage(STEREO_PANNER, {"pan": _between(-0.5, 0.5, draw)}),))
    return x


def _doubled(x: Tensor, rate: int, draw: torch.Generator) -> Tensor:
    """The same part a little later on one side, so far apart as is drawn."""
    later = round(rate * _between(*DOUBLED_S, draw))
    away = _between(0.3, 1.0, draw)
    twice = torch.nn.functional.pad(x[:1], (later, 0))[:, : x.shape[-1]]
    left, right = x[:1], (1 - away) * x[:1] + away * twice
    return torch.cat((left, right) if _chance(0.5, draw) else (right, left))


def _drum_stem(
    song: Multitrack,
    parts: Sequence[_Brought],
    drums: Sequence[_Brought],
    seed: int,
    draw: torch.Generator,
) -> tuple[_Brought, list[_Brought]]:
    """Some of the drums as one file that an engineer has made, and all other parts."""
    alone = drums[0].role if _chance(0.3, draw) else ""
    inside = [part.name for part in drums if part.role != alone]
    recordings = tuple(r for r in song.recordings if r.name in inside)
    made = with_engineers_mix(replace(song, recordings=recordings), seed).mix("engineer")
    # A loop is narrower than an engineer's pans.
    mid = made.mean(0, keepdim=True)
    narrowed = mid + _between(0.0, 0.6, draw) * (made - mid)
    name = _one_of(("drums", "beat", "drum loop"), draw)
    rest = [part for part in parts if part.name not in inside]
    return _Brought(name, "drums", narrowed, "produced"), rest


def _sung_again(part: _Brought, worked_on: bool, rate: int, draw: torch.Generator) -> _Brought:
    """The voice once more: a double that is heard beside it, or a take that was not chosen."""
    sung = part.audio
    late = round(rate * _between(0.01, 0.03, draw))
    other = torch.nn.functional.pad(sung[:1], (late, 0))[:, : sung.shape[-1]]
    # Another breath on each note: no two takes have one shape.
    swell = torch.rand(1, 1, 24, generator=draw) + 0.5
    other = other * torch.nn.functional.interpolate(swell, other.shape[-1], mode="linear")[0]
    if _chance(0.5, draw):
        return _Brought("vocal take 2", "vocal", other, "left out")
    if worked_on:
        other = _worked_on(other, "vocal", rate, draw)
    return _Brought("vocal double", "backing vocal", other, "produced" if worked_on else "dry")


# How it lies in the folder


def _as_filed(one: _Brought, draw: torch.Generator) -> _Brought:
    """Little that plays, a constant under it, or one channel twice."""
    x = one.audio
    if one.role not in ("kick", "snare", "bass", "drums", "vocal") and _chance(0.2, draw):
        start = int(_between(0.0, 0.7, draw) * x.shape[-1])
        plays = torch.zeros(x.shape[-1])
        plays[start : start + int(0.3 * x.shape[-1])] = 1.0
        x = x * plays if (x * plays).any() else x
    if _chance(0.1, draw):
        x = x + _between(0.002, 0.02, draw) * x.abs().max()
    if x.shape[0] == 1 and _chance(0.3, draw):
        x = x.expand(2, -1).contiguous()
    return one._replace(audio=x)


def _at_a_level(one: _Brought, draw: torch.Generator) -> _Brought:
    x = one.audio
    level_db = _between(QUIETEST_DB, LOUDEST_DB, draw)
    x = x * (db_to_gain(level_db) / x.abs().max().clamp(min=1e-9))
    return one._replace(audio=x)


def _beside_the_song(
    song: Multitrack, tracks: Sequence[Tensor], draw: torch.Generator
) -> list[_Brought]:
    """A click to play to, and all of it together."""
    others = []
    if _chance(0.25, draw):
        others.append(_Brought("click", "other", _click(song, draw), "left out"))
    if _chance(0.25, draw):
        loudness = [measure_loudness(x, song.sample_rate).item() for x in tracks]
        even = [as_stereo(x) * db_to_gain(-24.0 - max(level, -60.0))
                for x, level in zip(tracks, loudness, strict=True)]  # fmt: skip
        together = torch.stack(even).sum(0)
        together = together * (0.5 / together.abs().max().clamp(min=1e-9))
        name = _one_of(("bounce", "rough mix"), draw)
        others.append(_Brought(name, "other", together, "left out"))
    return others


def _click(song: Multitrack, draw: torch.Generator) -> Tensor:
    beat = round(60 / song.details["tempo_bpm"] * song.sample_rate)
    t = torch.arange(round(0.02 * song.sample_rate)) / song.sample_rate
    tick = torch.sin(2 * torch.pi * _between(800.0, 2000.0, draw) * t) * torch.exp(-t / 0.004)
    x = torch.zeros(1, song.frames)
    for start in range(0, song.frames - len(t), beat):
        x[0, start : start + len(t)] = 0.3 * tick
    return x


def _between(low: float, high: float, draw: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=draw).item()


def _chance(share: float, draw: torch.Generator) -> bool:
    return torch.rand((), generator=draw).item() < share


def _one_of(choices: Sequence, draw: torch.Generator):
    return choices[int(torch.randint(len(choices), (), generator=draw))]
