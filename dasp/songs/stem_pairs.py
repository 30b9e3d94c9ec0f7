"""Raw tracks and the stems that an engineer made of them: pairs to learn a stem from its raw track.

A stem is a track behind the strip of `dasp.songs.engineer`, with its room. Of each the stretch with
most energy is taken, in mono and at one loudness. Other versions of a pair are in other keys. Here
the score is transposed and played and mixed again, where recordings would have to be shifted: that
leaves no trace of a pitch shifter, formants and noise stay where they are, and so does what the
engineer did to the spectrum, which a shift would move along with the notes.

Source: M. A. Martínez Ramírez and J. D. Reiss, "Stem audio mixing as a content-based transformation
of audio features", Workshop on Intelligent Music Production, 2017.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix
from dasp.songs.engineer import engineers_mix
from dasp.songs.sections import loudest_section, to_loudness
from dasp.songs.synthetic import synthetic_song

SECONDS = 10.0
LUFS = 0.0

INSTRUMENTS: Mapping[str, tuple[str, ...]] = {
    "bass": ("bass",),
    "guitar": ("guitar",),
    "vocals": ("vocal", "backing vocal"),
    "keys": ("keys", "lead"),
}
"""Who plays in the band of each group; with the seeds of songs they take turns."""

PITCHES_CENTS = tuple(50.0 * step for step in range(-8, 9))
"""The 17 keys of every pair: four semitones down to four up, in steps of a quarter tone."""


class Pair(NamedTuple):
    """A raw track and its stem.

    Args:
        raw: Audio `(time,)`.
        stem: Audio `(time,)`.
    """

    raw: Tensor
    stem: Tensor


def cut_pair(
    raws: Sequence[Tensor], stem: Tensor, sample_rate: float, *, start: int, seconds: float
) -> Pair:
    """Cut a pair out of a stem and the raw tracks that it was made of.

    Args:
        raws: Audio `(channels, time)` of each raw track. That with most energy in the stretch is
            the one of the pair.
        stem: Audio `(channels, time)`.
        sample_rate: In Hz.
        start: The first sample of the stretch.
        seconds: Length of the stretch, above 0.

    Returns:
        The pair in mono, each at `LUFS`; what is silent stays so.

    Raises:
        ValueError: If there is no raw track.
    """
    if not raws:
        raise ValueError("raws: expected one or more, got none")
    stretch = slice(start, start + round(seconds * sample_rate))
    loudest = max((raw[:, stretch] for raw in raws), key=lambda x: x.square().sum().item())

    def mono(x: Tensor) -> Tensor:
        return to_loudness(x.mean(0, keepdim=True), sample_rate, LUFS)[0]

    return Pair(mono(loudest), mono(stem[:, stretch]))


@torch.no_grad()
def made_pairs(
    seed: int,
    *,
    pitches_cents: Sequence[float] = (0.0,),
    seconds: float = SECONDS,
    song_seconds: float = 2 * SECONDS,
    sample_rate: int = 44_100,
) -> Iterator[dict[str, Pair]]:
    """Make a song, let the engineer mix it, and cut a pair of each group out of it.

    Args:
        seed: Decides on all of it.
        pitches_cents: The keys, hundredths of a semitone above the one of the score.
        seconds: Length of a pair, above 0.
        song_seconds: Length of the song that it is cut from.
        sample_rate: In Hz.

    Returns:
        For each key, a pair of each group of `INSTRUMENTS`. In all keys it is the stretch that has
        most energy in the first one.

    Raises:
        ValueError: If a length or the rate has no meaning.

    >>> [pairs] = made_pairs(0, seconds=0.5, song_seconds=1.0, sample_rate=22_050)
    >>> list(pairs), pairs["bass"].raw.shape
    (['bass', 'guitar', 'vocals', 'keys'], torch.Size([11025]))
    """
    band = [players[seed % len(players)] for players in INSTRUMENTS.values()]
    starts: dict[str, int] = {}
    for cents in pitches_cents:
        multitrack = synthetic_song(seed, seconds=song_seconds, sample_rate=sample_rate,
                                    ensemble=band, transposed_cents=cents)  # fmt: skip
        tracks, mix = multitrack.tracks, engineers_mix(multitrack, seed)
        pairs = {}
        for i, group in enumerate(INSTRUMENTS):
            stem = stem_of(tracks[i], mix, i)
            if group not in starts:
                starts[group] = loudest_section(stem, sample_rate, seconds=seconds)
            pairs[group] = cut_pair([tracks[i]], stem, sample_rate, start=starts[group],
                                    seconds=seconds)  # fmt: skip
        yield pairs


def stem_of(track: Tensor, mix: Mix, number: int) -> Tensor:
    """Hear one track of a mix alone, with its room, before the strip of the master.

    Args:
        track: Audio `(channels, time)`.
        mix: The mix.
        number: Of the track in the mix.

    Returns:
        Audio `(2, time)`.
    """
    own = mix.tracks[number]
    buses = mix.buses if own.sends_db else ()
    return mix_down((track,), replace(mix, tracks=(own,), buses=buses, master=()))
