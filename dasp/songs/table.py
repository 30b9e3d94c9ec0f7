"""Every data set by its name. No loader is imported before its data set is asked for."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dasp._checks import check_choice

if TYPE_CHECKING:
    from dasp.songs.multitrack import Multitrack


@dataclass(frozen=True)
class Entry:
    """A data set: where its loader is, and what it holds.

    Args:
        home: `module:function`, the module within `dasp.songs`.
        what: A few words of what its songs are.
    """

    home: str
    what: str

    def load(self) -> "Callable[..., list[Multitrack]]":
        """Import the loader.

        Returns:
            A function of a folder and `sample_rate`, which returns songs.
        """
        module, _, name = self.home.partition(":")
        return getattr(importlib.import_module(f"dasp.songs.{module}"), name)


DATASETS = {
    "songs": Entry("folders:load_songs", "folders with stems/ or tracks/, one a song"),
    "dsd100": Entry("dsd100:load_dsd100", "songs of four stems, and their mixture"),
    "enst_drums": Entry("enst_drums:load_enst_drums", "drum kits, with a dry and a wet mix"),
    "medleydb": Entry("medleydb:load_medleydb", "raw tracks of songs, and their mix"),
    "mixing_secrets": Entry("mixing_secrets:load_mixing_secrets", "multitracks to learn mixing"),
    "moisesdb": Entry("moisesdb:load_moisesdb", "songs of many stems, without mixes"),
    "musdb18": Entry("musdb18:load_musdb18", "songs of four stems in .stem.mp4"),
    "musdb18_hq": Entry("musdb18:load_musdb18_hq", "songs of four stems, and their mixture"),
    "slakh2100": Entry("slakh2100:load_slakh2100", "songs that virtual instruments play"),
}
"""All data sets by the names that `load_dataset` takes."""

LEARNT_FROM = ("train", "dev")
"""The splits whose songs may be learnt from."""

EVERY = 10
"""Where a data set has no splits, one song of so many is kept unseen."""


def load_dataset(named: str, *, sample_rate: int = 44_100) -> "list[Multitrack]":
    """List the songs of a data set; no audio is read.

    Args:
        named: Its name and its folder, `NAME:FOLDER`, such as "musdb18_hq:/data/MUSDB18-HQ". The
            names are those of `DATASETS`; a folder alone is one of "songs".
        sample_rate: At which the songs are heard, in Hz.

    Returns:
        The songs, in the order of the data set.

    Raises:
        ValueError: If there is no data set of that name, or the folder does not hold it.

    >>> load_dataset("musdb:somewhere")
    Traceback (most recent call last):
        ...
    ValueError: data: expected one of 'songs', ... got 'musdb'; did you mean 'musdb18'?
    """
    name, colon, folder = named.partition(":")
    if not colon or len(name) == 1:  # no name, or the letter of a drive
        name, folder = "songs", named
    check_choice("data", name, DATASETS)
    return DATASETS[name].load()(folder, sample_rate=sample_rate)


def seen_and_unseen(
    songs: "Sequence[Multitrack]",
) -> "tuple[list[Multitrack], list[Multitrack]]":
    """Part the songs of a data set into those to learn from and those to judge by.

    Args:
        songs: All songs.

    Returns:
        The songs of the splits "train" or "Dev" and those of all others; without splits, nine in
        ten songs and every tenth.

    Raises:
        ValueError: If there are fewer than two songs.
    """
    if len(songs) < 2:
        raise ValueError(
            f"data: expected two songs or more, one to learn from and one to judge by, got "
            f"{len(songs)}"
        )
    is_seen = [song.split.lower() in LEARNT_FROM for song in songs]
    if len(set(is_seen)) == 1:
        every = min(EVERY, len(songs))
        is_seen = [i % every != every - 1 for i in range(len(songs))]
    seen, unseen = ([s for s, own in zip(songs, is_seen, strict=True) if own == which]
                    for which in (True, False))  # fmt: skip
    return seen, unseen
