"""A song mixed like other music: what `dasp mix --reference` calls."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from dasp.controllers.heard import heard_of, with_all
from dasp.controllers.rules.strips import at_loudness_again
from dasp.controllers.steered import steered
from dasp.controllers.systems import wanted_lufs
from dasp.controllers.table import BY_REFERENCE
from dasp.desk import all_wishes, mix, song_of
from dasp.estimation.matching.console import MixMatch, Spread, match_mix
from dasp.mixing.amount import blend
from dasp.mixing.wishes import Wishes
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
    if how.get("system") in BY_REFERENCE:
        how["references"] = references
    begin = mix(song, target_lufs=target_lufs, **how)
    heard, bare = heard_of(song_of(begin, song), begin)
    if not heard.names:
        raise ValueError("every track is muted: there is nothing to mix like a reference")
    spreads = [_spread(track.role) for track in bare.tracks]
    found = match_mix(heard, bare, references, spreads, on_step=on_step)
    made = blend(found.mix, amount, [track.shape[-2] == 1 for track in heard.tracks])
    wishes = all_wishes(song, begin, how.get("wishes", Wishes()))
    made = steered(made, heard.tracks, Wishes(pan=wishes.pan))
    made = at_loudness_again(made, heard.tracks, wanted_lufs(target_lufs, wishes))
    return replace(found, mix=with_all(made, begin))


def _spread(role: str) -> Spread:
    """How far a track may move, by how widely the made engineer treats its role."""
    (quiet, loud), (near, far) = TASTES[role].level_lu, TASTES[role].from_centre
    return Spread(LEAST_SPREAD_DB + (loud - quiet) / 2, LEAST_SPREAD_PAN + (far - near) / 2)
