"""Songs from seeds: any number, of any length, played by small synthesisers from a score.

The same seed gives the same samples, in whatever process. Recording levels are drawn at random, as
if nobody had set them, so that a mixer has something to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dasp._checks import checked_sample_rate
from dasp.songs.instruments import INSTRUMENTS as ALL_INSTRUMENTS
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.score import Part, Score, compose, transposed
from dasp.songs.seeded import SeededSongs
from dasp.songs.seeds import generator_for
from dasp.units import db_to_gain

BAND = ("kick", "snare", "hihat", "bass", "guitar", "keys", "pad", "vocal")
"""The eight that play in `synthesise_song`."""

INSTRUMENTS = {name: ALL_INSTRUMENTS[name] for name in BAND}

QUIETEST_DB, LOUDEST_DB = -30.0, -8.0
"""Range of the recording levels: the peak of each track in dB of full scale."""


def synthesise_song(
    seed: int, *, seconds: float = 20.0, sample_rate: int = 44_100
) -> dict[str, Tensor]:
    """Make the tracks of a song from a seed, played by `BAND`.

    Args:
        seed: Decides on all of it.
        seconds: Length, above 0.
        sample_rate: In Hz.

    Returns:
        Audio `(channels, time)` in float32 by the name of the track: the pad stereo, others mono.

    Raises:
        ValueError: If `seconds` or `sample_rate` has no meaning.

    >>> song = synthesise_song(0, seconds=1.0, sample_rate=8000)
    >>> song["pad"].shape, list(song)[:3]
    (torch.Size([2, 8000]), ['kick', 'snare', 'hihat'])
    """
    song = synthetic_song(seed, seconds=seconds, sample_rate=sample_rate, ensemble=BAND)
    return dict(zip(song.names, song.tracks, strict=True))


def synthetic_song(
    seed: int,
    *,
    seconds: float = 30.0,
    sample_rate: int = 44_100,
    ensemble: Sequence[str] | None = None,
    transposed_cents: float = 0.0,
) -> Multitrack:
    """Make a song in memory from a seed: its roles, and in `details` its tempo and sections.

    Args:
        seed: Decides on all of it.
        seconds: Length, above 0.
        sample_rate: In Hz.
        ensemble: Who plays, names of `dasp.songs.score.PARTS`; without it, who plays is drawn too.
        transposed_cents: Plays the score in another key, so many hundredths of a semitone higher;
            below 0 lower.

    Returns:
        The song.

    Raises:
        ValueError: If `seconds` or `sample_rate` has no meaning, or nobody of that name plays.

    >>> song = synthetic_song(4, seconds=2.0, sample_rate=8000)
    >>> song.roles[:3], round(song.details["tempo_bpm"])
    (('kick', 'snare', 'hihat'), 107)
    """
    sample_rate = int(checked_sample_rate(sample_rate))
    score = compose(seed, seconds=seconds, ensemble=ensemble)
    if transposed_cents:
        score = transposed(score, transposed_cents)
    recordings = tuple(
        Recording(part.name, part.role, _recorded(part, score, seed, sample_rate))
        for part in score.parts
    )
    details = {"seed": seed, "tempo_bpm": score.tempo_bpm, "sections": score.sections}
    return Multitrack(f"synthetic {seed}", sample_rate, recordings, details=details)


@dataclass(frozen=True)
class SyntheticSongs(SeededSongs):
    """A data set of songs, each of which is made when it is asked for.

    Song `i` is `synthetic_song(first_seed + i)`, whoever asks: the workers of a
    `torch.utils.data.DataLoader` make the same songs as one process does.

    Args:
        count: Number of songs, 0 or more.
        first_seed: Seed of the first; the others follow.
        seconds: Length of each song.
        sample_rate: In Hz.
        mixed: Whether each song comes with its mix by `dasp.songs.engineer`, drawn from the same
            seed.

    Raises:
        ValueError: If `count` is negative.
    """

    count: int
    first_seed: int = 0
    seconds: float = 30.0
    sample_rate: int = 44_100
    mixed: bool = False

    def _made(self, seed: int) -> Multitrack:
        return synthetic_song(seed, seconds=self.seconds, sample_rate=self.sample_rate)


def _recorded(part: Part, score: Score, seed: int, sample_rate: int) -> Tensor:
    """A part played, at a level of its own."""
    draw = generator_for(seed, part.name)
    play = ALL_INSTRUMENTS[part.name]
    audio = play(part.notes, part.tone, score.seconds, sample_rate, draw)
    level_db = QUIETEST_DB + (LOUDEST_DB - QUIETEST_DB) * torch.rand((), generator=draw).item()
    return audio * (db_to_gain(level_db) / audio.abs().max().clamp(min=1e-9))
