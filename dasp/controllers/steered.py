"""A mix as a person wishes it, whatever found it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from dasp.mixing.fader import turned_up
from dasp.mixing.settings import Mix, Track
from dasp.mixing.wet import tell_locked, with_reverb
from dasp.mixing.wishes import PRIORITY_DB, Wishes, pan_value
from dasp.processors.catalogue import GAIN, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip


def steered(mix: Mix, tracks: Sequence[Tensor], wishes: Wishes) -> Mix:
    """Change a mix to what is wished of its tracks; the loudness is to be set behind.

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
        _panned(_by_priority(track, wishes.priority), wishes.pan, audio.shape[-2] == 1)
        for track, audio in zip(mix.tracks, tracks, strict=True)
    ))  # fmt: skip


def _by_priority(track: Track, priority: Mapping[str, str]) -> Track:
    by_db = PRIORITY_DB[priority.get(track.name, "normal")]
    if not by_db or _is_locked(track, "gain", "priority"):
        return track
    return replace(track, strip=turned_up(track.strip, by_db))


def _panned(track: Track, pan: Mapping[str, str | float], mono: bool) -> Track:
    if track.name not in pan or _is_locked(track, "stereo_panner", "pan"):
        return track
    return replace(track, strip=panned(track.strip, pan_value(pan[track.name]), mono))


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
