"""The songs that a recipe hears: those of a data set, or made ones."""

from collections.abc import Sequence

from dasp.songs.multitrack import Multitrack
from dasp.songs.synthetic import BAND, synthetic_song
from dasp.songs.table import load_dataset, seen_and_unseen


def chosen_songs(
    data: str, seeds: Sequence[int], *, sample_rate: int, unseen: bool = False
) -> list[Multitrack]:
    """Choose the songs to learn from, or those to judge by.

    Args:
        data: A data set, `NAME:FOLDER`, or "" for made songs.
        seeds: Of the made songs.
        sample_rate: In Hz.
        unseen: Whether it is the other part of the data set (`seen_and_unseen`).

    Returns:
        The songs.
    """
    if data:
        return seen_and_unseen(load_dataset(data, sample_rate=sample_rate))[unseen]
    return made_songs(seeds, sample_rate=sample_rate)


def made_songs(seeds: Sequence[int], *, sample_rate: int, seconds: float = 8.0) -> list[Multitrack]:
    """Make songs of one band from seeds.

    Args:
        seeds: A seed for each song.
        sample_rate: In Hz.
        seconds: Length of each song.

    Returns:
        The songs, of the eight tracks of `dasp.songs.synthetic.BAND`.
    """
    return [
        synthetic_song(seed, seconds=seconds, sample_rate=sample_rate, ensemble=BAND)
        for seed in seeds
    ]
