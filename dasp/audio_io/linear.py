"""Samples of a WAV that stand in it as they are heard: integers of 16 or 24 bits, and floats.

A decoder would give the same numbers one after the other, and they would have to be sorted by
channels in another pass.
"""

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

_TYPES: dict[str, np.dtype[Any]] = {
    "PCM_16": np.dtype("<i2"), "PCM_24": np.dtype("<i4"), "FLOAT": np.dtype("<f4"),
}  # fmt: skip
"""What samples are read as: those of 24 bits are the upper bytes of an integer of 32."""

_SCALES = {"PCM_16": 2.0**-15, "PCM_24": 2.0**-31, "FLOAT": 1.0}

_SUBTYPES = {(1, 16): "PCM_16", (1, 24): "PCM_24", (3, 32): "FLOAT"}
"""By the code of a WAV and the bits of a sample."""

_MOST_CHANNELS = 1024  # as libsndfile has it


@dataclass(frozen=True)
class Linear:
    """Describe the samples of a file, one frame behind the other.

    Args:
        start: Place of the first in bytes.
        sample_rate: In Hz.
        channels: Number of channels.
        subtype: How samples are stored, as libsndfile names it.

    >>> Linear(44, 48_000, 2, "PCM_16").block
    4
    """

    start: int
    sample_rate: int
    channels: int
    subtype: str

    @property
    def block(self) -> int:
        """Bytes of a frame."""
        return self.channels * (3 if self.subtype == "PCM_24" else _TYPES[self.subtype].itemsize)


def linear_wav(form: bytes, start: int) -> Linear | None:
    """Read how the samples of a WAV are stored.

    Args:
        form: Content of its chunk "fmt ".
        start: Place of the first sample in bytes.

    Returns:
        The description; None for samples that need a decoder, and for a chunk that makes no sense.
    """
    if len(form) < 16:
        return None
    code, channels, block, bits = (
        int.from_bytes(form[i : i + 2], "little") for i in (0, 2, 12, 14)
    )
    sample_rate = int.from_bytes(form[4:8], "little")
    subtype = _SUBTYPES.get((code, bits))
    if subtype is None or not 0 < channels <= _MOST_CHANNELS or not 0 < sample_rate < 2**31:
        return None
    linear = Linear(start, sample_rate, channels, subtype)
    return linear if linear.block == block else None


def wav_of(data: np.ndarray, sample_rate: int, size: int) -> bytes:
    """Build a WAV whose samples stand in it as in memory, or their upper bytes.

    Args:
        data: Samples `(time, channels)`: integers of 16 or 32 bits, or floats.
        sample_rate: In Hz.
        size: Bytes of each sample in the file; of more in memory the upper ones are taken.

    Returns:
        The content of the file.
    """
    frames, channels = data.shape
    is_float = data.dtype.kind == "f"
    form = struct.pack(
        "<HHIIHH", 3 if is_float else 1, channels, sample_rate, sample_rate * channels * size,
        channels * size, 8 * size,
    )  # fmt: skip
    head = b"WAVE" + _chunk(b"fmt ", form + bytes(2 * is_float))
    if is_float:
        head += _chunk(b"fact", struct.pack("<I", frames))
    samples = _upper_bytes(np.ascontiguousarray(data, data.dtype.newbyteorder("<")), size)
    head += struct.pack("<4sI", b"data", samples.size)
    padding = bytes(samples.size % 2)
    length = len(head) + samples.size + len(padding)
    return b"".join((struct.pack("<4sI", b"RIFF", length), head, samples.data, padding))


def _upper_bytes(data: np.ndarray, size: int) -> np.ndarray:
    """The last bytes of each number, in which its upper bits are."""
    all_bytes, each = data.reshape(-1).view(np.uint8), data.dtype.itemsize
    if size == each:
        return all_bytes
    packed = np.empty(size * data.size, np.uint8)
    for i in range(size):
        packed[i::size] = all_bytes[each - size + i :: each]
    return packed


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content


class LinearSound:
    """An open file of linear samples, with what `soundfile.SoundFile` tells of one.

    Args:
        file: The file, open for reading bytes without a buffer.
        linear: How the samples are stored.
        frames: Number of frames.
    """

    format, is_exact = "WAV", True

    def __init__(self, file: io.RawIOBase, linear: Linear, frames: int):
        self._file, self._linear = file, linear
        self.samplerate, self.channels = linear.sample_rate, linear.channels
        self.subtype, self.frames = linear.subtype, frames
        self._place = 0

    def __enter__(self) -> "LinearSound":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def seek(self, frame: int) -> None:
        """Go to a frame.

        Args:
            frame: Its number.
        """
        self._place = frame

    def read(self, frames: int, dtype: str = "float64", always_2d: bool = True) -> np.ndarray:
        """Read samples from the present place on.

        Args:
            frames: Number of frames.
            dtype: "float32" or "float64".
            always_2d: True; a single channel is a column too.

        Returns:
            Samples `(frames, channels)`, fewer where the file ends; those of a channel are
            neighbours in memory.
        """
        assert always_2d
        linear = self._linear
        frames = max(0, min(frames, self.frames - self._place))
        stored = _TYPES[linear.subtype]
        front = int(linear.subtype == "PCM_24")  # a byte, so that the first sample has four
        data = np.empty(front + frames * linear.block, np.uint8)
        self._file.seek(linear.start + self._place * linear.block)
        count = _fill(self._file, data.data[front:]) // linear.block
        self._place += count
        shape, size = (linear.channels, count), linear.block // linear.channels
        found = np.ndarray(shape, stored, data, 0, (size, linear.block))
        if linear.subtype == "PCM_24":
            found = found & np.int32(-256)  # without the byte in front
        x = np.empty(shape, dtype)
        np.multiply(found, x.dtype.type(_SCALES[linear.subtype]), out=x)
        return x.T


def _fill(file: io.RawIOBase, buffer: memoryview) -> int:
    """Read until a buffer is full or the file ends; the number of bytes."""
    done = 0
    while done < len(buffer):
        count = file.readinto(buffer[done:])
        if not count:
            break
        done += count
    return done
