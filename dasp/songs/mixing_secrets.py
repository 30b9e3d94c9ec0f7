"""Mixing Secrets, the Cambridge-MT library of multitracks for people who learn to mix.

`id/tracks/SongName_Full/01_KickIn.wav`, and mixes, where somebody made them, in `id/mixes`. An
index tells what plays in which file:

    train:
      00010/tracks/Artist_Song_Full:
        01_KickIn.wav: kick
"""

from pathlib import Path

from dasp.mixing.roles import guess_role
from dasp.songs.layout import some, subfolders
from dasp.songs.multitrack import Multitrack, Recording, audio_files
from dasp.songs.yaml_files import read_yaml


def load_mixing_secrets(
    root: str | Path, *, index: str | Path | None = None, sample_rate: int = 44_100
) -> list[Multitrack]:
    """List the songs of Mixing Secrets, or those of an index.

    Args:
        root: The folder that holds the songs.
        index: A YAML file of splits, songs, and the instrument of each track that counts. Without
            one roles are guessed from the names of files.
        sample_rate: At which the songs are heard, in Hz.

    Returns:
        The songs.
    """
    root = Path(root)
    if index is not None:
        listed = [
            _song(root, root / folder, instruments, split, sample_rate)
            for split, folders in (read_yaml(index) or {}).items()
            for folder, instruments in folders.items()
        ]
        return some(listed, index, "train: {folder: {file: instrument}}")
    found = [
        _song(root, folder, None, "", sample_rate)
        for song in subfolders(root)
        if (song / "tracks").is_dir()
        for folder in subfolders(song / "tracks")
    ]
    return some(found, root, "ID/tracks/SONG_Full/*.wav")


def _song(
    root: Path, folder: Path, instruments: dict[str, str] | None, split: str, sample_rate: int
) -> Multitrack:
    remarks = []
    if instruments is None:
        files = {file: guess_role(file.stem) for file in audio_files(folder)}
    else:
        listed = {folder / name: guess_role(str(what)) for name, what in instruments.items()}
        files = {file: role for file, role in listed.items() if file.is_file()}
        remarks = [
            f"{file.name}: listed in the index, but not there" for file in listed.keys() - files
        ]
    tracks = tuple(Recording(file.stem, role, file) for file, role in files.items())
    place = folder.parent.parent / "mixes"
    mixes = (
        tuple(Recording(file.stem, "other", file) for file in audio_files(place))
        if place.is_dir()
        else ()
    )
    name = folder.relative_to(root).as_posix()
    return Multitrack(name, sample_rate, tracks, mixes, split=split, remarks=tuple(sorted(remarks)))
