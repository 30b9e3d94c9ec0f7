"""A song mixed like other music: what `dasp mix --reference` calls."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from dasp.controllers.heard import heard_of, with_all
from dasp.controllers.rules.strips import at_loudness_again
from dasp.controllers.steered import steered
from dasp.controllers.systems import wanted_lufs
from dasp.controllers.table import BY_REFERENCE, DEFAULT
from dasp.desk import all_wishes, mix, song_of
from dasp.estimation.matching.console import MixMatch, Spread, match_mix, nearest_mix
from dasp.estimation.matching.stems import match_stems
from dasp.mixing.amount import blend
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.mixing.wishes import Wishes
from dasp.songs.multitrack import Multitrack
from dasp.songs.opening import Source, open_song
from dasp.songs.taste import TASTES

LEAST_SPREAD_DB, LEAST_SPREAD_PAN = 3.0, 0.1
"""What any track may well move towards a reference."""


def mix_like(
    source: Source,
    references: Sequence[Tensor],
    sample_rate: int | None = None,
    *,
    target_lufs: float | None = None,
    amount: float = 1.0,
    on_step: Callable[[float], None] = lambda distance: None,
    **how: Any,
) -> MixMatch:
    """Find the settings of a song's mix, and turn them towards the style of references.

    Without another `system` it begins with the default's mix or with that of the network
    `diff-mst`, whichever is nearer to the references.

    Args:
        source: The song, as `mix` takes it.
        references: Recordings `(channels, time)` of other music, at the rate of the song.
        sample_rate: As `mix` takes it.
        target_lufs: Integrated loudness of the mix in LUFS, as `mix` takes it.
        amount: How far to go from the plain sum, 0, to the mix, 1.
        on_step: Called after each step with the smallest distance so far.
        **how: Other arguments of `mix`: what sets the mix to begin from.

    Returns:
        The mix, how far it was and is from the references, and notes. As of any automatic mix,
        tracks that are muted are not heard, solos have no say, and places that are wished stay.

    Raises:
        ValueError: As `mix` does; or a reference is silent, too short, or not finite, or every
            track is muted.

    >>> import torch
    >>> noise = 0.1 * torch.randn(2, 1, 16_000)
    >>> tracks = {"kick": noise[0], "vocal": noise[1]}
    >>> found = mix_like(tracks, [noise.flatten(0, 1)], 16_000, system="equal-loudness")
    >>> [track.name for track in found.mix.tracks]
    ['kick', 'vocal']
    """
    song = open_song(source, sample_rate)
    begin, notes = _begin(song, references, target_lufs, how)
    heard, bare = _heard(song, begin)
    spreads = [_spread(track.role) for track in bare.tracks]
    found = match_mix(heard, bare, references, spreads, on_step=on_step)
    wishes = all_wishes(song, begin, how.get("wishes", Wishes()))
    made = _finished(found.mix, heard, amount, Wishes(pan=wishes.pan), target_lufs, wishes)
    return replace(found, mix=with_all(made, begin), notes=(*notes, *found.notes))


def mix_like_stems(
    source: Source,
    reference: Source,
    sample_rate: int | None = None,
    *,
    target_lufs: float | None = None,
    amount: float = 1.0,
    on_step: Callable[[float], None] = lambda distance: None,
    **how: Any,
) -> MixMatch:
    """Find the settings of a song's mix, and set each track like the stem that plays its role.

    Args:
        source: The song, as `mix` takes it.
        reference: The stems of other music, in the same ways; their sum is the mix of it.
        sample_rate: As `mix` takes it.
        target_lufs: Integrated loudness of the mix in LUFS, as `mix` takes it.
        amount: How far to go from the plain sum, 0, to the mix, 1.
        on_step: Called after each step with the smallest distance so far.
        **how: Other arguments of `mix`: what sets the tracks whose role no stem plays.

    Returns:
        The mix, how far it was and is from the sum of the stems, and for each track what it was
        matched to.

    Raises:
        ValueError: As `mix` does; or nothing is to be heard in any stem.

    >>> import torch
    >>> noise = 0.1 * torch.randn(2, 1, 16_000, generator=torch.Generator().manual_seed(0))
    >>> tracks, stems = {"kick": noise[0], "vocal": noise[1]}, {"lead vox": 0.1 * noise[1]}
    >>> found = mix_like_stems(tracks, stems, 16_000, system="equal-loudness")
    >>> [note.partition(",")[0] for note in found.notes[:2]]
    ['vocal: like lead vox', 'kick: stays as it is: no stem of the reference plays kick']
    """
    song = open_song(source, sample_rate)
    begin = mix(song, target_lufs=target_lufs, **how)
    heard, bare = _heard(song, begin)
    others = open_song(reference, heard.sample_rate)
    found = match_stems(heard, bare, others.song, on_step=on_step)
    wishes = all_wishes(song, begin, how.get("wishes", Wishes()))
    set_anew = [
        before.name
        for before, after in zip(bare.tracks, found.mix.tracks, strict=True)
        if before != after
    ]
    of_these = Wishes(
        priority={name: wish for name, wish in wishes.priority.items() if name in set_anew},
        pan={name: wish for name, wish in wishes.pan.items() if name in set_anew},
    )
    made = _finished(found.mix, heard, amount, of_these, target_lufs, wishes)
    notes = (*others.notes, *found.notes)
    return replace(found, mix=with_all(made, begin), notes=notes)


def _begin(
    song: Multitrack, references: Sequence[Tensor], target_lufs: float | None, how: dict[str, Any]
) -> tuple[Mix, list[str]]:
    """The mix to turn, and what there is to say of it."""
    system = how.pop("system", DEFAULT)
    options = {"target_lufs": target_lufs, **how}
    if system in BY_REFERENCE:
        return mix(song, system=system, references=references, **options), []
    begin = mix(song, system=system, **options)
    if system != DEFAULT or options.get("weights"):
        return begin, []
    (network,) = BY_REFERENCE
    starts = {system: begin, network: mix(song, system=network, references=references, **options)}
    heard = {name: _heard(song, start) for name, start in starts.items()}
    bare = {name: start for name, (_, start) in heard.items()}
    nearest = nearest_mix(heard[system][0], bare, references)
    return starts[nearest], [f"begins with the mix of {nearest}, which is the nearest"]


def _heard(song: Multitrack, begin: Mix) -> tuple[Song, Mix]:
    """The tracks that are not muted, in the order of a mix of them, and that mix."""
    heard, bare = heard_of(song_of(begin, song), begin)
    if not heard.names:
        raise ValueError("every track is muted: there is nothing to mix like a reference")
    return heard, bare


def _finished(
    found: Mix, heard: Song, amount: float, asked: Wishes, target_lufs: float | None, wishes: Wishes
) -> Mix:
    """The part of the way, with what is asked of the tracks, at its loudness."""
    made = blend(found, amount, [track.shape[-2] == 1 for track in heard.tracks])
    made = steered(made, heard.tracks, asked)
    return at_loudness_again(made, heard.tracks, wanted_lufs(target_lufs, wishes))


def _spread(role: str) -> Spread:
    """How far a track may move, by how widely the made engineer treats its role."""
    (quiet, loud), (near, far) = TASTES[role].level_lu, TASTES[role].from_centre
    return Spread(LEAST_SPREAD_DB + (loud - quiet) / 2, LEAST_SPREAD_PAN + (far - near) / 2)
