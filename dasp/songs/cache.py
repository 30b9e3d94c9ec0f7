"""Copies of a song's files that are quick to read parts of: at the song's rate, as floats."""

import hashlib
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from dasp.audio_io import audio_info, save_audio
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.reading import read_part


def cached(song: Multitrack, folder: str | Path) -> Multitrack:
    """Copy those files of a song that cost more to read than WAV.

    That is what is compressed or has another rate. A copy is made once, and again after its file
    has changed. Several processes may share the folder.

    Args:
        song: The song.
        folder: Where the copies go; it is made where it is missing.

    Returns:
        The same song, with the copies in place of those files.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)

    def copied(recordings: tuple[Recording, ...]) -> tuple[Recording, ...]:
        return tuple(
            recording if isinstance(recording.source, Tensor)
            else recording._replace(source=_copy(recording.source, song.sample_rate, folder))
            for recording in recordings
        )  # fmt: skip

    return replace(song, recordings=copied(song.recordings), mixes=copied(song.mixes))


def _copy(file: Path, sample_rate: int, folder: Path) -> Path:
    """The copy of a file, which is made where there is none yet."""
    info = audio_info(file)
    if info.sample_rate == sample_rate and info.format in ("WAV", "WAVEX", "RF64", "W64", "AIFF"):
        return file
    stat = file.stat()
    identity = f"{file.resolve()}:{stat.st_size}:{stat.st_mtime_ns}:{sample_rate}"
    digest = hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()
    copy = folder / f"{digest[:24]}.wav"
    if not copy.exists():
        frames = -(-info.frames * sample_rate // info.sample_rate)
        x = read_part(file, info.sample_rate, sample_rate, 0, frames)
        save_audio(copy, x, sample_rate, subtype="FLOAT", overwrite=True)
    return copy
