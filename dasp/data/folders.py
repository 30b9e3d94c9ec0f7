"""Plain folders of songs, as in the Open Multitrack Testbed: `song/stems/*`, and perhaps a mix."""

from pathlib import Path

from dasp.audio_io import audio_info
from dasp.data.layout import some, subfolders
from dasp.data.multitrack import Multitrack, Recording, audio_files
from dasp.mixing.roles import guess_role

TRACK_FOLDERS = ("tracks", "stems")


def load_songs(root: str | Path, *, sample_rate: int | None = None) -> list[Multitrack]:
    """Every folder in `root` that `load_song` can read."""
    songs = [
        load_song(folder, sample_rate=sample_rate)
        for folder in subfolders(Path(root))
        if _track_files(folder)
    ]
    return some(songs, root, "SONG/stems/*.wav")


def load_song(folder: str | Path, *, sample_rate: int | None = None) -> Multitrack:
    """A song whose tracks are in `folder/tracks` or `folder/stems`, or in the folder itself.

    Files `mix…` or `…_mix` in the folder are its mixes, and never tracks. Without `sample_rate`
    the highest of the tracks' rates is taken.
    """
    folder = Path(folder)
    files = some(_track_files(folder), folder, "audio files in stems/, in tracks/ or beside")
    if sample_rate is None:
        sample_rate = max(audio_info(file).sample_rate for file in files)
    tracks = tuple(Recording(file.stem, guess_role(file.stem), file) for file in files)
    mixes = tuple(
        Recording(file.stem, "other", file) for file in audio_files(folder) if _is_mix(file)
    )
    return Multitrack(folder.name, sample_rate, tracks, mixes)


def _track_files(folder: Path) -> list[Path]:
    for name in TRACK_FOLDERS:
        if (folder / name).is_dir():
            return audio_files(folder / name)
    return [file for file in audio_files(folder) if not _is_mix(file)]


def _is_mix(file: Path) -> bool:
    name = file.stem.lower()
    return name.startswith(("mix", "mixture")) or name.endswith(("_mix", "-mix", " mix"))
