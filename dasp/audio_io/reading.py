"""Audio files to tensors: whole, or refused with a reason."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from dasp._checks import check_choice, check_range
from dasp.audio_io.containers import what_is_missing
from dasp.audio_io.errors import AudioFileError, finite_peak
from dasp.audio_io.formats import READABLE, format_named, known_formats
from dasp.file_names import as_found

_SMALL = 2**26
"""Bytes that are taken without looking at what is free."""


@dataclass(frozen=True)
class AudioInfo:
    """What the head of an audio file says. `subtype` is how samples are stored, e.g. "PCM_24"."""

    sample_rate: int
    channels: int
    frames: int
    format: str
    subtype: str

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    @property
    def dtype(self) -> torch.dtype:
        """The type that holds every sample exactly: float32 up to 24 bits, float64 beyond."""
        return torch.float64 if self.subtype in ("PCM_32", "DOUBLE", "ALAC_32") else torch.float32


def load_audio(
    path: str | os.PathLike,
    *,
    dtype: torch.dtype = torch.float32,
    start: int = 0,
    frames: int | None = None,
) -> tuple[Tensor, int]:
    """Read a file: audio `(channels, time)` with full scale at 1, and its sample rate.

    `dtype` is float32, exact up to 24 bits, or float64. `start` and `frames` choose a part, which
    is all that is read; it ends where the file does. Raises `AudioFileError` for a file that
    is missing, empty, not audio, too large for the memory that is free, or holds NaN or infinity,
    and for a file that is cut off, where its container tells how long it should be.
    """
    check_choice("dtype", dtype, (torch.float32, torch.float64))
    check_range("start", start, low=0)
    with _open(path) as file:
        left = max(0, file.frames - start)
        expected = left if frames is None else min(frames, left)
        _check_memory(path, file, expected, dtype.itemsize)
        return _read(path, file, start, expected, dtype), file.samplerate


def load_as_stored(path: str | os.PathLike) -> tuple[Tensor, AudioInfo]:
    """Read a whole file as `load_audio` does, in the type that holds every sample exactly."""
    with _open(path) as file:
        info = _info(file)
        _check_memory(path, file, file.frames, info.dtype.itemsize)
        return _read(path, file, 0, file.frames, info.dtype), info


def load_blocks(
    path: str | os.PathLike, frames: int, *, dtype: torch.dtype = torch.float32
) -> Iterator[Tensor]:
    """Read a file as `load_audio` does, in blocks of `frames`, of which the last may be shorter."""
    with _open(path) as file:
        start, block = 0, None
        while block is None or block.shape[-1] == frames:
            expected = min(frames, file.frames - start)
            block = _read(path, file, start, expected, dtype)
            yield block
            start += expected


def audio_info(path: str | os.PathLike) -> AudioInfo:
    """Rate, channels, length and format of a file, without reading its samples.

    The length of an MP3 file may be an estimate.
    """
    with _open(path) as file:
        return _info(file)


def _info(file: soundfile.SoundFile) -> AudioInfo:
    return AudioInfo(file.samplerate, file.channels, file.frames, file.format, file.subtype)


def _read(
    path: str | os.PathLike, file: soundfile.SoundFile, start: int, frames: int, dtype: torch.dtype
) -> Tensor:
    """The samples `(channels, frames)` from `start` on; fewer only where the length is a guess."""
    try:
        if file.tell() != start:
            file.seek(min(start, file.frames))
        data = file.read(frames, dtype=str(dtype).removeprefix("torch."), always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioFileError(path, f"is damaged or cut off ({error.error_string})") from error
    except MemoryError as error:
        raise AudioFileError(path, f"{file.frames} frames do not fit in memory") from error
    if len(data) < frames and file.format != "MP3":  # Whose head has an estimate.
        raise AudioFileError(
            path,
            f"is cut off: its head promises {file.frames} frames, {start + len(data)} are there",
        )
    x = torch.from_numpy(np.ascontiguousarray(data.T))
    finite_peak(path, x, file.samplerate, start)
    return x


def _open(path: str | os.PathLike) -> soundfile.SoundFile:
    try:
        path = as_found(path)
        if not path.is_dir() and path.exists() and not path.is_file():
            raise AudioFileError(path, "is a device or a pipe, not a file")
        with path.open("rb") as file:
            magic = file.read(12)
            missing = what_is_missing(file) if magic else "is empty"
    except FileNotFoundError as error:
        raise AudioFileError(path, "does not exist") from error
    except OSError as error:
        raise AudioFileError(path, f"cannot be read ({error.strerror})") from error
    except (AudioFileError, MemoryError):
        raise
    except ValueError as error:  # A NUL in the name.
        raise AudioFileError(path, f"is no name of a file ({error})") from error
    if missing:
        raise AudioFileError(path, missing)
    try:
        # As bytes where the system takes any: soundfile would have them be UTF-8.
        audio = soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: from the ending .raw.
        reason = getattr(error, "error_string", "no format is known without a head")
        raise AudioFileError(path, _unreadable(path, magic, reason)) from error
    if audio.format == "RAW" or audio.samplerate < 1 or audio.channels < 1 or audio.frames < 0:
        audio.close()
        raise AudioFileError(path, _unreadable(path, magic, "its head has no meaning"))
    return audio


def _unreadable(path: Path, magic: bytes, why: str) -> str:
    format = format_named(path)
    if format in READABLE and format not in known_formats():
        return f"{format} needs a newer libsndfile: pip install --upgrade soundfile"
    if magic[4:8] == b"ftyp":
        return f"is MPEG-4; install ffmpeg and convert it first: ffmpeg -i {path} out.wav"
    if format in READABLE:
        return f"is not audio, or is damaged ({why.rstrip('.')})"
    return (
        "is in no format that can be read here; install ffmpeg and convert it first: "
        f"ffmpeg -i {path} out.wav"
    )


def _check_memory(
    path: str | os.PathLike, file: soundfile.SoundFile, frames: int, itemsize: int
) -> None:
    needed = 2 * frames * file.channels * itemsize  # Interleaved, and by channels.
    if needed > _SMALL and needed > (free := _free_memory()):
        raise AudioFileError(
            path,
            f"{frames} frames of {file.channels} channels need {needed / 1e9:.1f} GB of "
            f"memory, and {free / 1e9:.1f} GB are free",
        )


def _free_memory() -> float:
    """Bytes that a program may still take, as far as the system tells."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, ValueError, OSError):
            return float("inf")
