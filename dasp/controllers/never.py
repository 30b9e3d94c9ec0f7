"""What a listener would never forgive, as rules for the mix of any system.

- Leads, bass, kick, snare and a whole kit in one file stand in the middle.
- A stereo track is not panned, unless it leans and the pan stands against that.
- The low end is not widened.
- No track that plays is lost under the others.
- No gain lifts the noise of a track to where it is heard.

Each change is told in a sentence (`Mix.notes`). What is locked stays as it is, and what a person
wishes is done later, so that it wins.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.analysis.noise_floor import FRAME_S, NoiseFloor, find_noise_floor
from dasp.controllers.console.features import STEREO, busiest_part, side_share
from dasp.controllers.rules.strips import at_loudness_again, frame_powers
from dasp.mixing.fader import louder, turned_up
from dasp.mixing.mixdown import mix_stems
from dasp.mixing.placement import gain_and_balance
from dasp.mixing.roles import stereo_pairs
from dasp.mixing.routing import as_stereo
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.summary import pan_text
from dasp.processors.catalogue import STEREO_PANNER, STEREO_WIDENER
from dasp.processors.stage import Stage, find_stage, setting
from dasp.processors.strip import run_strip
from dasp.signal.side_by_side import side_by_side
from dasp.units import power_to_db

MIDDLE_ROLES = ("vocal", "bass", "kick", "snare", "drums")
NEAR = 0.1
"""How far from the middle these may stand, from 0 to 1 by energy."""

LEANS = 0.6
"""A stereo track with so much more energy on one side may be balanced towards the other."""

LOW_ROLES = ("bass", "kick")
MOST_SEND_DB = -20.0
"""Of a track of the low end to a bus of reverb or echo, which is wide."""

WIDE = ("feedback_delay_network", "convolution_reverb", "plate_reverb", "delay", "chorus")

LOST_LU = 35.0
"""A track that is so far under all of them together is not heard beside them."""

MASKED_DB, NOISE_DB = 20.0, 60.0
"""Noise so far under the others where they are soft, or under all together, is not heard."""


class _Change(NamedTuple):
    """A track as it may stay, and what was changed of it."""

    track: Track
    told: str = ""


Rule = Callable[[Mix, Song], list[_Change]]


def without_the_unforgivable(
    mix: Mix, song: Song, start: Mix, target_lufs: float, *, like_another: bool = False
) -> Mix:
    """Take back what no listener would forgive.

    Args:
        mix: The mix of any system.
        song: The tracks, with their names and roles.
        start: The mix that it started from, whose locks and sends stay.
        target_lufs: The loudness of the mix, which is set again after a change.
        like_another: Whether the mix follows a reference. Where tracks stand is then told by that,
            and its system sees to it that none is lost.

    Returns:
        The mix, with a sentence in `notes` for each change.
    """
    rules: list[Rule] = [_in_the_middle, _as_wide_as_it_is, _no_noise, _none_lost]
    if like_another:
        rules = [_no_noise]
    if not start.buses:
        rules.append(_low_end_not_widened)
    changed = _by(rules, mix, song)
    return mix if changed is mix else at_loudness_again(changed, song.tracks, target_lufs)


def well_placed(mix: Mix, song: Song) -> Mix:
    """Take back places of tracks that no listener would forgive, and those alone.

    Args:
        mix: The mix, of any loudness.
        song: The tracks, with their names and roles.

    Returns:
        The mix, with a sentence in `notes` for each change.
    """
    return _by([_in_the_middle, _as_wide_as_it_is], mix, song)


def _by(rules: Sequence[Rule], mix: Mix, song: Song) -> Mix:
    changed, notes = mix, list(mix.notes)
    for rule in rules:
        changes = [
            _Change(track) if track.locked or track.mute else change
            for track, change in zip(changed.tracks, rule(changed, song), strict=True)
        ]
        changed = replace(changed, tracks=tuple(change.track for change in changes))
        notes += [f"{change.track.name}: {change.told}" for change in changes if change.told]
    return mix if len(notes) == len(mix.notes) else replace(changed, notes=tuple(notes))


# Where tracks stand


def _in_the_middle(mix: Mix, song: Song) -> list[_Change]:
    pairs = stereo_pairs([track.name for track in mix.tracks])
    changes = []
    for i, (track, x) in enumerate(zip(mix.tracks, song.tracks, strict=True)):
        change = _Change(track)
        if track.role in MIDDLE_ROLES and i not in pairs and x.any():
            powers = as_stereo(x).square().mean(-1)
            place = _place(powers, setting(track.strip, "pan", 0.0))
            moves = bool(_pans_that_move(track))
            if abs(place) > NEAR or moves:
                pan = _centring(powers)
                own = f" (it stood at {pan_text(place)})" if not moves else ""
                change = _panned(track, pan, f"a {track.role} stays in the middle{own}")
        changes.append(change)
    return changes


def _as_wide_as_it_is(mix: Mix, song: Song) -> list[_Change]:
    changes = []
    for track, x in zip(mix.tracks, song.tracks, strict=True):
        change = _Change(track)
        pan = setting(track.strip, "pan", 0.0)
        panned = pan or _pans_that_move(track)
        if panned and track.role not in MIDDLE_ROLES and side_share(x, mix.sample_rate) > STEREO:
            lean = _place(as_stereo(x).square().mean(-1), 0.0)
            if abs(lean) < LEANS or pan * lean >= 0:
                told = f"it is stereo already, and is not panned (to {pan_text(pan)})"
                change = _panned(track, 0.0, told if pan else told.partition(" (")[0])
        changes.append(change)
    return changes


def _low_end_not_widened(mix: Mix, song: Song) -> list[_Change]:
    wide = {bus.name for bus in mix.buses for s in bus.strip if s.processor.name in WIDE}
    changes = []
    for track in mix.tracks:
        change = _Change(track)
        if track.role in LOW_ROLES:
            strip = tuple(_not_wider(stage) for stage in track.strip)
            sends = {
                bus: min(send_db, MOST_SEND_DB) if bus in wide else send_db
                for bus, send_db in track.sends_db.items()
            }
            if strip != track.strip or sends != track.sends_db:
                told = "the low end is not widened, by a reverb neither"
                change = _Change(replace(track, strip=strip, sends_db=sends), told)
        changes.append(change)
    return changes


def _place(powers: Tensor, pan: float) -> float:
    """Where a track is heard, by the powers of its sides and a balance of them."""
    gains = STEREO_PANNER(torch.ones(2, 1), 1, pan=float(pan))[:, 0].double().square()
    left, right = (powers.double() * gains).tolist()
    return (right - left) / max(left + right, 1e-20)


def _centring(powers: Tensor) -> float:
    """The balance at which both sides have the same power, 0 where they have nearly."""
    if abs(_place(powers, 0.0)) <= NEAR:
        return 0.0
    return round(gain_and_balance(powers.double().sqrt().flip(-1))[1].item(), 3)


def _panned(track: Track, pan: float, told: str) -> _Change:
    """A track with another pan, in the stage that it has, or in a new one."""
    if any(stage.locked for stage in track.strip if stage.processor is STEREO_PANNER):
        return _Change(track)
    others = tuple(stage for stage in track.strip if stage.processor is not STEREO_PANNER)
    old = find_stage(track.strip, "stereo_panner")
    settings = {**(old.settings if old else {}), "pan": pan}
    return _Change(replace(track, strip=(*others, Stage(STEREO_PANNER, settings))), told)


def _pans_that_move(track: Track) -> Sequence[float]:
    stage = find_stage(track.strip, "stereo_panner")
    return () if stage is None else stage.automation.get("pan", ())


def _not_wider(stage: Stage) -> Stage:
    if stage.processor is not STEREO_WIDENER or stage.locked:
        return stage
    width = stage.settings.get("width", 1.0)
    return stage._replace(settings={**stage.settings, "width": min(width, 1.0)}, automation={})


# How loud tracks are


def _none_lost(mix: Mix, song: Song) -> list[_Change]:
    levels = side_by_side(
        lambda track, x: _level_behind(track, x, mix.sample_rate), mix.tracks, song.tracks
    )
    total = power_to_db((10 ** (torch.tensor(levels) / 10)).sum()).item()
    changes = []
    for track, level in zip(mix.tracks, levels, strict=True):
        missing_db = total - LOST_LU - level
        change = _Change(track)
        if level > ABSOLUTE_GATE_LUFS and missing_db > 0.1 and _has_a_fader(track):
            told = f"raised by {missing_db:.1f} dB, so that it is not lost under the others"
            change = _Change(replace(track, strip=louder(track.strip, missing_db)), told)
        changes.append(change)
    return changes


def _no_noise(mix: Mix, song: Song) -> list[_Change]:
    size = round(FRAME_S * mix.sample_rate)
    before = frame_powers(song.tracks, size)
    noises = [_heard_noise(powers) for powers in before]
    if all(noise is None for noise in noises):
        return [_Change(track) for track in mix.tracks]
    stems = mix_stems(song.tracks, replace(mix, master=()))
    behind = frame_powers([stem.audio for stem in stems if stem.kind == "track"], size)
    total = behind.sum(0)
    changes = []
    for track, own, noise in zip(mix.tracks, behind, noises, strict=True):
        change = _Change(track)
        if noise is not None and not _is_held(track):
            heard_db = power_to_db(own[noise.pauses].median()).item()
            soft_db = power_to_db((total - own)[noise.pauses]).quantile(0.1).item()
            others_db = power_to_db(total.mean()).item()
            most_db = max(
                soft_db - MASKED_DB,
                others_db - NOISE_DB,
                noise.level_db + _median_lift(before, behind),
            )
            by_db = heard_db - most_db
            if by_db > 0.1:
                told = (
                    f"lowered by {by_db:.1f} dB, so that the noise in its pauses, "
                    f"{noise.under_db:.0f} dB under its loud moments, is not heard"
                )
                change = _Change(replace(track, strip=turned_up(track.strip, -by_db)), told)
        changes.append(change)
    return changes


def _heard_noise(powers: Tensor) -> NoiseFloor | None:
    """The noise of a track, but for one so far under its own track that nothing brings it out."""
    noise = find_noise_floor(powers)
    return None if noise is None or noise.under_db >= NOISE_DB else noise


def _median_lift(before: Tensor, behind: Tensor) -> float:
    """How much louder tracks are behind their strips, in dB: the gain that all have in common."""
    powers = torch.stack((before, behind)).mean(-1)
    lifts = power_to_db(powers[1]) - power_to_db(powers[0])
    return lifts[powers[0] > 0].median().item()


def _level_behind(track: Track, x: Tensor, rate: int) -> float:
    """Loudness behind the strip in the seconds in which the track plays most."""
    if any(stage.automation for stage in track.strip):
        return -math.inf  # its level is another from moment to moment
    part = busiest_part(x, rate)
    return measure_loudness(as_stereo(run_strip(part, rate, track.strip)), rate).item()


def _is_held(track: Track) -> bool:
    """Whether a lock stands against another level."""
    return any(stage.locked for stage in track.strip if stage.processor.name == "gain")


def _has_a_fader(track: Track) -> bool:
    gains = [stage for stage in track.strip if stage.processor.name == "gain"]
    return bool(gains) and not any(stage.locked or stage.automation for stage in gains)
