"""A mix as a person wishes it, whatever found it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dasp.mixing.fader import turned_up
from dasp.mixing.settings import Mix, Track
from dasp.mixing.wet import tell_locked, with_reverb
from dasp.mixing.wishes import PRIORITY_DB, Wishes, pan_value
from dasp.processors.catalogue import GAIN, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip

MOST_BACK_DB = 12.0
"""A track with nothing on the side to which it is put is not raised without end."""


def steered(mix: Mix, tracks: Sequence[Tensor], wishes: Wishes) -> Mix:
    """Change a mix to what is wished of its tracks; the loudness is to be set behind.

    A place changes where a track is heard, and not how loud: what a balance takes of a stereo
    track its fader gives back, up to 12 dB.

    Args:
        mix: The mix that was found.
        tracks: Audio `(channels, time)` of each track.
        wishes: The wishes, by the names of tracks.

    Returns:
        The mix. What is locked stays, with a warning.
    """
    asked = {name: wish for name, wish in wishes.reverb.items() if wish != "normal"}
    mix = with_reverb(mix, asked)
    return replace(mix, tracks=tuple(
        _panned(_by_priority(track, wishes.priority), wishes.pan, audio)
        for track, audio in zip(mix.tracks, tracks, strict=True)
    ))  # fmt: skip


def _by_priority(track: Track, priority: Mapping[str, str]) -> Track:
    by_db = PRIORITY_DB[priority.get(track.name, "normal")]
    if not by_db or _is_locked(track, "gain", "priority"):
        return track
    return replace(track, strip=turned_up(track.strip, by_db))


def _panned(track: Track, pan: Mapping[str, str | float], audio: Tensor) -> Track:
    if track.name not in pan or _is_locked(track, "stereo_panner", "pan"):
        return track
    mono = audio.shape[-2] == 1
    strip = panned(track.strip, pan_value(pan[track.name]), mono)
    if not mono:
        strip = turned_up(strip, _given_back(audio, track.strip, strip))
    return replace(track, strip=strip)


def _given_back(audio: Tensor, before: Strip, after: Strip) -> float:
    by_db = _left_of(audio, before) - _left_of(audio, after)
    return round(min(max(by_db, -MOST_BACK_DB), MOST_BACK_DB), 3)


def _left_of(audio: Tensor, strip: Strip) -> float:
    """The level in dB that a balance leaves of a stereo track, which a pan would not change."""
    power = audio.double().square().mean(-1)
    for stage in strip:
        if stage.processor is STEREO_PANNER and not stage.automation:
            power = power * stage.run(torch.ones(2, 1), 1.0)[:, 0].square()
    return 10 * math.log10(max(power.sum().item(), 1e-12))


def panned(strip: Strip, pan: float, mono: bool) -> Strip:
    """Put the panner of a strip somewhere.

    A strip without one gets one, and where the track is mono a gain that makes up for what a
    panner in the centre takes.

    Args:
        strip: The stages.
        pan: From -1 (left) to 1.
        mono: Whether the track is mono.

    Returns:
        The strip.
    """
    places = [i for i, stage in enumerate(strip) if stage.processor is STEREO_PANNER]
    if not places:
        makeup = (Stage(GAIN, {"gain_db": round(10 * math.log10(2), 3)}),) if mono else ()
        return (*strip, *makeup, Stage(STEREO_PANNER, {"pan": pan}))
    first = strip[places[0]]
    automation = {key: moves for key, moves in first.automation.items() if key != "pan"}
    there = first._replace(
        settings={**first.settings, "pan": pan},
        automation=automation if automation.keys() - {"time_s"} else {},
        on=True,
    )
    kept = [there if i == places[0] else stage for i, stage in enumerate(strip)]
    return tuple(stage for i, stage in enumerate(kept) if i not in places[1:])


def _is_locked(track: Track, processor: str, wish: str) -> bool:
    """Whether a lock stands against a wish, which is told."""
    locked = track.locked or any(s.locked and s.processor.name == processor for s in track.strip)
    if locked:
        tell_locked(wish, track.name)
    return locked
