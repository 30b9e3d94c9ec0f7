"""A mix document from the controls of the differentiable mixing console.

Every track is trimmed to one loudness, through whatever level it was recorded at; its fader is
where it reaches the loudness beside the others that the network asks for. It is asked twice, by
names and by ear alone, and every control stands at the mean: what a track does in a song is a
matter of both.

What a network cannot know is added. Two tracks of a role take opposite sides. The microphones of
one drum kit keep the balance at which they were recorded and the sound of their room: each of them
hears all of the kit, and what is good for one drum is not for the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dasp._bounds import at_most
from dasp.analysis.coherence import measure_coherence
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.console.features import busiest_part, hear
from dasp.controllers.console.network import (
    CONSOLES,
    FADERS,
    ROLE_NAMES,
    MixingController,
    Size,
    role_numbers,
)
from dasp.controllers.console.recordings import recordings
from dasp.controllers.rules.strips import master_at_loudness
from dasp.controllers.trained_file import load_network
from dasp.mixing.console import Console, Controls, Settings
from dasp.mixing.conversion import to_mix
from dasp.mixing.in_range import ends, in_range
from dasp.mixing.kept_routing import keep_routing
from dasp.mixing.mixdown import mix_down
from dasp.mixing.roles import LEAST_PAIR_PAN, stereo_pairs
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.targets import CEILING_DB
from dasp.processors.catalogue import COMPRESSOR, GAIN, LIMITER, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.signal.side_by_side import side_by_side
from dasp.units import db_to_gain, power_to_db
from dasp.weights import FOLDER

WEIGHTS = FOLDER / "console.safetensors"
RECIPE = "differentiable_mixing_console"

TRIM_LUFS = -23.0
"""Loudness of every track in front of its strip, and of the sum of all tracks behind them."""

KIT_ROLES = ("kick", "snare", "hihat", "tom", "overhead", "room", "cymbal", "percussion", "drums")
SURE = 0.5
"""A role is told by ear from this probability on."""

NEAR_AN_END = 0.02
"""A sigmoid does not reach the ends of a range: controls so near to one stand there."""


class Trained(NamedTuple):
    """A controller and what it controls.

    Args:
        model: The network.
        console: The console whose controls it says.
    """

    model: MixingController
    console: Console


class UnlikeError(ValueError):
    """Tracks that are unlike what a controller knows."""


def load_trained(path: str | Path = WEIGHTS) -> Trained:
    """Read a controller from the weights that `dasp train differentiable_mixing_console` wrote.

    Args:
        path: The file; that of the package where none is given.

    Returns:
        The controller, ready for use.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """

    def build(config: dict[str, Any]) -> MixingController:
        return MixingController(CONSOLES[config["console"]], Size(**config["network"]))

    model, config = load_network(path, RECIPE, build)
    return Trained(model, CONSOLES[config["console"]])


shipped = cache(load_trained)
"""`load_trained` of the file of the package, which is read once."""


class Proposal(NamedTuple):
    """What a controller says of a song, before gains are found that make it so.

    Args:
        mix: Strips of tracks at `TRIM_LUFS`, with faders at 0 dB; sends, buses and master.
        level_db: Level of each track behind its strip; their powers add up to 0 dB `(tracks,)`.
        playing: Which tracks play `(tracks,)`.
        loudness: Of each track as it was recorded, in LUFS `(tracks,)`.
        kit: The microphones of a drum kit, each with its coherence with the others.
        roles: What each track is, by name or by ear.
    """

    mix: Mix
    level_db: Tensor
    playing: Tensor
    loudness: Tensor
    kit: Mapping[int, Mapping[int, float]]
    roles: tuple[str, ...]


def mix_by(trained: Trained, song: Song, start: Mix, *, target_lufs: float) -> Mix:
    """Find the settings of a song by a trained controller.

    The role "other" is left to the ear. Files, groups, buses and sends of `start` are kept. Tracks
    in which nothing plays have no strip, and change nothing for the others.

    Args:
        trained: The controller.
        song: The tracks, their names and roles.
        start: The mix to start from.
        target_lufs: Loudness of the mix.

    Returns:
        The mix.

    Raises:
        UnlikeError: If nothing plays, or neither name nor ear tell what most of the tracks are.
    """
    return mastered(as_mix(propose(trained, song, start), song, start), song, target_lufs)


@torch.no_grad()
def propose(
    trained: Trained, song: Song, start: Mix, *, loudness: Tensor | None = None
) -> Proposal:
    """Ask a trained controller about a song.

    Args:
        trained: The controller.
        song: The tracks, their names and roles.
        start: The mix to start from.
        loudness: Of each track in LUFS, where it has been measured already.

    Returns:
        What it says.

    Raises:
        UnlikeError: If nothing plays, or neither name nor ear tell what most of the tracks are.
    """
    model, console = trained
    tracks, rate = song.tracks, song.sample_rate
    if loudness is None:
        measured = side_by_side(lambda track: measure_loudness(track, rate), tracks)
        loudness = torch.stack(measured).double()
    heard = hear(tracks, rate)
    playing = heard.audible & (loudness > ABSOLUTE_GATE_LUFS)
    named = role_numbers(song.roles)
    embedding = model.embed(heard)
    sure, by_ear = model.role(embedding).softmax(-1).max(-1)
    if not playing.any():
        raise UnlikeError("nothing plays in any track")
    told = playing & ((named >= 0) | (sure > SURE))
    if 2 * told.sum() <= playing.sum():
        raise UnlikeError(
            f"{told.sum()} of {playing.sum()} tracks that play are told by name or by ear"
        )
    roles = torch.where(named >= 0, named, by_ear)
    kit = _kit(tracks, rate, [ROLE_NAMES[role] for role in roles], playing)

    # Where others have names that tell their role, a name that does not tells that too.
    if (named >= 0).any():
        named = torch.where(named < 0, ROLE_NAMES.index("other"), named)
    controls = _both(
        model.decide(embedding, heard, named, mask=playing),
        model.decide(embedding, heard, mask=playing),
        torch.tensor([i in kit for i in range(len(tracks))]),
    )
    settings = _below_nyquist(console.to_physical(Controls(*map(_to_the_ends, controls))), rate)
    pan = _sides(settings.tracks["stereo_panner.pan"], song.names, roles.tolist(), kit)
    level_db = staged(settings.tracks["gain.gain_db"].double(), playing)
    own = {**settings.tracks, "stereo_panner.pan": pan, "gain.gain_db": 0.0}
    mix = to_mix(console, settings._replace(tracks=own), rate, start.tracks)
    strips = [_only_faders(track) if i in kit else track for i, track in enumerate(mix.tracks)]
    mix = replace(mix, tracks=tuple(strips))
    known = tuple(ROLE_NAMES[role] for role in roles)
    return Proposal(mix, level_db, playing, loudness, kit, known)


@torch.no_grad()
def as_mix(proposal: Proposal, song: Song, start: Mix) -> Mix:
    """Find the gains that bring what a controller says about.

    Args:
        proposal: What it says.
        song: The tracks.
        start: The mix to start from, whose files, groups, buses and sends are kept.

    Returns:
        The mix, whose master strip is for a sum at `TRIM_LUFS` yet (`mastered`).
    """
    mix, level_db, playing, loudness, kit, _ = proposal
    tracks, rate = song.tracks, song.sample_rate
    trim_db = torch.where(playing, TRIM_LUFS - loudness, 0.0)
    effects = [_without_faders(track.strip) for track in mix.tracks]

    def louder_by(track: Tensor, trim: float, stages: Sequence[Stage]) -> float:
        return _louder_by(stages, busiest_part(track, rate) * db_to_gain(trim), rate)

    louder_db = torch.tensor(side_by_side(louder_by, tracks, trim_db.tolist(), effects)).double()
    gain_db = trim_db + level_db - louder_db
    gain_db = _as_recorded(gain_db, loudness, kit, proposal.roles)
    gain_db = gain_db + min(0.0, ends(GAIN, "gain_db")[1] - gain_db[playing].max().item())
    strips = [
        _strip(track.strip, *pair) if plays else ()
        for track, *pair, plays in zip(
            mix.tracks, gain_db.tolist(), trim_db.tolist(), playing.tolist(), strict=True
        )
    ]
    mix = replace(
        mix,
        tracks=tuple(
            replace(track, strip=strip, sends_db=track.sends_db if strip else {})
            for track, strip in zip(mix.tracks, strips, strict=True)
        ),
    )
    return keep_routing(mix, start)


@torch.no_grad()
def mastered(mix: Mix, song: Song, target_lufs: float) -> Mix:
    """Bring what `as_mix` has found to a loudness.

    Args:
        mix: The mix.
        song: The tracks.
        target_lufs: Loudness of the mix.

    Returns:
        The mix, with the threshold of its master strip where the sum is.
    """
    return replace(mix, master=_master(mix, song.tracks, target_lufs))


def staged(level_db: Tensor, playing: Tensor) -> Tensor:
    """Move levels together, so that their powers add up to 0 dB.

    Args:
        level_db: Levels `(*batch, tracks)`.
        playing: True where a track plays `(*batch, tracks)`.

    Returns:
        Levels `(*batch, tracks)`.
    """
    power = (10 ** (level_db / 10) * playing).sum(-1, keepdim=True)
    return level_db - power_to_db(power)


def _both(by_name: Controls, by_ear: Controls, kit: Tensor) -> Controls:
    """The mean of what is said by names and by ear; of the microphones of a kit, by name."""
    mean = Controls(*(
        None if one is None or other is None else (one + other) / 2
        for one, other in zip(by_name, by_ear, strict=True)
    ))  # fmt: skip
    if by_name.tracks is None or mean.tracks is None:
        return mean
    return mean._replace(tracks=torch.where(kit[:, None], by_name.tracks, mean.tracks))


def _to_the_ends(controls: Tensor | None) -> Tensor | None:
    if controls is None:
        return None
    controls = torch.where(controls < NEAR_AN_END, 0.0, controls)
    return torch.where(controls > 1 - NEAR_AN_END, 1.0, controls)


def _below_nyquist(settings: Settings, rate: float) -> Settings:
    """Frequencies that there are at a sample rate."""
    return Settings(*(
        {k: at_most(v, 0.45 * rate) if k.endswith("_hz") else v for k, v in part.items()}
        for part in settings
    ))  # fmt: skip


def _louder_by(stages: Sequence[Stage], x: Tensor, rate: float) -> float:
    """What effects do to the loudness of a track."""
    if not stages:
        return 0.0
    return (measure_loudness(run_strip(x, rate, stages), rate) - measure_loudness(x, rate)).item()


def _only_faders(track: Track) -> Track:
    faders = tuple(stage for stage in track.strip if stage.processor in FADERS)
    return replace(track, strip=faders, sends_db={})


def _without_faders(strip: Sequence[Stage]) -> tuple[Stage, ...]:
    return tuple(stage for stage in strip if stage.processor not in FADERS)


def _strip(strip: Sequence[Stage], gain_db: float, trim_db: float) -> tuple[Stage, ...]:
    """Trim and fader as one gain in front, with which thresholds move."""
    panner = [stage for stage in strip if stage.processor is STEREO_PANNER]
    effects = [_lowered(stage, gain_db - trim_db) for stage in _without_faders(strip)]
    return (Stage(GAIN, {"gain_db": round(gain_db, 2)}), *effects, *panner)


def _lowered(stage: Stage, by_db: float) -> Stage:
    """A compressor that does to a signal at another level what it did."""
    if stage.processor is not COMPRESSOR:
        return stage
    moved_db = in_range(COMPRESSOR, "threshold_db", stage.settings["threshold_db"] + by_db)
    return stage._replace(settings={**stage.settings, "threshold_db": round(moved_db, 2)})


def _kit(
    tracks: Sequence[Tensor], rate: float, roles: Sequence[str], playing: Tensor
) -> dict[int, dict[int, float]]:
    """The microphones of drums that hear each other, each with its coherence with all tracks."""
    drums = [i for i, role in enumerate(roles) if role in KIT_ROLES and playing[i]]
    if len(drums) < 2:
        return {}
    coherence = measure_coherence([tracks[i] for i in drums], rate)
    return {
        drums[i]: dict(zip(drums, coherence[i].tolist(), strict=True))
        for group in recordings(coherence) if len(group) > 1
        for i in group
    }  # fmt: skip


def _as_recorded(
    gain_db: Tensor, loudness: Tensor, kit: Mapping[int, Any], roles: Sequence[str]
) -> Tensor:
    """Gains of which the microphones of a kit share one: their mean, weighed by what is heard.

    Those in the room are lower where their gain says so: what they hear is the kit, once more.
    """
    if not kit:
        return gain_db
    room = torch.tensor([i in kit and roles[i] == "room" for i in range(len(gain_db))])
    weight = torch.zeros_like(loudness)
    weight[list(kit)] = 10 ** (loudness[list(kit)] / 10)
    weight = torch.where(room & (weight > 0) & ~room[list(kit)].all(), 0.0, weight)
    common = (weight * gain_db).sum() / weight.sum()
    in_kit = torch.tensor([i in kit for i in range(len(gain_db))])
    shared = torch.where(room, gain_db.minimum(common), common)
    return torch.where(in_kit, shared, gain_db)


def _sides(
    pan: Tensor, names: Sequence[str], roles: Sequence[int], kit: Mapping[int, Mapping[int, float]]
) -> Tensor:
    """Pans, with tracks of one role on sides that take turns in the order of their names.

    Two sides of one recording go where their names say. But of a kit with a hi-hat that is the
    side from which it is seen with the hi-hat where it was put, as the overheads hear it.
    """
    pairs = stereo_pairs(list(names))
    turn: Counter[int] = Counter()
    placed = pan.clone()
    for i in sorted(range(len(names)), key=lambda i: names[i]):
        if i in pairs:
            away = pan[i].abs().clamp(min=LEAST_PAIR_PAN)
            placed[i] = -away if pairs[i] == "left" else away
        else:
            placed[i] = -pan[i] if turn[roles[i]] % 2 else pan[i]
            turn[roles[i]] += 1
    hat = next((i for i in kit if roles[i] == ROLE_NAMES.index("hihat")), None)
    sides = {side: i for i, side in pairs.items() if i in kit}
    if hat is None or len(sides) < 2 or placed[hat] == 0:
        return placed
    nearer = max(sides.values(), key=lambda i: kit[hat][i])
    if placed[nearer] * placed[hat] < 0:
        for i in sides.values():
            placed[i] = -placed[i]
    return placed


def _master(mix: Mix, tracks: Sequence[Tensor], target_lufs: float) -> tuple[Stage, ...]:
    """The strip of the sum, with its threshold where the sum is, at a loudness."""
    bus = mix_down(tracks, replace(mix, master=()))
    moved_db = measure_loudness(bus, mix.sample_rate).item() - TRIM_LUFS
    own = [_lowered(stage, moved_db) for stage in mix.master]
    limiter = Stage(LIMITER, {"ceiling_db": CEILING_DB, "true_peak": True})
    return master_at_loudness(bus, mix.sample_rate, target_lufs, lambda gain: (*own, gain, limiter))
