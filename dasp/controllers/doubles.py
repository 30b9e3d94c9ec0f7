"""Doubles, which play one part together: as loud as one of them, and beside each other.

Preparation finds them (`dasp.preparation.takes`). A system that knows nothing of it gives each the
level of its role, so that a voice that was sung twice is twice as loud. Here the tracks of a part
are lowered alike until their sum is as loud as the loudest of them was. Where they accompany, and
are mono, they stand to the left and to the right; a lead stays where leads stand.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from dasp.analysis import measure_loudness
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.controllers.never import MIDDLE_ROLES
from dasp.controllers.rules.strips import at_loudness_again
from dasp.controllers.steered import panned
from dasp.mixing.fader import turned_up
from dasp.mixing.mixdown import mix_stems
from dasp.mixing.roles import stereo_pairs
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.processors.stage import setting

SPREAD = 0.5
"""How far the outer ones of a part stand from the middle."""

LEAST_LOWERED_DB = 0.1


def parts_played_again(start: Mix) -> list[tuple[str, ...]]:
    """List the parts of a mix that are played more than once.

    Args:
        start: The mix, as it was prepared.

    Returns:
        For each part the names of its tracks that are heard, first the one that is doubled.

    >>> from dasp.mixing.preparation import Preparation
    >>> again = Preparation(double_of="vox")
    >>> parts_played_again(Mix(8000, (Track("vox"), Track("vox 2", prepare=again))))
    [('vox', 'vox 2')]
    """
    parts: dict[str, list[str]] = {}
    heard = [track for track in start.tracks if not track.mute]
    for track in heard:
        if track.prepare.double_of:
            parts.setdefault(track.prepare.double_of, []).append(track.name)
    names = {track.name for track in heard}
    whole = [tuple(([first] if first in names else []) + own) for first, own in parts.items()]
    return [names for names in whole if len(names) > 1]


def as_one_part(mix: Mix, song: Song, parts: Sequence[Sequence[str]], target_lufs: float) -> Mix:
    """Make the tracks of each part together as loud as one of them, and spread what accompanies.

    Args:
        mix: The mix of any system.
        song: The tracks of the mix.
        parts: Names of the tracks of each part.
        target_lufs: The loudness of the mix, which is set again after a change.

    Returns:
        The mix, with a sentence in `notes` for each part. What is locked stays as it is.
    """
    places = {track.name: i for i, track in enumerate(mix.tracks)}
    parts = [part for part in parts if places.keys() >= set(part)]
    if not parts:
        return mix
    stems = {stem.name: stem.audio for stem in mix_stems(song.tracks, replace(mix, master=()))
             if stem.kind == "track"}  # fmt: skip
    tracks, notes = list(mix.tracks), []
    for part in parts:
        audio = torch.stack([stems[name] for name in part])
        each = max(measure_loudness(x, mix.sample_rate).item() for x in audio)
        together = measure_loudness(audio.sum(0), mix.sample_rate).item()
        by_db = round(together - each, 2) if each > ABSOLUTE_GATE_LUFS else 0.0
        own = [places[name] for name in part]
        told = []
        if by_db > LEAST_LOWERED_DB:
            told.append(f"lowered by {by_db:.1f} dB, so that together they are as loud as one")
            for i in own:
                tracks[i] = _lowered(tracks[i], by_db)
        if _may_be_spread([tracks[i] for i in own], [song.tracks[i].shape[-2] for i in own]):
            told.append("spread, since they accompany")
            for i, pan in zip(own, torch.linspace(-SPREAD, SPREAD, len(own)).tolist(), strict=True):
                tracks[i] = replace(
                    tracks[i], strip=panned(tracks[i].strip, round(pan, 3), mono=True)
                )
        if told:
            notes.append(f"{', '.join(part)}: doubles of one part, {' and '.join(told)}")
    if not notes:
        return mix
    changed = replace(mix, tracks=tuple(tracks), notes=(*mix.notes, *notes))
    return at_loudness_again(changed, song.tracks, target_lufs)


def _lowered(track: Track, by_db: float) -> Track:
    if track.locked or any(s.locked for s in track.strip if s.processor.name == "gain"):
        return track
    return replace(track, strip=turned_up(track.strip, -by_db))


def _may_be_spread(tracks: Sequence[Track], channels: Sequence[int]) -> bool:
    """Whether tracks accompany, are mono and near each other, and nothing holds them."""
    pans = [setting(track.strip, "pan", 0.0) for track in tracks]
    panners = [s for t in tracks for s in t.strip if s.processor.name == "stereo_panner"]
    held = any(t.locked for t in tracks) or any(s.locked or s.automation for s in panners)
    return not (
        held
        or any(track.role in MIDDLE_ROLES for track in tracks)
        or max(channels) > 1
        or max(pans) - min(pans) >= SPREAD
        or stereo_pairs([track.name for track in tracks])
    )
