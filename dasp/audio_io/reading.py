"""Audio files to tensors: whole, or refused with a reason."""

import contextlib
import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from dasp._checks import check_choice, check_range
from dasp.audio_io.contents import Contents
from dasp.audio_io.decoding import Decoder, contents_of_file
from dasp.audio_io.errors import AudioFileError, AudioFileWarning, finite_peak
from dasp.audio_io.formats import PCM_BITS, READABLE, format_named, known_formats
from dasp.audio_io.layout_heads import layout_in
from dasp.audio_io.tags import Tags, tags_in
from dasp.file_names import as_found
from dasp.layouts import Layout, in_order

_SMALL = 2**26
"""Bytes that are taken without looking at what is free."""

_RESCUED = 4096
"""Frames that are read at a time of a file that is known to be damaged."""


_ALLOWED = ContextVar("allow_truncated", default=False)


@contextlib.contextmanager
def allowing_truncated(allow: bool = True) -> Iterator[None]:
    """Allow truncated files within a `with` statement.

    The choice holds for all functions that read and are not given `allow_truncated` themselves.

    Args:
        allow: Whether files may be cut off.

    Yields:
        Nothing.

    >>> import tempfile
    >>> from dasp.audio_io import save_audio
    >>> with tempfile.TemporaryDirectory() as folder, allowing_truncated(), noting() as notes:
    ...     file = Path(folder, "a.wav")
    ...     _ = save_audio(file, torch.zeros(1, 100), 44_100, subtype="PCM_16")
    ...     _ = file.write_bytes(file.read_bytes()[:-100])
    ...     load_audio(file)[0].shape
    torch.Size([1, 50])
    """
    token = _ALLOWED.set(allow)
    try:
        yield
    finally:
        _ALLOWED.reset(token)


_NOTED: ContextVar[dict[str, None] | None] = ContextVar("noted", default=None)


@contextlib.contextmanager
def noting() -> Iterator[dict[str, None]]:
    """Collect warnings on files within a `with` statement, in place of `AudioFileWarning`.

    Yields:
        A dictionary whose keys are the messages, each once.

    >>> import tempfile
    >>> from dasp.audio_io import save_audio
    >>> with tempfile.TemporaryDirectory() as folder, noting() as notes:
    ...     file = Path(folder, "a.wav")
    ...     _ = save_audio(file, torch.zeros(1, 100), 44_100, subtype="PCM_16")
    ...     _ = file.write_bytes(file.read_bytes()[:-100])
    ...     _ = load_audio(file, allow_truncated=True)
    >>> len(notes)
    1
    """
    noted: dict[str, None] = {}
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


@dataclass(frozen=True)
class AudioInfo:
    """Facts on an audio file.

    Args:
        sample_rate: In Hz.
        channels: Number of channels.
        frames: Length in samples of one channel.
        format: Format as libsndfile names it, such as "WAV".
        subtype: How samples are stored, such as "PCM_24".
        layout: The loudspeaker of each channel, as `dasp.layouts` has them; None where the file
            does not tell.

    >>> AudioInfo(48_000, 2, 96_000, "WAV", "PCM_24").duration_s
    2.0
    """

    sample_rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    layout: Layout | None = None

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
    allow_truncated: bool | None = None,
) -> tuple[Tensor, int]:
    """Read audio from a file.

    Channels come in the order of WAV files (L R C LFE and the surrounds), where the file tells
    which they are: `audio_info` has the layout.

    Args:
        path: The file.
        dtype: float32, exact up to 24 bits, or float64.
        start: First sample to read, 0 or more.
        frames: Number of samples to read; by default up to the end. Fewer come where the file ends.
        allow_truncated: Whether to read what is there of a file that is cut off, or that is longer
            than its head says. An `AudioFileWarning` says how much is missing. By default as
            `allowing_truncated` says, and otherwise not.

    Returns:
        Audio `(channels, time)` with full scale at 1, and the sample rate in Hz.

    Raises:
        AudioFileError: If the file is missing, empty, not audio, too large for the free memory,
            or holds NaN or infinity; if it is cut off, damaged, or longer than its head says.
            A file is read whole, or not at all.
        ValueError: If `dtype` is another type, or `start` is negative.

    >>> import tempfile
    >>> from dasp.audio_io import save_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_audio(f"{folder}/a.wav", torch.zeros(2, 100), 44_100)
    ...     x, sample_rate = load_audio(f"{folder}/a.wav")
    >>> x.shape, sample_rate
    (torch.Size([2, 100]), 44100)
    """
    check_choice("dtype", dtype, (torch.float32, torch.float64))
    check_range("start", start, low=0)
    with _open(path, allow_truncated) as file:
        left = max(0, file.frames - start)
        expected = left if frames is None else min(frames, left)
        _check_memory(path, file, expected, dtype.itemsize)
        return file.samples(start, expected, dtype), file.info.sample_rate


def load_as_stored(
    path: str | os.PathLike, *, allow_truncated: bool | None = None
) -> tuple[Tensor, AudioInfo, Tags]:
    """Read audio from a file, in the type that holds every sample exactly, and all that it tells.

    Args:
        path: The file.
        allow_truncated: As for `load_audio`.

    Returns:
        Audio `(channels, time)`, float32 up to 24 bits and float64 beyond; the facts on the file;
        and its tags, as `read_tags` has them.

    Raises:
        AudioFileError: If the file cannot be read whole, as for `load_audio`.

    >>> import tempfile
    >>> from dasp.audio_io import save_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_audio(f"{folder}/a.wav", torch.zeros(2, 100), 44_100, subtype="DOUBLE")
    ...     x, info, tags = load_as_stored(f"{folder}/a.wav")
    >>> x.dtype, info.subtype
    (torch.float64, 'DOUBLE')
    """
    with _open(path, allow_truncated, with_tags=True) as file:
        _check_memory(path, file, file.frames, file.info.dtype.itemsize)
        x = file.samples(0, file.frames, file.info.dtype)
        info = file.info if x.shape[-1] == file.frames else replace(file.info, frames=x.shape[-1])
        return x, info, file.tags


def load_blocks(
    path: str | os.PathLike,
    frames: int,
    *,
    dtype: torch.dtype = torch.float32,
    allow_truncated: bool | None = None,
) -> Iterator[Tensor]:
    """Read audio from a file in blocks, one of which is in memory at a time.

    Args:
        path: The file.
        frames: Length of a block in samples, 1 or more.
        dtype: float32, exact up to 24 bits, or float64.
        allow_truncated: As for `load_audio`.

    Yields:
        Audio `(channels, frames)`; the last block may be shorter.

    Raises:
        AudioFileError: If the file cannot be read whole, as for `load_audio`; a fault within the
            samples is found with its block.

    >>> import tempfile
    >>> from dasp.audio_io import save_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_audio(f"{folder}/a.wav", torch.zeros(2, 100), 44_100)
    ...     [block.shape[-1] for block in load_blocks(f"{folder}/a.wav", 40)]
    [40, 40, 20]
    """
    with _open(path, allow_truncated) as file:
        start, block = 0, None
        while block is None or block.shape[-1] == frames:
            block = file.samples(start, min(frames, file.frames - start), dtype)
            yield block
            start += block.shape[-1]


def load_pieces(
    path: str | os.PathLike,
    starts: Sequence[int],
    frames: int,
    *,
    allow_truncated: bool | None = None,
) -> Iterator[Tensor]:
    """Read pieces of an audio file, which is opened once.

    Args:
        path: The file.
        starts: First sample of each piece, 0 or more.
        frames: Length of a piece in samples, 1 or more.
        allow_truncated: As for `load_audio`.

    Yields:
        Audio `(channels, frames)` in float32; shorter where the file ends.

    Raises:
        AudioFileError: If the file cannot be read, as for `load_audio`.

    >>> import tempfile
    >>> from dasp.audio_io import save_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_audio(f"{folder}/a.wav", torch.zeros(2, 100), 44_100)
    ...     [piece.shape[-1] for piece in load_pieces(f"{folder}/a.wav", (0, 50, 90), 20)]
    [20, 20, 10]
    """
    with _open(path, allow_truncated) as file:
        for start in starts:
            yield file.samples(start, max(0, min(frames, file.frames - start)), torch.float32)


def audio_info(path: str | os.PathLike, *, allow_truncated: bool | None = None) -> AudioInfo:
    """Read the facts on an audio file, without decoding its samples.

    Args:
        path: The file.
        allow_truncated: As for `load_audio`.

    Returns:
        Rate, channels, length, format and layout.

    Raises:
        AudioFileError: If the file is missing, empty, not audio, cut off or damaged.

    >>> import tempfile
    >>> from dasp.audio_io import save_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_audio(f"{folder}/a.flac", torch.zeros(2, 100), 44_100, subtype="PCM_16")
    ...     info = audio_info(f"{folder}/a.flac")
    >>> info.format, info.subtype, info.frames
    ('FLAC', 'PCM_16', 100)
    """
    with _open(path, allow_truncated) as file:
        return file.info


class _File:
    """An open file, with those of its faults that were allowed."""

    def __init__(
        self, path: Path, decoder: Decoder, layout: Layout | None, tags: Tags, damaged: bool
    ):
        self._path, self._decoder, self._damaged = path, decoder, damaged
        self.tags = tags
        self._order: list[int] | None = None
        if layout is not None:
            self._order = in_order(layout)
            layout = tuple(layout[channel] for channel in self._order)
        self.info = AudioInfo(
            decoder.sample_rate,
            decoder.channels,
            decoder.frames,
            decoder.format,
            decoder.subtype,
            layout,
        )

    @property
    def frames(self) -> int:
        """Number of frames of the file."""
        return self.info.frames

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_) -> None:
        self._decoder.close()

    def samples(self, start: int, frames: int, dtype: torch.dtype) -> Tensor:
        """The samples `(channels, frames)` from `start` on; fewer only of a damaged file."""
        name = str(dtype).removeprefix("torch.")
        try:
            data = self._read(start, frames, name)
        except MemoryError as error:
            raise AudioFileError(self._path, f"{frames} frames do not fit in memory") from error
        if len(data) < frames:
            there = start + len(data)
            reason = f"is cut off: its head promises {self.frames} frames, {there} are there"
            if not self._damaged:
                raise AudioFileError(self._path, reason)
            _warn(self._path, f"{reason}; {(self.frames - there) / self.info.sample_rate:.3f} s"
                  " are missing")  # fmt: skip
        if self._order is not None and self._order != sorted(self._order):
            data = data[:, self._order]
        x = torch.from_numpy(np.ascontiguousarray(data.T))
        if self.info.subtype not in PCM_BITS:  # What was an integer is a number.
            finite_peak(self._path, x, self.info.sample_rate, start)
        return x

    def _read(self, start: int, frames: int, dtype: str) -> np.ndarray:
        if self._damaged:
            return self._rescued(start, frames, dtype)
        try:
            return self._decoder.read(start, frames, dtype)
        except soundfile.LibsndfileError as error:
            reason = f"is damaged or cut off ({error.error_string or 'its decoder fails'})"
            raise AudioFileError(self._path, reason) from error

    def _rescued(self, start: int, frames: int, dtype: str) -> np.ndarray:
        """All samples before the place where the decoder fails."""
        blocks = [np.zeros((0, self.info.channels), dtype)]
        with contextlib.suppress(soundfile.LibsndfileError):
            for at in range(start, start + frames, _RESCUED):
                blocks.append(self._decoder.read(at, min(_RESCUED, start + frames - at), dtype))
                if len(blocks[-1]) < min(_RESCUED, start + frames - at):
                    break
        return np.concatenate(blocks)


def _open(
    path: str | os.PathLike, allow_truncated: bool | None = None, *, with_tags: bool = False
) -> _File:
    """Open a file, which is looked through once for all that is not its samples."""
    if allow_truncated is None:
        allow_truncated = _ALLOWED.get()
    with contextlib.ExitStack() as closing:
        try:
            path = as_found(path)
            kind = os.stat(path).st_mode
            if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                raise AudioFileError(path, "is a device or a pipe, not a file")
            file = closing.enter_context(path.open("rb"))
            magic = file.read(12)
            contents = contents_of_file(path, file)
        except FileNotFoundError as error:
            raise AudioFileError(path, "does not exist") from error
        except OSError as error:
            raise AudioFileError(path, f"cannot be read ({error.strerror})") from error
        except (AudioFileError, MemoryError):
            raise
        except ValueError as error:  # A NUL in the name.
            raise AudioFileError(path, f"is no name of a file ({error})") from error
        if contents.problem is not None and not (allow_truncated and contents.views):
            raise AudioFileError(path, contents.problem)
        decoder = _decoder(path, contents, magic)
        try:
            known = contents.frames
            if known is not None and decoder.head_frames < known and contents.problem is None:
                reason = f"holds {known} frames, of which {decoder.head_frames} can be decoded here"
                raise AudioFileError(path, reason)
            layout = layout_in(file, decoder.channels)
            tags = tags_in(file, path, decoder.sample_rate) if with_tags else Tags()
            if contents.problem is not None:
                _warn(path, f"{contents.problem}; {_missing_s(contents, decoder)}")
            for remark in contents.remarks:
                _warn(path, remark)
        except BaseException:
            decoder.close()
            raise
    return _File(path, decoder, layout, tags, allow_truncated)


def _decoder(path: Path, contents: Contents, magic: bytes) -> Decoder:
    try:
        decoder = Decoder(path, contents)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: from the ending .raw.
        reason = getattr(error, "error_string", "no format is known without a head")
        raise AudioFileError(path, _unreadable(path, magic, reason)) from error
    if (
        decoder.format == "RAW"
        or decoder.sample_rate < 1
        or decoder.channels < 1
        or decoder.frames < 0
    ):
        decoder.close()
        raise AudioFileError(path, _unreadable(path, magic, "its head has no meaning"))
    return decoder


def _missing_s(contents: Contents, decoder: Decoder) -> str:
    there = decoder.frames / decoder.sample_rate
    if contents.missing is None or contents.missing >= 1:
        return f"{there:.3f} s are read, and how much is missing is not known"
    missing = there * contents.missing / (1 - contents.missing)
    return f"{there:.3f} s are read, {missing:.3f} s are missing"


def _warn(path: Path, what: str) -> None:
    noted = _NOTED.get()
    if noted is None:
        warnings.warn(f"{path}: {what}", AudioFileWarning, stacklevel=2)
    else:
        noted[f"{path}: {what}"] = None


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


def _check_memory(path: str | os.PathLike, file: _File, frames: int, itemsize: int) -> None:
    channels = file.info.channels
    needed = 2 * frames * channels * itemsize  # Interleaved, and by channels.
    if needed > _SMALL and needed > (free := _free_memory()):
        raise AudioFileError(
            path,
            f"{frames} frames of {channels} channels need {needed / 1e9:.1f} GB of "
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
