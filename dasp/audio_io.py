"""Audio files to tensors and back: whole or not at all, and never a sample that is not a number."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import scipy.io.wavfile
import soundfile
import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice, check_sample_rate
from dasp.units import gain_to_db

_CONTAINERS = {b"RIFF": "little", b"RF64": "little", b"FORM": "big"}
_UNKNOWN_SIZE = 0xFFFF_FFFF
"""What a program writes as the length of the data when it cannot know it beforehand."""

_OGG_PAGE = 65_307
"""No Ogg page has more bytes."""

_READABLE = {".wav", ".flac", ".aif", ".aiff", ".ogg", ".oga", ".opus", ".mp3", ".w64", ".caf"}

_PCM_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOATS = {"FLOAT": torch.float32, "DOUBLE": torch.float64}


class AudioFileError(ValueError):
    """A file that cannot be read or written as audio: its `path`, and the `reason`."""

    def __init__(self, path: str | os.PathLike, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


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


def load_audio(
    path: str | os.PathLike, *, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, int]:
    """Read a file whole: audio `(channels, time)` with full scale at 1, and its sample rate.

    `dtype` is float32, exact up to 24 bits, or float64. Raises `AudioFileError` for a file that
    is missing, empty, not audio, or holds NaN or infinity, and for WAV, AIFF, FLAC and Ogg files
    that are cut off.
    """
    check_choice("dtype", dtype, (torch.float32, torch.float64))
    with _open(path) as file:
        try:
            data = file.read(dtype=str(dtype).removeprefix("torch."), always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioFileError(path, f"is damaged or cut off ({error.error_string})") from error
        if len(data) < file.frames and file.format != "MP3":  # Whose head has an estimate.
            raise _cut_off(path, f"{file.frames} frames", f"{len(data)}")
        sample_rate = file.samplerate
    x = torch.from_numpy(np.ascontiguousarray(data.T))
    _check_finite(path, x, sample_rate)
    return x, sample_rate


def save_audio(
    path: str | os.PathLike,
    x: Tensor,
    sample_rate: float,
    *,
    subtype: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write audio `(channels, time)` to a file, in the format that its name ends in.

    The same samples give the same WAV or FLAC file to the last bit. The file appears only when
    it is whole. Formats of integers round to the nearest step, and their largest step stands
    for 1; "FLOAT" and "DOUBLE" keep samples as they are, also beyond 1.

    Args:
        path: The new file; its folder exists.
        x: Audio in [-1, 1], or any finite audio with a floating-point subtype.
        sample_rate: A whole number of Hz.
        subtype: How samples are stored, such as "PCM_16" or "FLOAT"; by default "PCM_24" where
            the format has it.
        overwrite: Whether an existing file may be replaced.

    Raises:
        AudioFileError: For NaN or infinity, for samples over full scale in a format that would
            clip them, for a format or rate that cannot be written, or where the file exists.
    """
    path = Path(path)
    check_audio(x)
    check_sample_rate(sample_rate)
    if x.ndim != 2 or x.shape[0] == 0:
        raise ValueError(f"x: expected shape (channels, time), got {tuple(x.shape)}")
    if sample_rate != int(sample_rate):
        raise AudioFileError(path, f"files need a whole sample rate, got {sample_rate} Hz")
    format, subtype = _format_of(path, subtype)
    if path.exists() and not overwrite:
        raise AudioFileError(path, "exists already; pass overwrite=True to replace it")
    if not path.parent.is_dir():
        raise AudioFileError(path, f"the folder {path.parent} does not exist")
    x = x.detach().cpu().to(torch.promote_types(x.dtype, torch.float32))
    _check_finite(path, x, sample_rate)
    if subtype not in _FLOATS:
        _check_full_scale(path, x, subtype)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        _write(unfinished, x, int(sample_rate), format, subtype)
        os.replace(unfinished, path)
    except soundfile.LibsndfileError as error:
        raise AudioFileError(path, f"cannot be written ({error.error_string})") from error
    except OSError as error:
        raise AudioFileError(path, f"cannot be written ({error.strerror})") from error
    finally:
        unfinished.unlink(missing_ok=True)


def audio_info(path: str | os.PathLike) -> AudioInfo:
    """Rate, channels, length and format of a file, without reading its samples.

    The length of an MP3 file may be an estimate.
    """
    with _open(path) as file:
        return AudioInfo(file.samplerate, file.channels, file.frames, file.format, file.subtype)


def _open(path: str | os.PathLike) -> soundfile.SoundFile:
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size == 0:
                raise AudioFileError(path, "is empty")
            _check_complete(path, file, size)
    except FileNotFoundError as error:
        raise AudioFileError(path, "does not exist") from error
    except OSError as error:
        raise AudioFileError(path, f"cannot be read ({error.strerror})") from error
    try:
        return soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise AudioFileError(path, _unreadable(path, error.error_string)) from error


def _unreadable(path: Path, why: str) -> str:
    if path.suffix.lower() == ".mp3" and "MP3" not in soundfile.available_formats():
        return "MP3 needs a newer libsndfile: pip install --upgrade soundfile"
    if path.suffix.lower() in _READABLE:
        return f"is not audio, or is damaged ({why.rstrip('.')})"
    return f"is in no format that can be read here; convert it first: ffmpeg -i {path} out.wav"


def _check_complete(path: Path, file: BinaryIO, size: int) -> None:
    """Refuse a file that ends before its own head says: libsndfile would read what is there."""
    file.seek(0)
    magic = file.read(12)[:4]
    if magic == b"OggS" and not _has_last_page(file, size):
        raise AudioFileError(path, "is cut off: its last page is not there")
    if magic in _CONTAINERS:
        declared = _data_size(file, _CONTAINERS[magic])
        present = max(0, size - file.tell())
        if declared > present:
            raise _cut_off(path, f"{declared} bytes of samples", f"{present}")


def _has_last_page(file: BinaryIO, size: int) -> bool:
    """Whether an Ogg file ends with a whole page that is marked as the last (RFC 3533)."""
    file.seek(-min(size, _OGG_PAGE), os.SEEK_END)
    end = file.read()
    page = end[end.rfind(b"OggS") :]
    if len(page) < 27 or not page[5] & 4:
        return False
    segments = page[27 : 27 + page[26]]
    return len(page) >= 27 + page[26] + sum(segments)


def _data_size(file: BinaryIO, byte_order: str) -> int:
    """Go to the samples of a RIFF or AIFF file and return their declared size; 0 if unknown."""
    size_64 = 0
    while len(head := file.read(8)) == 8:
        name, size = head[:4], int.from_bytes(head[4:], byte_order)
        if name in (b"data", b"SSND"):
            return size_64 if size == _UNKNOWN_SIZE else size
        start = file.tell()
        if name == b"ds64":  # Where the sizes are that 32 bits cannot hold.
            size_64 = int.from_bytes(file.read(16)[8:], byte_order)
        file.seek(start + size + size % 2)
    return 0


def _cut_off(path: str | os.PathLike, expected: str, came: str) -> AudioFileError:
    return AudioFileError(path, f"is cut off: its head promises {expected}, {came} are there")


def _check_finite(path: str | os.PathLike, x: Tensor, sample_rate: float) -> None:
    wrong = ~torch.isfinite(x)
    if wrong.any():
        frame, channel = (int(i) for i in wrong.T.nonzero()[0])
        raise AudioFileError(
            path,
            f"holds {x[channel, frame].item()} at sample {frame} ({frame / sample_rate:.3f} s) "
            f"of channel {channel + 1}",
        )


def _check_full_scale(path: Path, x: Tensor, subtype: str) -> None:
    over = int((x.abs() > 1).sum())
    if over:
        peak = x.abs().max().item()
        excess_db = max(gain_to_db(peak), 0.01)
        raise AudioFileError(
            path,
            f"{over} samples are over full scale, by up to {excess_db:.2f} dB, and {subtype} would "
            f"clip them; lower the level, or keep them in a .wav file with subtype FLOAT",
        )


def _format_of(path: Path, subtype: str | None) -> tuple[str, str]:
    format = path.suffix.removeprefix(".").upper()
    format = {"AIF": "AIFF", "OGA": "OGG"}.get(format, format)
    known = soundfile.available_formats()
    if format not in known or format == "RAW":
        raise AudioFileError(path, "cannot tell the format from the name; use .wav or .flac")
    if subtype is None:
        has_24_bits = soundfile.check_format(format, "PCM_24")
        return format, "PCM_24" if has_24_bits else soundfile.default_subtype(format)
    subtype = subtype.upper()
    if not soundfile.check_format(format, subtype):
        subtypes = ", ".join(soundfile.available_subtypes(format))
        raise AudioFileError(path, f"{format} has no subtype {subtype} (it has {subtypes})")
    return format, subtype


def _write(path: Path, x: Tensor, sample_rate: int, format: str, subtype: str) -> None:
    if subtype in _PCM_BITS:
        data = _quantised(x, _PCM_BITS[subtype]).T.numpy()
    else:
        data = x.to(_FLOATS.get(subtype, x.dtype)).T.numpy()
    if format == "WAV" and subtype in _FLOATS:
        # libsndfile would add the time of day to files of floats, so that no two are the same.
        scipy.io.wavfile.write(path, sample_rate, np.ascontiguousarray(data))
    else:
        soundfile.write(path, data, sample_rate, format=format, subtype=subtype)


def _quantised(x: Tensor, bits: int) -> Tensor:
    """The nearest of 2^bits steps, in the upper bits of an int32, from which it is written."""
    steps = 2.0 ** (bits - 1)
    nearest = torch.round(x.double() * steps).clamp(max=steps - 1)
    return (nearest * 2.0 ** (32 - bits)).to(torch.int32)
