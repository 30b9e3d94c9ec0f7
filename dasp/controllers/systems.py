"""Any automatic mixer of the table, called alike."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from dasp._checks import check_choice, check_range
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.doubles import as_one_part, parts_played_again
from dasp.controllers.heard import heard_of, with_all
from dasp.controllers.kit_view import seen_from
from dasp.controllers.locked import work_around
from dasp.controllers.never import without_the_unforgivable
from dasp.controllers.rules.strips import at_loudness, at_loudness_again, is_silent
from dasp.controllers.steered import steered
from dasp.controllers.table import (
    BY_REFERENCE,
    CONVERTERS,
    DEFAULT,
    LEARNT,
    MIXERS,
    NETWORKS,
    SYSTEMS,
)
from dasp.mixing.amount import blend
from dasp.mixing.genres import GENRES, to_taste
from dasp.mixing.groups import with_groups
from dasp.mixing.in_range import ends
from dasp.mixing.kept_routing import keep_routing
from dasp.mixing.mixdown import prepared_tracks
from dasp.mixing.roles import check_roles
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.mixing.targets import MIX_LUFS
from dasp.mixing.wishes import Wishes, with_roles
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
    wishes: Wishes = Wishes(),  # noqa: B008
    references: Sequence[Tensor] = (),
) -> Mix:
    """Find the settings of a song's mix, at an integrated loudness.

    Tracks of a kind go to a group. What a person wishes is done last, whatever was found.

    Args:
        song: The tracks, their names and roles.
        start: A mix of these tracks, which names them. What is locked in it stays as it is, and so
            do files, roles, groups, buses and sends. Its tracks are heard as it prepares them,
            those that are muted not at all, and doubles of one part as loud as one of them.
        system: One of `SYSTEMS`, or with references of `BY_REFERENCE`.
        target_lufs: The loudness of the mix in LUFS, from -70 to 0; that of the genre if none is
            given, or -18. It is not reached where a limiter or the range of the gain stand against
            it.
        weights: A file that the training of a system in `LEARNT` has left; without one it has
            those of the package.
        amount: How far to go from the plain sum, 0, to the mix, 1 (`dasp.mixing.amount`). Any part
            of the way ends at the loudness, but 0 only at one that is given.
        wishes: What a person asks of the tracks and of the whole. Locks stand against it.
        references: Finished mixes of any music, `(channels, time)` each at the rate of the song,
            that the mix is to sound like; for the systems of `BY_REFERENCE`, one at least.

    Returns:
        The mix; `mix_down(song.tracks, mix)` is its sound.

    Raises:
        ValueError: If the system, the loudness, the amount or the role of a track is none, there
            is no track of a wish, or a system has no reference that needs one, or one that it does
            not hear.
    """
    check_choice("system", system, BY_REFERENCE if references else (*SYSTEMS, *BY_REFERENCE))
    if system in BY_REFERENCE and not references:
        raise ValueError(f"references: {system} mixes like other mixes, got none")
    if weights is not None:
        makers = (*NETWORKS, *CONVERTERS)
        check_choice("system", system, [name for name in LEARNT if name not in makers])
    if target_lufs is not None:
        check_range("target_lufs", target_lufs, low=ABSOLUTE_GATE_LUFS, high=0.0)
    check_range("amount", amount, low=0.0, high=1.0)
    whole = with_roles(song.plain_mix() if start is None else start, wishes.role)
    names, roles = (tuple(getattr(t, key) for t in whole.tracks) for key in ("name", "role"))
    check_roles(roles, "tracks[{}].role")
    wishes = wishes.of(whole)
    every_track = song.tracks
    song, start = heard_of(replace(song, names=names, roles=roles), whole)
    if not song.names:
        warnings.warn("every track is muted: there is nothing to mix", stacklevel=2)
        return whole
    if all(is_silent(track, song.sample_rate) for track in song.tracks):
        warnings.warn("every track is silent: no gain brings the mix to a loudness", stacklevel=2)
    lufs = wanted_lufs(target_lufs, wishes)
    mix = _found(song, start, system, lufs, weights, references)
    like_another = system in BY_REFERENCE
    mix = without_the_unforgivable(mix, song, start, lufs, like_another=like_another)
    mix = as_one_part(mix, song, parts_played_again(whole), lufs)
    if wishes.groups is not False:
        mix = with_groups(mix)
    if wishes.genre:
        mix = to_taste(mix, wishes.genre, with_sends=not start.buses)
    if amount < 1:
        mix = blend(mix, amount, [track.shape[-2] == 1 for track in song.tracks])
    wished = steered(mix, song.tracks, wishes)
    changed = amount < 1 or bool(wishes.genre) or wished != mix
    if changed and (target_lufs is not None or amount > 0):
        wished = at_loudness_again(wished, song.tracks, lufs)
    mix = with_all(wished, whole)
    if wishes.kit:
        mix = seen_from(mix, prepared_tracks(every_track, mix), wishes.kit, fixed=wishes.pan)
        if not any(part.solo for part in mix.channels):
            mix = at_loudness_again(mix, every_track, lufs)
    return mix


def wanted_lufs(target_lufs: float | None, wishes: Wishes) -> float:
    """Tell the loudness that a mix is to have.

    Args:
        target_lufs: The one that is asked for, or None.
        wishes: The wishes, of which the genre has one.

    Returns:
        The loudness in LUFS.
    """
    if target_lufs is not None:
        return target_lufs
    return GENRES[wishes.genre].target_lufs if wishes.genre else MIX_LUFS


def _found(
    song: Song,
    start: Mix,
    system: str,
    target_lufs: float,
    weights: Path | None,
    references: Sequence[Tensor],
) -> Mix:
    entry = MIXERS[system]
    options: dict[str, Any] = {} if weights is None else {"weights": weights}
    if entry.kind == "reference":
        options["references"] = references
    if entry.kind in ("settings", "reference"):
        return entry.load()(song, start, target_lufs, **options)
    mix = entry.load()(song, **options)
    tracks = (
        replace(track, file=own.file) for track, own in zip(mix.tracks, start.tracks, strict=True)
    )
    mix = keep_routing(replace(mix, tracks=tuple(tracks)), start)
    return work_around(at_loudness(mix, song.tracks, target_lufs), song, start, target_lufs)


def audio_of(
    song: Song, system: str, weights: Path | None = None, references: Sequence[Tensor] = ()
) -> Song:
    """Let a network mix a song.

    Args:
        song: The tracks, their names and roles.
        system: One of `NETWORKS`, or with references of `CONVERTERS`.
        weights: A file that its training has left; without one it has those of the package.
        references: Finished mixes of any music, `(channels, time)` each at the rate of the song,
            that the mix is to sound like.

    Returns:
        A song whose one track is the mix.

    Raises:
        ValueError: If there is no such network, the weights are of another, or there are references
            and it hears none, or none and it needs one.
    """
    check_choice("system", system, CONVERTERS if references else (*NETWORKS, *CONVERTERS))
    options = {"references": references} if system in CONVERTERS else {}
    audio = MIXERS[system].load()(song, weights=weights, **options)
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
