"""Audio files to tensors and back: whole or not at all, and never a sample that is not a number."""

import hashlib
import io
import itertools
import mmap
import os
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import scipy.io.wavfile
import soundfile
import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice, check_range, check_sample_rate
from dasp._containers import what_is_missing, without_chance
from dasp.signal.quantise import quantise
from dasp.units import gain_to_db

_FORMATS = {"AIF": "AIFF", "OGA": "OGG", "OPUS": "OGG", "SND": "AU"}
"""Endings that are not called as libsndfile calls the format."""

_READABLE = {"WAV", "RF64", "FLAC", "AIFF", "OGG", "MP3", "W64", "CAF", "AU"}

AUDIO_SUFFIXES = frozenset(f".{name.lower()}" for name in {*_READABLE, *_FORMATS})
"""What the names of audio files end in."""

_PCM_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOATS = {"FLOAT": torch.float32, "DOUBLE": torch.float64}

_AS_IN_MEMORY = {"PCM_16", "PCM_32", *_FLOATS}
"""Subtypes whose samples stand in a WAV as they stand in an array."""

_MOST_CHANNELS = {"FLAC": 8, "MP3": 2}

_LARGEST_WAV = 2**32 - 1024
"""Bytes of samples that 32 bits can count beside the head; more become RF64."""

CLIP_MODES = ("error", "clamp", "rescale")

NOISE_BLOCK = 2**16
"""Frames that are written together of audio in blocks, whatever length these have."""

_SMALL = 2**26
"""Bytes that are taken without looking at what is free."""


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

    @property
    def dtype(self) -> torch.dtype:
        """The type that holds every sample exactly: float32 up to 24 bits, float64 beyond."""
        return torch.float64 if self.subtype in ("PCM_32", "DOUBLE", "ALAC_32") else torch.float32


@dataclass(frozen=True)
class Saved:
    """What writing a file did to its samples."""

    subtype: str
    over: int
    """Samples that were over full scale, and would have clipped."""
    gain_db: float
    """The gain that brought them back to it; 0 where none was needed or asked for."""


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


def save_audio(
    path: str | os.PathLike,
    x: Tensor,
    sample_rate: float,
    *,
    subtype: str | None = None,
    overwrite: bool = False,
    clip_mode: str = "error",
    dither: torch.Generator | None = None,
) -> Saved:
    """Write audio `(channels, time)` to a file, in the format that its name ends in.

    The same samples give the same file to the last bit. The file appears only when it is whole.
    Formats of integers round to the nearest step, and their largest step stands for 1; "FLOAT"
    and "DOUBLE" keep samples as they are, also beyond 1. A WAV over 4 GiB is written as RF64.

    Args:
        path: The new file; its folder exists.
        x: Audio in [-1, 1], or any finite audio with a floating-point subtype.
        sample_rate: A whole number of Hz.
        subtype: How samples are stored, such as "PCM_16" or "FLOAT"; by default "PCM_24" where
            the format has it.
        overwrite: Whether an existing file may be replaced.
        clip_mode: What becomes of samples over full scale where the format would clip them:
            "error" writes nothing, "clamp" clips them, "rescale" lowers the whole file until its
            peak is 1.
        dither: Where noise is drawn from, on the CPU, that frees the rounding to integers of its
            bond to the signal: triangular, two steps wide. Audio that lies on the steps as it is
            stays so.

    Raises:
        AudioFileError: For NaN or infinity, for samples over full scale with "error", for a
            format, rate or number of channels that cannot be written, or where the file exists.
    """
    path = Path(path)
    check_audio(x)
    check_choice("clip_mode", clip_mode, CLIP_MODES)
    if x.ndim != 2 or x.shape[0] == 0:
        raise ValueError(f"x: expected shape (channels, time), got {tuple(x.shape)}")
    format, subtype = _checked_target(path, len(x), sample_rate, subtype, overwrite)
    x = x.detach().cpu().to(torch.promote_types(x.dtype, torch.float32))
    _check_finite(path, x, sample_rate)
    over, gain_db = 0, 0.0
    if subtype not in _FLOATS and _peak(x) > 1:
        over = _count_over(x)
        x, gain_db = _fitted(path, x, over, subtype, clip_mode)
    with _telling_of(path), whole(path) as unfinished:
        unfinished.write_bytes(_encoded(x, int(sample_rate), format, subtype, dither))
    return Saved(subtype, over, gain_db)


def save_blocks(
    path: str | os.PathLike,
    blocks: Callable[[], Iterable[Tensor]],
    sample_rate: float,
    *,
    frames: int,
    subtype: str | None = None,
    overwrite: bool = False,
    clip_mode: str = "error",
    dither: int | None = None,
) -> Saved:
    """Write audio that comes in blocks `(channels, time)`, one of which is in memory at a time.

    `blocks` is called for them, and with "rescale" once more before, to find the peak. `frames`
    is about how many there will be: it decides whether a WAV becomes RF64. `dither` is a seed; the
    noise is that of `dither_source`, for the first samples that are not silent. All else is as
    for `save_audio`.
    """
    path = Path(path)
    check_choice("clip_mode", clip_mode, CLIP_MODES)
    chunks = _in_lengths(blocks(), NOISE_BLOCK)
    first = next(chunks)
    format, subtype = _checked_target(path, len(first), sample_rate, subtype, overwrite)
    if format == "WAV" and len(first) * frames * _bytes_each(subtype) > _LARGEST_WAV:
        format = "RF64"
    gain = 1.0
    if clip_mode == "rescale" and subtype not in _FLOATS:
        gain = 1 / max(1.0, *map(_peak, itertools.chain([first], chunks)))
        chunks = _in_lengths(blocks(), NOISE_BLOCK)
    else:
        chunks = itertools.chain([first], chunks)
    with _telling_of(path), whole(path) as unfinished:
        with _Disk(unfinished) as disk:
            new = disk.encoder(sample_rate, len(first), format, subtype)
            over, peak = _encode(path, chunks, disk, new, gain, subtype, dither)
        if over and clip_mode == "error":
            raise _clips(path, over, peak, subtype)
        if subtype in _FLOATS or format == "OGG":
            _forget_chance(unfinished)
    return Saved(subtype, over, gain_to_db(gain))


def audio_info(path: str | os.PathLike) -> AudioInfo:
    """Rate, channels, length and format of a file, without reading its samples.

    The length of an MP3 file may be an estimate.
    """
    with _open(path) as file:
        return AudioInfo(file.samplerate, file.channels, file.frames, file.format, file.subtype)


def has_subtype(path: str | os.PathLike, subtype: str) -> bool:
    """Whether the format that a name ends in can store samples so."""
    format, _ = _format_of(Path(path), None)
    return soundfile.check_format(format, subtype)


def readable_formats() -> dict[str, bool]:
    """The formats that are read and written here, and whether libsndfile was built with each."""
    return {format: format in _known_formats() for format in sorted(_READABLE)}


def dither_source(seed: int, x: Tensor) -> torch.Generator:
    """Noise for one signal: the same for the same samples and seed, another for other samples.

    So a file does not depend on its name, and the noises of tracks that are summed are unlike.
    """
    samples = zlib.crc32(x.detach().cpu().float().contiguous().numpy())
    digest = hashlib.sha256(f"{seed}:{samples}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


UNFINISHED = ".part"
"""How the names end of files that are not finished, and whose writer may have died."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write a file under, which takes the place of `path` when all went well."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


# Reading


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
    _check_finite(path, x, file.samplerate, start)
    return x


def _open(path: str | os.PathLike) -> soundfile.SoundFile:
    path = Path(path)
    try:
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
        audio = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: from the ending .raw.
        reason = getattr(error, "error_string", "no format is known without a head")
        raise AudioFileError(path, _unreadable(path, magic, reason)) from error
    if audio.format == "RAW" or audio.samplerate < 1 or audio.channels < 1 or audio.frames < 0:
        audio.close()
        raise AudioFileError(path, _unreadable(path, magic, "its head has no meaning"))
    return audio


def _unreadable(path: Path, magic: bytes, why: str) -> str:
    format = _format_named(path)
    if format in _READABLE and format not in _known_formats():
        return f"{format} needs a newer libsndfile: pip install --upgrade soundfile"
    if magic[4:8] == b"ftyp":
        return f"is MPEG-4; install ffmpeg and convert it first: ffmpeg -i {path} out.wav"
    if format in _READABLE:
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


def _check_finite(path: str | os.PathLike, x: Tensor, sample_rate: float, start: int = 0) -> None:
    if _peak(x) < float("inf"):
        return
    frame, channel = (int(i) for i in (~torch.isfinite(x)).T.nonzero()[0])
    value, frame = x[channel, frame].item(), start + frame
    raise AudioFileError(
        path,
        f"holds {value} at sample {frame} ({frame / sample_rate:.3f} s) of channel {channel + 1}",
    )


def _peak(x: Tensor) -> float:
    """The largest magnitude; not a number where a sample is none."""
    if x.numel() == 0:
        return 0.0
    low, high = torch.aminmax(x)
    return max(-low.item(), high.item())


# Writing


def _checked_target(
    path: Path, channels: int, sample_rate: float, subtype: str | None, overwrite: bool
) -> tuple[str, str]:
    """The format and the subtype of a file that can be written."""
    check_sample_rate(sample_rate)
    if sample_rate != int(sample_rate):
        raise AudioFileError(path, f"files need a whole sample rate, got {sample_rate} Hz")
    format, subtype = _format_of(path, subtype)
    most = _MOST_CHANNELS.get(format, 1024)
    if channels > most:
        raise AudioFileError(path, f"{format} holds {most} channels, got {channels}")
    if path.exists() and not overwrite:
        raise AudioFileError(path, "exists already; pass overwrite=True to replace it")
    if not path.parent.is_dir():
        raise AudioFileError(path, f"the folder {path.parent} does not exist")
    return format, subtype


@contextmanager
def _telling_of(path: Path) -> Iterator[None]:
    """Name the file in what goes wrong when it is written."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise AudioFileError(path, f"cannot be written ({error.error_string})") from error
    except OSError as error:
        raise AudioFileError(path, f"cannot be written ({error.strerror})") from error


class _Disk(io.FileIO):
    """A new file that an encoder writes. Disks are full only for what writes, which can tell."""

    def __init__(self, path: Path):
        super().__init__(path, "w+")
        self._error: OSError | None = None

    @contextmanager
    def encoder(
        self, sample_rate: float, channels: int, format: str, subtype: str
    ) -> Iterator[soundfile.SoundFile]:
        """What samples go into, `(time, channels)`."""
        file = soundfile.SoundFile(self, "w", int(sample_rate), channels, subtype, format=format)
        try:
            with file:
                yield file
        except AssertionError:  # Fewer were written.
            self.check()
            raise
        self.check()

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        try:
            while left:
                left = left[super().write(left) :]
        except OSError as error:  # Which cannot pass through the encoder.
            self._error = error
        return len(data) - len(left)

    def check(self) -> None:
        """Raise what went wrong."""
        if self._error is not None:
            raise self._error


def _encode(
    path: Path,
    chunks: Iterable[Tensor],
    disk: _Disk,
    encoder: AbstractContextManager[soundfile.SoundFile],
    gain: float,
    subtype: str,
    dither: int | None,
) -> tuple[int, float]:
    """Write all chunks; how many samples were over full scale before the gain, and the peak."""
    over, peak, start, noise = 0, 0.0, 0, None
    with encoder as file:
        for x in chunks:
            _check_finite(path, x, file.samplerate, start)
            start += x.shape[-1]
            if subtype not in _FLOATS:
                over, peak = over + _count_over(x), max(peak, _peak(x))
                x = (x if gain == 1 else (gain * x.double()).to(x.dtype)).clamp(-1, 1)
            if noise is None and dither is not None and x.any():
                noise = dither_source(dither, x)
            file.write(_samples(x, subtype, noise))
            disk.check()
    return over, peak


def _in_lengths(blocks: Iterable[Tensor], length: int) -> Iterator[Tensor]:
    """The same audio on the CPU in blocks of one length, of which the last may be shorter."""
    held: list[Tensor] = []
    for block in blocks:
        held.append(block.detach().cpu().to(torch.promote_types(block.dtype, torch.float32)))
        if sum(x.shape[-1] for x in held) >= length:
            *blocks_now, rest = torch.cat(held, -1).split(length, -1)
            yield from blocks_now
            held = [rest]
    if held:
        yield torch.cat(held, -1)


def _forget_chance(path: Path) -> None:
    """`without_chance` of a file, little of which comes into memory."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        without_chance(content)


def _count_over(x: Tensor) -> int:
    return int((x.abs() > 1).sum()) if _peak(x) > 1 else 0


def _bytes_each(subtype: str) -> int:
    return _PCM_BITS.get(subtype, 64 if subtype == "DOUBLE" else 32) // 8


def _fitted(path: Path, x: Tensor, over: int, subtype: str, clip_mode: str) -> tuple[Tensor, float]:
    """Audio within full scale, and the gain that brought it there."""
    peak = _peak(x)
    if clip_mode == "clamp":
        return x.clamp(-1, 1), 0.0
    if clip_mode == "rescale":
        return (x.double() / peak).to(x.dtype).clamp(-1, 1), -gain_to_db(peak)
    raise _clips(path, over, peak, subtype)


def _clips(path: Path, over: int, peak: float, subtype: str) -> AudioFileError:
    excess_db = max(gain_to_db(peak), 0.01)
    return AudioFileError(
        path,
        f"{over} samples are over full scale, by up to {excess_db:.2f} dB, and {subtype} would "
        f"clip them; lower the level, or keep them in a .wav file with subtype FLOAT",
    )


def _format_named(path: Path) -> str:
    format = path.suffix.removeprefix(".").upper()
    return _FORMATS.get(format, format)


@cache
def _known_formats() -> set[str]:
    return set(soundfile.available_formats())


def _format_of(path: Path, subtype: str | None) -> tuple[str, str]:
    format = _format_named(path)
    if format not in _known_formats() or format == "RAW":
        raise AudioFileError(path, "cannot tell the format from the name; use .wav or .flac")
    if subtype is None:
        has_24_bits = soundfile.check_format(format, "PCM_24")
        if path.suffix.lower() == ".opus":
            return format, "OPUS"
        return format, "PCM_24" if has_24_bits else soundfile.default_subtype(format)
    subtype = subtype.upper()
    if not soundfile.check_format(format, subtype):
        subtypes = ", ".join(soundfile.available_subtypes(format))
        raise AudioFileError(path, f"{format} has no subtype {subtype} (it has {subtypes})")
    return format, subtype


def _encoded(
    x: Tensor, sample_rate: int, format: str, subtype: str, dither: torch.Generator | None
) -> memoryview | bytearray:
    """The content of the new file. Disks are full only for what writes it, which can tell."""
    data = _samples(x, subtype, dither)
    if format == "WAV" and data.size * _bytes_each(subtype) > _LARGEST_WAV:
        format = "RF64"
    file = io.BytesIO()
    if format == "WAV" and subtype in _AS_IN_MEMORY:
        # Quicker; and libsndfile would add the time of day to files of floats.
        scipy.io.wavfile.write(file, sample_rate, data)
    else:
        soundfile.write(file, data, sample_rate, format=format, subtype=subtype)
    if format in ("OGG", "AIFF"):
        return without_chance(bytearray(file.getbuffer()))
    return file.getbuffer()


def _samples(x: Tensor, subtype: str, dither: torch.Generator | None) -> np.ndarray:
    """`(time, channels)`, as an encoder takes them."""
    if subtype in _PCM_BITS:
        y = quantise(x, _PCM_BITS[subtype], dither)
    else:
        y = x.to(_FLOATS.get(subtype, x.dtype))
    return torch.stack(y.unbind(0), -1).numpy()
