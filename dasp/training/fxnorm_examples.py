"""What a mixer of normalised stems is trained on: songs in stems of three kinds, and their mixes.

Wet stems are what an engineer made of each group before the master, and add up to the mix; dry ones
are the recordings, added up by group. Both are heard as FxNorm leaves them, the wet ones also as
one microphone would have recorded them, and the dry ones with nothing but their loudness changed. A
released song has wet stems alone.

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

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.audio_io import whole
from dasp.controllers.fxnorm import GROUPS, fx_normalise, group_stems
from dasp.controllers.fxnorm.features import RATE
from dasp.controllers.fxnorm.network import LOUDER, SIDES
from dasp.controllers.fxnorm.normalise import GROUP_OF
from dasp.controllers.fxnorm.system import at_group_loudness, levelled_in_groups
from dasp.mixing.mixdown import mix_down
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.multitrack import Multitrack
from dasp.songs.synthetic import synthetic_song
from dasp.units import db_to_gain


class HeardSong(NamedTuple):
    """A song in stems `(8, time)` of 16 bits, of each kind that there is, and what they become.

    Args:
        stems: By what they are, one of `dasp.controllers.fxnorm.system.Stems` or "mono".
        parts: What each stem is in the mix, which is their sum, `(8, time)`.
    """

    stems: dict[str, Tensor]
    parts: Tensor


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
    kinds = {"dry": at_group_loudness(dry), "dry-normalised": fx_normalise(dry, RATE)}
    wet = heard_wet(wet_stems(song))
    return wet._replace(stems=wet.stems | {kind: together(own) for kind, own in kinds.items()})


def heard_wet(stems: dict[str, Tensor]) -> HeardSong:
    """Normalise stems of a mix: as they are, and as one microphone would have recorded each.

    What is recorded dry is often mono, and its image is then all the normaliser's.

    Args:
        stems: Audio `(2, time)` at 44.1 kHz by the name of the group.

    Returns:
        The song in stems of the kinds "wet" and "mono".
    """
    stems = {group: x.float() for group, x in stems.items() if x.any()}
    mono = {group: x.mean(0).expand(2, -1).contiguous() for group, x in stems.items()}
    kinds = {"wet": stems, "mono": mono}
    heard = {kind: together(fx_normalise(own, RATE)) for kind, own in kinds.items()}
    return HeardSong(heard, together(stems))


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
    return heard_wet(group_stems(song.song))


def learnt_below(song: HeardSong, below_hz: float) -> HeardSong:
    """Let a song tell nothing above a frequency: there a mix is the sum of normalised stems.

    Args:
        song: The song in wet stems, at the level of their sum.
        below_hz: The frequency.

    Returns:
        The song with other parts.
    """
    if below_hz >= RATE / 2:
        return song
    begun = LOUDER * song.stems["wet"].float()
    return song._replace(parts=(begun + lows(song.parts.float() - begun, below_hz)).half())


def at_level_of_sum(song: HeardSong) -> HeardSong:
    """Bring a mix to the loudness that a network begins with, since mixes have none of their own.

    Args:
        song: The song.

    Returns:
        The song with parts as loud as `LOUDER` times the sum of its stems.
    """
    heard = next(iter(song.stems.values())).float()
    wanted, own = (measure_loudness(added(x), RATE) for x in (LOUDER * heard, song.parts.float()))
    gain_db = torch.where(own > ABSOLUTE_GATE_LUFS, wanted - own, 0.0)
    return song._replace(parts=(song.parts * db_to_gain(gain_db)).half())


def lows(x: Tensor, below_hz: float) -> Tensor:
    """Leave what is below a frequency, with a slope of a tenth of it.

    Args:
        x: Audio `(*batch, time)` at 44.1 kHz.
        below_hz: The frequency.

    Returns:
        Audio of the shape of `x`.
    """
    spectrum = torch.fft.rfft(x)
    freq_hz = torch.linspace(0, RATE / 2, spectrum.shape[-1])
    passed = (0.5 + (below_hz - freq_hz) / (0.1 * below_hz)).clamp(0, 1)
    return torch.fft.irfft(spectrum * passed, x.shape[-1])


def added(stems: Tensor) -> Tensor:
    """Add stems up.

    Args:
        stems: Audio `(*batch, 8, time)`.

    Returns:
        Audio `(*batch, 2, time)`.
    """
    return stems.unflatten(-2, (len(GROUPS), SIDES)).sum(-3)


def together(stems: dict[str, Tensor]) -> Tensor:
    """Put stems one behind the other, in 16 bits.

    Args:
        stems: Audio `(2, time)` by the name of the group.

    Returns:
        Audio `(8, time)`; silence for a group that does not play.
    """
    silence = torch.zeros_like(next(iter(stems.values())))
    return torch.cat([stems.get(group, silence) for group in GROUPS]).half()


def made_songs(
    seeds: Sequence[int], seconds: float, kinds: Sequence[str], folder: str = ""
) -> list[HeardSong]:
    """Make songs, or read those that were made before.

    Args:
        seeds: The seeds.
        seconds: Length of each.
        kinds: Of the stems that are wanted.
        folder: Where songs are kept; "" to make them every time.

    Returns:
        The songs.
    """

    def one(seed: int) -> HeardSong:
        path = Path(folder) / f"fxnorm-parts-{seed}-{seconds:g}s.safetensors"
        if folder and path.exists():
            stems = load_file(path)
            return HeardSong(stems, stems.pop("parts"))
        made = made_song(seed, seconds)
        if folder:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as unfinished:
                save_file({**made.stems, "parts": made.parts}, unfinished)
        return made

    songs = map(one, tqdm(seeds, desc="songs", leave=False, disable=None))
    return [song._replace(stems={kind: song.stems[kind] for kind in kinds}) for song in songs]


@dataclass(frozen=True)
class Excerpts:
    """Draw excerpts of songs, as they are and of stems that were never heard together.

    Args:
        made: Made songs.
        released: Released ones; half of the excerpts are theirs where there are any.
        kinds: Of their stems, one drawn for each stem.
        frames: Length of an excerpt in samples.
        strangers: The share of excerpts whose stems are of different songs and places.
        level_db: How far the level of a stem is from where the normaliser has it, at most.
    """

    made: Sequence[HeardSong]
    released: Sequence[HeardSong]
    kinds: Sequence[str]
    frames: int
    strangers: float = 0.0
    level_db: float = 0.0

    def __call__(self, generator: torch.Generator) -> Example:
        """Draw an excerpt, half of the time with its sides swapped.

        Args:
            generator: Decides on all of it.

        Returns:
            The excerpt.
        """

        def below(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        def drawn(songs: Sequence[HeardSong]) -> tuple[HeardSong, int]:
            song = songs[below(len(songs))]
            return song, below(song.parts.shape[-1] - self.frames + 1)

        songs = self.released if self.released and below(2) else self.made
        are_strangers = torch.rand((), generator=generator) < self.strangers
        ones = [drawn(songs) for _ in GROUPS] if are_strangers else [drawn(songs)] * len(GROUPS)
        stems, parts = [], []
        for i, (song, start) in enumerate(ones):
            own = (slice(SIDES * i, SIDES * (i + 1)), slice(start, start + self.frames))
            gain_db = self.level_db * (2 * torch.rand((), generator=generator) - 1)
            kind = self.kinds[below(len(self.kinds))]
            stems.append(song.stems[kind][own].float() * db_to_gain(gain_db))
            parts.append(song.parts[own].float())
        example = Example(torch.cat(stems), torch.stack(parts).sum(0))
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
    return Example(song.stems[kind][:, part].float(), added(song.parts[:, part].float()))


def swapped(example: Example) -> Example:
    """Swap left and right of all stems and of the mix.

    Args:
        example: An excerpt.

    Returns:
        The other way round.
    """
    sides = example.stems.unflatten(-2, (len(GROUPS), SIDES)).flip(-2).flatten(-3, -2)
    return Example(sides, example.mix.flip(-2))
