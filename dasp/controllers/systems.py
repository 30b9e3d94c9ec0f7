"""Any automatic mixer of the table, called alike."""

import warnings
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from dasp._checks import check_choice, check_range
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.heard import heard_of, with_all
from dasp.controllers.locked import work_around
from dasp.controllers.rules.strips import at_loudness, at_loudness_again, is_silent
from dasp.controllers.table import DEFAULT, LEARNT, MIXERS, NETWORKS, SYSTEMS
from dasp.mixing.amount import blend
from dasp.mixing.in_range import ends
from dasp.mixing.kept_routing import keep_routing
from dasp.mixing.roles import check_roles
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.mixing.targets import MIX_LUFS
from dasp.processors.catalogue import GAIN

NEAR_LU = 0.1
"""How far a mix may be from the loudness that was asked for, without a word."""


def automatic_mix(
    song: Song,
    start: Mix | None = None,
    *,
    system: str = DEFAULT,
    target_lufs: float | None = None,
    weights: Path | None = None,
    amount: float = 1.0,
) -> Mix:
    """Find the settings of a song's mix, at an integrated loudness.

    Args:
        song: The tracks, their names and roles.
        start: A mix of these tracks, which names them. What is locked in it stays as it is, and so
            do files, roles, groups, buses and sends. Its tracks are heard as it prepares them, and
            those that are muted not at all.
        system: One of `SYSTEMS`.
        target_lufs: The loudness of the mix in LUFS, from -70 to 0; -18 if none is given. It is
            not reached where a limiter or the range of the gain stand against it.
        weights: A file that the training of a system in `LEARNT` has left; without one it has
            those of the package.
        amount: How far to go from the plain sum, 0, to the mix, 1 (`dasp.mixing.amount`). Any part
            of the way ends at the loudness, but 0 only at one that is given.

    Returns:
        The mix; `mix_down(song.tracks, mix)` is its sound.

    Raises:
        ValueError: If the system, the loudness, the amount or the role of a track is none.
    """
    check_choice("system", system, SYSTEMS)
    if weights is not None:
        check_choice("system", system, [name for name in LEARNT if name in SYSTEMS])
    if target_lufs is not None:
        check_range("target_lufs", target_lufs, low=ABSOLUTE_GATE_LUFS, high=0.0)
    check_range("amount", amount, low=0.0, high=1.0)
    whole = song.plain_mix() if start is None else start
    names, roles = (tuple(getattr(t, key) for t in whole.tracks) for key in ("name", "role"))
    check_roles(roles, "tracks[{}].role")
    song, start = heard_of(replace(song, names=names, roles=roles), whole)
    if not song.names:
        warnings.warn("every track is muted: there is nothing to mix", stacklevel=2)
        return whole
    if all(is_silent(track, song.sample_rate) for track in song.tracks):
        warnings.warn("every track is silent: no gain brings the mix to a loudness", stacklevel=2)
    lufs = MIX_LUFS if target_lufs is None else target_lufs
    mix = _found(song, start, system, lufs, weights)
    if amount == 1:
        return with_all(mix, whole)
    part = blend(mix, amount, [track.shape[-2] == 1 for track in song.tracks])
    if target_lufs is not None or amount > 0:
        part = at_loudness_again(part, song.tracks, lufs)
    return with_all(part, whole)


def _found(song: Song, start: Mix, system: str, target_lufs: float, weights: Path | None) -> Mix:
    entry = MIXERS[system]
    options = {} if weights is None else {"weights": weights}
    if entry.kind == "settings":
        return entry.load()(song, start, target_lufs, **options)
    mix = entry.load()(song, **options)
    tracks = (
        replace(track, file=own.file) for track, own in zip(mix.tracks, start.tracks, strict=True)
    )
    mix = keep_routing(replace(mix, tracks=tuple(tracks)), start)
    return work_around(at_loudness(mix, song.tracks, target_lufs), song, start, target_lufs)


def audio_of(song: Song, system: str, weights: Path | None = None) -> Song:
    """Let a network mix a song.

    Args:
        song: The tracks, their names and roles.
        system: One of `NETWORKS`.
        weights: A file that its training has left; without one it has those of the package.

    Returns:
        A song whose one track is the mix.

    Raises:
        ValueError: If there is no such network, or the weights are of another.
    """
    check_choice("system", system, NETWORKS)
    audio = MIXERS[system].load()(song, weights=weights)
    return Song((system,), ("other",), (audio,), song.sample_rate)


def missed_target(mix: Mix, audio: Tensor, target_lufs: float | None) -> str | None:
    """Tell why a mix is not as loud as it was to be.

    Args:
        mix: The mix.
        audio: How it sounds, `(channels, time)`.
        target_lufs: The loudness that was asked for, or None.

    Returns:
        A sentence for a person to read, or None where all is well.
    """
    loudness = measure_loudness(audio, mix.sample_rate).item()
    if target_lufs is None or loudness <= ABSOLUTE_GATE_LUFS:
        return None
    if abs(loudness - target_lufs) <= NEAR_LU:
        return None
    gains_db = [stage.settings.get("gain_db") for stage in mix.master if stage.processor is GAIN]
    why = "what is locked or the limiter stand against it"
    _, most_db = ends(GAIN, "gain_db")
    if most_db in gains_db:
        why = f"its gain of +{most_db:g} dB is the most there is"
    return f"the mix has {loudness:.1f} LUFS and not the {target_lufs:g} asked for: {why}"
