"""From where a drum kit is seen: by who plays it, or by who listens.

A right-handed drummer has the hi-hat on the left and the floor tom on the right; who listens sees
them the other way round. Where a microphone of the hi-hat (or else of the floor tom) is among the
tracks, overheads tell by themselves on which side they hear it: it is coherent with the nearer one.
"""

import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from dasp.analysis.coherence import measure_coherence
from dasp.controllers.console.recordings import COHERENT
from dasp.controllers.steered import panned
from dasp.mixing.roles import name_words, stereo_pairs
from dasp.mixing.settings import Mix, Track
from dasp.processors.stage import setting

SIDE_OF_HAT = {"drummer": -1.0, "audience": 1.0}
WIDE = ("overhead", "room")
CLOSE = ("hihat", "tom", "snare", "cymbal")
CENTRED = 0.02
"""A pan nearer to the centre than this is on no side."""

LEAST_PAN = 0.5
"""How far from the centre a system that pans nothing has its overheads and hi-hat put."""


class Ears(NamedTuple):
    """A stereo recording of a kit: a stereo track, or two mono ones.

    Args:
        tracks: The numbers of its tracks.
        left: What it has on the left, `(1, time)`.
        right: What it has on the right.
    """

    tracks: tuple[int, ...]
    left: Tensor
    right: Tensor


def kit_seen_from(mix: Mix, tracks: Sequence[Tensor]) -> str:
    """Tell from where the kit of a mix is seen.

    Args:
        mix: The mix.
        tracks: Audio `(channels, time)` of each track, prepared as the mix says.

    Returns:
        A key of `SIDE_OF_HAT`, or nothing where no track tells.
    """
    known, side = _landmark(mix)
    if known < 0:
        return ""
    ears = _ears(mix, tracks)
    heard = [_side(tracks[known], pair, mix.sample_rate) for pair in ears]
    own = _sign(_pan(mix, known))
    place = next((one for one in heard if one), own) * side
    return next((view for view, of_hat in SIDE_OF_HAT.items() if place == of_hat), "")


def seen_from(mix: Mix, tracks: Sequence[Tensor], view: str, fixed: Collection[str] = ()) -> Mix:
    """Turn the kit of a mix round, where it is seen from the other side.

    Overheads and rooms change sides, or their two channels do, until the hi-hat is where the view
    has it; close microphones go to the side where the overheads hear them. A pair in the centre is
    opened.

    Args:
        mix: The mix.
        tracks: Audio `(channels, time)` of each track, prepared as the mix says.
        view: A key of `SIDE_OF_HAT`.
        fixed: Names of tracks whose place is wished otherwise.

    Returns:
        The mix. Without a hi-hat or a floor tom it stays as it is, with a warning.
    """
    known, side = _landmark(mix)
    if known < 0:
        warnings.warn(
            "kit: no track of a hi-hat or a floor tom tells from where the kit is seen; it stays "
            "as it was found",
            stacklevel=3,
        )
        return mix
    wanted = SIDE_OF_HAT[view] * side
    mix = _opened(mix, tracks, fixed)
    rate, changed = mix.sample_rate, list(mix.tracks)
    free = [not track.locked and track.name not in fixed for track in mix.tracks]
    ears = []
    for pair in _ears(mix, tracks):
        if _side(tracks[known], pair, rate) * wanted < 0 and all(free[i] for i in pair.tracks):
            for i in pair.tracks:
                changed[i] = _mirrored(changed[i], tracks[i])
            pair = Ears(pair.tracks, pair.right, pair.left)
        ears.append(pair)
    turned = _sign(_pan(mix, known)) * wanted < 0
    for i, track in enumerate(mix.tracks):
        pan = _pan(mix, i)
        if i == known and not ears and not _sign(pan):
            pan = LEAST_PAN
        if track.role not in CLOSE or len(tracks[i]) > 1 or not _sign(pan) or not free[i]:
            continue
        heard = next((one for one in (_side(tracks[i], pair, rate) for pair in ears) if one), 0.0)
        place = wanted if i == known else heard or (-_sign(pan) if turned else _sign(pan))
        changed[i] = replace(track, strip=panned(track.strip, place * abs(pan), mono=True))
    return replace(mix, tracks=tuple(changed))


def _opened(mix: Mix, tracks: Sequence[Tensor], fixed: Collection[str]) -> Mix:
    """A mix in which the two sides of overheads and rooms are on two sides."""
    opened = list(mix.tracks)
    for role in WIDE:
        for pair in _pairs(mix, tracks, role):
            pans = [_pan(mix, i) for i in pair]
            held = any(mix.tracks[i].locked or mix.tracks[i].name in fixed for i in pair)
            if _sign(pans[0]) * _sign(pans[1]) < 0 or held:
                continue
            for i, pan in zip(pair, (-LEAST_PAN, LEAST_PAN), strict=True):
                strip = panned(mix.tracks[i].strip, pan, mono=True)
                opened[i] = replace(mix.tracks[i], strip=strip)
    return replace(mix, tracks=tuple(opened))


def _pairs(mix: Mix, tracks: Sequence[Tensor], role: str) -> list[tuple[int, int]]:
    """The mono tracks of a role that are left and right of one recording, by their names."""
    names = [track.name for track in mix.tracks]
    by_stem: dict[tuple[str, ...], dict[str, int]] = {}
    for i, side in stereo_pairs(names).items():
        if mix.tracks[i].role == role and len(tracks[i]) == 1:
            by_stem.setdefault(tuple(name_words(names[i])[:-1]), {})[side] = i
    return [(pair["left"], pair["right"]) for pair in by_stem.values() if len(pair) == 2]


def _pan(mix: Mix, i: int) -> float:
    return setting(mix.tracks[i].strip, "pan", 0.0)


def _landmark(mix: Mix) -> tuple[int, float]:
    """The track that tells the view, and its side beside that of the hi-hat; -1 for none."""
    for i, track in enumerate(mix.tracks):
        if track.role == "hihat":
            return i, 1.0
    for i, track in enumerate(mix.tracks):
        if track.role == "tom" and "floor" in name_words(track.name):
            return i, -1.0
    return -1, 0.0


def _ears(mix: Mix, tracks: Sequence[Tensor]) -> list[Ears]:
    """The stereo recordings of the kit as the mix has them, overheads first."""
    found = []
    for role in WIDE:
        own = [i for i, track in enumerate(mix.tracks) if track.role == role]
        found += [Ears((i,), *tracks[i].split(1)) for i in own if len(tracks[i]) == 2]
        for pair in _pairs(mix, tracks, role):
            left, right = sorted(pair, key=lambda i: _pan(mix, i))
            if _sign(_pan(mix, left)) * _sign(_pan(mix, right)) < 0:
                found.append(Ears(pair, tracks[left], tracks[right]))
    return found


def _side(x: Tensor, ears: Ears, rate: float) -> float:
    """-1 or 1, where a close microphone is heard; 0 where it is not of that recording."""
    near = measure_coherence([x, ears.left, ears.right], rate)[0, 1:]
    if near.max() < COHERENT:
        return 0.0
    return _sign((near[1] - near[0]).item(), least=0.0)


def _sign(pan: float, least: float = CENTRED) -> float:
    return 0.0 if abs(pan) <= least else 1.0 if pan > 0 else -1.0


def _mirrored(track: Track, audio: Tensor) -> Track:
    pan = setting(track.strip, "pan", 0.0)
    if pan:
        track = replace(track, strip=panned(track.strip, -pan, mono=len(audio) == 1))
    if len(audio) == 1:
        return track
    prepare = track.prepare
    because = {**prepare.because, "swapped": "the kit is seen from the other side, as was wished"}
    if prepare.swapped:
        because.pop("swapped")
    return replace(track, prepare=replace(prepare, swapped=not prepare.swapped, because=because))
