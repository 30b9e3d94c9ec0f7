"""Songs as separate tracks: read from files, or made up.

`load_dataset("musdb18_hq:FOLDER")` lists the songs of a data set; the loaders of all data sets,
such as `load_musdb18_hq`, are here too.
"""

from typing import Any

from dasp.songs.cache import cached
from dasp.songs.drum_sessions import open_session
from dasp.songs.engineer import engineers_mix, with_engineers_mix
from dasp.songs.folders import load_song
from dasp.songs.kit_groove import KitGrooves, kit_groove, load_kit
from dasp.songs.multitrack import Multitrack, load_folder, load_tracks
from dasp.songs.opening import Source, open_song
from dasp.songs.sections import active_sections, loudest_section
from dasp.songs.synthetic import SyntheticSongs, synthesise_song, synthetic_song
from dasp.songs.table import DATASETS, load_dataset, seen_and_unseen

_LOADERS = {entry.home.partition(":")[2]: entry for entry in DATASETS.values()}

__all__ = [
    "DATASETS",
    "KitGrooves",
    "Multitrack",
    "Source",
    "SyntheticSongs",
    "active_sections",
    "cached",
    "engineers_mix",
    "kit_groove",
    "load_dataset",
    "load_folder",
    "load_kit",
    "load_song",
    "load_tracks",
    "loudest_section",
    "open_session",
    "open_song",
    "seen_and_unseen",
    "synthesise_song",
    "synthetic_song",
    "with_engineers_mix",
    *_LOADERS,
]


def __getattr__(name: str) -> Any:
    # A loader is imported when its data set is asked for.
    if name in _LOADERS:
        return _LOADERS[name].load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
