"""Drums mixed by a random forest: from features of the microphones to their gains, left and right.

The microphones stand in fixed slots, silent where one is missing, and the forest hears all of them
at once. Their sum goes through the knowledge-engineered compressor and reverb.

Source: D. Moffat and M. Sandler, "Machine learning multitrack gain mixing of drums", AES 147, 2019.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.controllers.forest.knowledge_engineered import knowledge_engineered
from dasp.controllers.forest.slot_features import (
    SLOTS,
    Slots,
    find_slots,
    power_of,
    relative_levels,
    slot_features,
)
from dasp.controllers.forest.trees import Forest, load_forest
from dasp.controllers.rules.balance import LOUDNESS_BY_ROLE_LU
from dasp.controllers.rules.strips import gains_and_pans
from dasp.mixing.mixdown import mix_down
from dasp.mixing.placement import gain_and_balance, gain_and_pan
from dasp.mixing.settings import Channel, Mix
from dasp.mixing.song import Song
from dasp.processors.catalogue import GAIN
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.units import gain_to_db
from dasp.weights import FOLDER

WEIGHTS = FOLDER / "forest.safetensors"
"""What `dasp.recipes.random_forest` trained."""

DRUMS = "drums"
"""The group of all that is in a slot."""

LEAST_SHARE = 1e-9
NO_DRUMS_LUFS = -23.0
"""What stands for the loudness of the drums where there are none."""


def forest_mix(
    song: Song,
    *,
    forest: Forest | None = None,
    wet: bool = True,
) -> Mix:
    """Find gains and pans of drums by a forest, and by rules a compressor and a reverb behind.

    Tracks without a slot stay outside the group of drums, in the centre, and as loud beside the
    dry drums as their role is in a mix (`dasp.controllers.rules.balance`).

    Args:
        song: Its names tell the sides of tracks.
        forest: From `relative_levels` of the slots to gains; if none is given, the package's own.
        wet: Whether there is more than gains and pans.

    Returns:
        The mix.
    """
    tracks, sample_rate = song.tracks, song.sample_rate
    slots = find_slots(song.names, song.roles, [len(track) for track in tracks])
    forest = shipped_forest() if forest is None else forest
    faders = _drum_faders(tracks, slots, sample_rate, forest)
    drums = _sum_of_drums(song, faders)
    lufs = _loudness(drums, sample_rate)
    lufs = lufs if lufs > ABSOLUTE_GATE_LUFS else NO_DRUMS_LUFS
    for i, (track, role) in enumerate(zip(tracks, song.roles, strict=True)):
        if i not in faders:
            faders[i] = (_gain_beside(lufs, track, role, sample_rate), 0.0)

    gains_db, pans = zip(*(faders[i] for i in range(len(tracks))), strict=True)
    mix = gains_and_pans(song, gains_db=gains_db, pans=pans)
    strip = _wet_strip(drums, sample_rate) if wet else ()
    if not strip:
        return mix
    in_group = {i for i, _ in slots.values()}
    placed = (replace(t, group=DRUMS) if i in in_group else t for i, t in enumerate(mix.tracks))
    return replace(mix, tracks=tuple(placed), groups=(Channel(DRUMS, strip),))


def forest_system(song: Song, *, weights: Path | None = None) -> Mix:
    """Mix by the forest in a file, or by that of the package.

    Args:
        song: Its names tell the sides of tracks.
        weights: A file that `dasp train random_forest` has left.

    Returns:
        The mix.
    """
    return forest_mix(song, forest=None if weights is None else load_forest(weights))


@cache
def shipped_forest() -> Forest:
    """Read the forest of the package, once.

    Returns:
        The forest.
    """
    return load_forest(WEIGHTS)


def predict_gains(forest: Forest, features: Tensor) -> Tensor:
    """Predict gains that keep the power of all slots together.

    Args:
        forest: From `relative_levels` of the slots to gains.
        features: Features `(*batch, slots, 14)`.

    Returns:
        Gains `(*batch, slots, 2)`, left and right; 0 where a slot is empty.
    """
    told = relative_levels(features).flatten(-2)
    said = forest(told.reshape(-1, told.shape[-1])).double().reshape(*features.shape[:-1], 2)
    heard = features.any(-1)[..., None]
    return keeping_power(torch.where(heard, said / half_levels(features), 0.0), features)


def half_levels(features: Tensor) -> Tensor:
    """Compute what a gain is multiplied by in what a forest says.

    Gains fall as recorded levels rise, which takes a tree many leaves to say, and levels in the
    mix hardly depend on them, but of a microphone that hears next to nothing. This is half-way.

    Args:
        features: Features `(*batch, slots, 14)`.

    Returns:
        Square roots of the relative levels of slots, `(*batch, slots, 1)`.
    """
    power = power_of(features)
    share = power / power.sum(-1, keepdim=True).clamp(min=LEAST_SHARE)
    return share.clamp(min=LEAST_SHARE)[..., None] ** 0.25


def keeping_power(gains: Tensor, features: Tensor) -> Tensor:
    """Scale gains so that they keep the power of all slots together.

    How loud a mix is, is no part of its balance.

    Args:
        gains: Gains `(*batch, slots, 2)`.
        features: Features `(*batch, slots, 14)`.

    Returns:
        Gains `(*batch, slots, 2)`.
    """
    power = power_of(features)
    after = (power * gains.square().sum(-1)).sum(-1)
    share = power.sum(-1) / after.clamp(min=torch.finfo(after.dtype).tiny)
    return gains * share.sqrt()[..., None, None]


def _drum_faders(
    tracks: Sequence[Tensor], slots: Slots, sample_rate: int, forest: Forest
) -> dict[int, tuple[float, float]]:
    """A gain in dB and a pan for every track that is in a slot, or in two."""
    if not slots:
        return {}
    gains = predict_gains(forest, slot_features(tracks, slots, sample_rate))
    of_track: dict[int, list[Tensor]] = {}
    for slot, (i, _) in slots.items():
        of_track.setdefault(i, []).append(gains[SLOTS.index(slot)])
    faders = {}
    for i, rows in of_track.items():
        if len(tracks[i]) == 1:
            gain, pan = gain_and_pan(rows[0])
        elif len(rows) == 1:  # a stereo track in one slot keeps its power
            gain, pan = gain_and_balance(rows[0])
        else:  # each side as loud as it is in the mix
            gain, pan = gain_and_balance(torch.stack([torch.linalg.norm(row) for row in rows]))
        faders[i] = (gain_to_db(gain).item(), pan.item())
    return faders


def _sum_of_drums(song: Song, faders: dict[int, tuple[float, float]]) -> Tensor:
    if not faders:
        return torch.zeros_like(song.tracks[0])
    drums = song.only(faders)
    gains_db, pans = zip(*faders.values(), strict=True)
    return mix_down(drums.tracks, gains_and_pans(drums, gains_db=gains_db, pans=pans))


def _wet_strip(drums: Tensor, sample_rate: int) -> tuple[Stage, ...]:
    """Compressor and reverb, and a gain that gives the drums back their loudness."""
    strip = knowledge_engineered(drums, sample_rate)
    if not strip:
        return ()
    wet = run_strip(drums, sample_rate, strip)
    change_db = _loudness(wet, sample_rate) - _loudness(drums, sample_rate)
    return (*strip, Stage(GAIN, {"gain_db": round(-change_db, 3)}))


def _gain_beside(drums_lufs: float, track: Tensor, role: str, sample_rate: int) -> float:
    """What makes a track as loud beside the drums as its role is; silence is left alone."""
    loudness = _loudness(track, sample_rate)
    if loudness <= ABSOLUTE_GATE_LUFS:
        return 0.0
    return drums_lufs + LOUDNESS_BY_ROLE_LU[role] - LOUDNESS_BY_ROLE_LU["drums"] - loudness


def _loudness(x: Tensor, sample_rate: int) -> float:
    return measure_loudness(x, sample_rate).item()
