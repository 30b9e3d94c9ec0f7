"""DSD100: a hundred songs with four stems each, the plain sum of which is the mix.

`Mixtures/Dev/001 - Artist - Title/mixture.wav` and `Sources/Dev/001 - Artist - Title/bass.wav`.
A. Liutkus et al., "The 2016 signal separation evaluation campaign", LVA/ICA 2017.
"""

from pathlib import Path

from dasp.songs.layout import find_parts, some, subfolders
from dasp.songs.multitrack import Multitrack, Recording

STEMS = {"bass": "bass", "drums": "drums", "other": "other", "vocals": "vocal"}


def load_dsd100(root: str | Path, *, sample_rate: int = 44_100) -> list[Multitrack]:
    """List the songs of DSD100.

    Args:
        root: The folder with `Mixtures` and `Sources`.
        sample_rate: At which the songs are heard, in Hz.

    Returns:
        The songs, of the splits "Dev" and "Test".
    """
    parts = find_parts(Path(root) / "Sources", ("Dev", "Test"), "DSD100")
    songs = [_song(Path(root), song, sample_rate) for part in parts for song in subfolders(part)]
    return some(songs, root, "Sources/Dev/NNN - ARTIST - TITLE/bass.wav")


def _song(root: Path, song: Path, sample_rate: int) -> Multitrack:
    tracks = tuple(
        Recording(stem, role, song / f"{stem}.wav")
        for stem, role in STEMS.items()
        if (song / f"{stem}.wav").is_file()
    )
    split = song.parent.name
    mixture = root / "Mixtures" / split / song.name / "mixture.wav"
    mixes = (Recording("mixture", "other", mixture),) if mixture.is_file() else ()
    return Multitrack(song.name, sample_rate, tracks, mixes, split=split)
