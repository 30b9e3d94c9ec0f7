"""What a mixer of normalised stems is trained on: songs in stems of three kinds, and their mixes.

Wet stems are what an engineer made of each group before the master; dry ones are the recordings,
added up by group. Both are heard as FxNorm leaves them, and the dry ones also with nothing but
their loudness changed. A released song has wet stems alone, whose sum is the mix.

Source: M. A. Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain
data", ISMIR 2022.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from dasp.analysis.loudness import measure_loudness
from dasp.audio_io import whole
from dasp.controllers.fxnorm import GROUPS, fx_normalise, group_stems
from dasp.controllers.fxnorm.features import RATE
from dasp.controllers.fxnorm.normalise import GROUP_OF
from dasp.controllers.fxnorm.system import at_group_loudness, levelled_in_groups
from dasp.mixing.mixdown import mix_down
from dasp.mixing.targets import MIX_LUFS
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.multitrack import Multitrack
from dasp.songs.synthetic import synthetic_song
from dasp.units import db_to_gain


class HeardSong(NamedTuple):
    """A song in stems `(8, time)` of 16 bits, of each kind that there is, and its mix `(2, time)`.

    Args:
        stems: By what they are, one of `dasp.controllers.fxnorm.system.Stems`.
        mix: The mix, at one loudness for all songs.
    """

    stems: dict[str, Tensor]
    mix: Tensor


class Example(NamedTuple):
    """An excerpt of a song.

    Args:
        stems: Audio `(*batch, 8, time)`.
        mix: Audio `(*batch, 2, time)`.
    """

    stems: Tensor
    mix: Tensor


@torch.no_grad()
def made_song(seed: int, seconds: float) -> HeardSong:
    """Make a song, and have it mixed.

    Args:
        seed: Decides on all of it.
        seconds: Length of the song.

    Returns:
        The song in stems of all kinds.
    """
    song = with_engineers_mix(synthetic_song(seed, seconds=seconds, sample_rate=RATE), seed)
    dry = group_stems(levelled_in_groups(song.song))
    kinds = {
        "wet": fx_normalise(wet_stems(song), RATE),
        "dry": at_group_loudness(dry),
        "dry-normalised": fx_normalise(dry, RATE),
    }
    return HeardSong(
        {kind: together(stems) for kind, stems in kinds.items()}, at_one_loudness(song.mix())
    )


def wet_stems(song: Multitrack) -> dict[str, Tensor]:
    """Render what the engineer made of each group, with its part of the room, before the master.

    Args:
        song: A made song that is mixed; its settings are in `details["mix"]`.

    Returns:
        Audio `(2, time)` by the name of the group; they add up to what the master hears.
    """
    mix = replace(song.details["mix"], master=())
    groups = [GROUP_OF.get(role, "other") for role in song.roles]
    found = {}
    for group in GROUPS:
        own = [i for i, name in enumerate(groups) if name == group]
        if own:
            tracks = tuple(mix.tracks[i] for i in own)
            found[group] = mix_down([song.tracks[i] for i in own], replace(mix, tracks=tracks))
    return found


@torch.no_grad()
def released_song(song: Multitrack) -> HeardSong:
    """Hear a released song, whose stems add up to the mix.

    Args:
        song: The song.

    Returns:
        The song in wet stems.
    """
    stems = group_stems(song.song)
    mix = sum(stems.values(), torch.zeros(()))
    return HeardSong({"wet": together(fx_normalise(stems, RATE))}, at_one_loudness(mix))


def together(stems: dict[str, Tensor]) -> Tensor:
    """Put stems one behind the other, in 16 bits.

    Args:
        stems: Audio `(2, time)` by the name of the group.

    Returns:
        Audio `(8, time)`; silence for a group that does not play.
    """
    silence = torch.zeros_like(next(iter(stems.values())))
    return torch.cat([stems.get(group, silence) for group in GROUPS]).half()


def at_one_loudness(mix: Tensor) -> Tensor:
    """Bring a mix to the loudness that mixes have, in 16 bits.

    Args:
        mix: Audio `(2, time)`.

    Returns:
        Audio of the shape of `mix`.
    """
    return (mix * db_to_gain(MIX_LUFS - measure_loudness(mix, RATE))).half()


def made_songs(
    seeds: Sequence[int], seconds: float, kind: str, folder: str = ""
) -> list[HeardSong]:
    """Make songs, or read those that were made before.

    Args:
        seeds: The seeds.
        seconds: Length of each.
        kind: Of the stems that are wanted.
        folder: Where songs are kept; "" to make them every time.

    Returns:
        The songs.
    """

    def one(seed: int) -> HeardSong:
        path = Path(folder) / f"fxnorm-{seed}-{seconds:g}s.safetensors"
        if folder and path.exists():
            stems = load_file(path)
            return HeardSong(stems, stems.pop("mix"))
        made = made_song(seed, seconds)
        if folder:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as unfinished:
                save_file({**made.stems, "mix": made.mix}, unfinished)
        return made

    songs = map(one, tqdm(seeds, desc="songs", leave=False, disable=None))
    return [song._replace(stems={kind: song.stems[kind]}) for song in songs]


@dataclass(frozen=True)
class Excerpts:
    """Draw excerpts of songs.

    Args:
        made: Made songs.
        released: Released ones; half of the excerpts are theirs where there are any.
        kind: Of their stems.
        frames: Length of an excerpt in samples.
    """

    made: Sequence[HeardSong]
    released: Sequence[HeardSong]
    kind: str
    frames: int

    def __call__(self, generator: torch.Generator) -> Example:
        """Draw an excerpt, half of the time with its sides swapped.

        Args:
            generator: Decides on all of it.

        Returns:
            The excerpt.
        """

        def below(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        songs = self.released if self.released and below(2) else self.made
        song = songs[below(len(songs))]
        example = excerpt(song, self.kind, below(song.mix.shape[-1] - self.frames + 1), self.frames)
        return swapped(example) if below(2) else example


def excerpt(song: HeardSong, kind: str, start: int, frames: int) -> Example:
    """Cut an excerpt out of a song.

    Args:
        song: The song.
        kind: Of its stems.
        start: The first sample.
        frames: Length in samples.

    Returns:
        The excerpt in 32 bits.
    """
    part = slice(start, start + frames)
    return Example(song.stems[kind][:, part].float(), song.mix[:, part].float())


def swapped(example: Example) -> Example:
    """Swap left and right of all stems and of the mix.

    Args:
        example: An excerpt.

    Returns:
        The other way round.
    """
    sides = example.stems.unflatten(-2, (len(GROUPS), 2)).flip(-2).flatten(-3, -2)
    return Example(sides, example.mix.flip(-2))
