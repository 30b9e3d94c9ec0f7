"""A file as its decoder gives it: all of its parts, from any place, whether it can seek or not."""

import contextlib
import os
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from dasp.audio_io.containers import contents_of
from dasp.audio_io.contents import Contents, ViewFile
from dasp.audio_io.linear import LinearSound

_MPEG_ENDINGS = (".mp3", ".mp2", ".mp1", ".mpga", ".m2a")

_SKIPPED = 2**16
"""Frames that are read at a time to be passed over."""


class Decoder:
    """An open audio file of one part or several, which are decoded as one.

    Args:
        path: The file.
        contents: Where its samples are.

    Raises:
        LibsndfileError: If a part cannot be decoded.
    """

    def __init__(self, path: Path, contents: Contents):
        self.contents = contents
        self._path = path
        self._closing = contextlib.ExitStack()
        try:
            self._parts = [self._opened(i) for i in range(max(1, len(contents.views)))]
        except BaseException:
            self.close()
            raise
        first = self._parts[0]
        self.sample_rate, self.channels = first.samplerate, first.channels
        self.format, self.subtype = first.format, first.subtype
        lengths = [part.frames for part in self._parts]
        if contents.frames is not None and len(lengths) == 1:
            lengths = [contents.frames]
        self._lengths = lengths
        # A decoder of MPEG that begins anywhere lacks what is stored in the frames before.
        self._sure = contents.sure if self.format == "OGG" else 0.0
        self._part, self._place = 0, 0

    @property
    def frames(self) -> int:
        """Number of frames of all parts."""
        return sum(self._lengths)

    @property
    def head_frames(self) -> int:
        """Number of frames that the decoder reports."""
        return sum(part.frames for part in self._parts)

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._closing.close()

    def read(self, start: int, frames: int, dtype: str) -> np.ndarray:
        """Decode samples from a place on.

        Args:
            start: First sample.
            frames: Number of samples.
            dtype: "float32" or "float64".

        Returns:
            Samples `(frames, channels)`; fewer where the decoder ends before.
        """
        self._go_to(min(start, self.frames))
        blocks = []
        while True:
            part = self._parts[self._part]
            now = min(frames, self._lengths[self._part] - self._place)
            block = part.read(now, dtype=dtype, always_2d=True)
            self._place += len(block)
            frames -= len(block)
            blocks.append(block)
            is_over = len(block) < now or self._part == len(self._parts) - 1
            if frames == 0 or is_over:
                break
            self._begin(self._part + 1)
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _go_to(self, start: int) -> None:
        index = 0
        while index < len(self._parts) - 1 and start >= self._lengths[index]:
            start -= self._lengths[index]
            index += 1
        if index != self._part:
            self._begin(index)
        if start != self._place:
            self._jump(start)
        while self._place < start:
            part = self._parts[index]
            passed = part.read(min(_SKIPPED, start - self._place), "float32", always_2d=True)
            if not len(passed):
                return
            self._place += len(passed)

    def _jump(self, start: int) -> None:
        """Seek to a place, or to one before it that the decoder is sure to find."""
        part = self._parts[self._part]
        if part.is_exact:
            part.seek(start)
            self._place = start
            return
        near = min(start, int(self._sure * part.frames))
        if near > self._place or start < self._place:
            self._begin(self._part)
            if near:  # Of a decoder that is used already, the next one may be heard elsewhere.
                self._parts[self._part].seek(near)
            self._place = near

    def _begin(self, index: int) -> None:
        part = self._parts[index]
        if (index, 0) != (self._part, self._place):
            part.close()
            self._parts[index] = self._opened(index)
        self._part, self._place = index, 0

    def _opened(self, index: int) -> "_Sound | LinearSound":
        if self.contents.linear and self.contents.frames is not None:
            raw = self._closing.enter_context(self._path.open("rb", buffering=0))
            return LinearSound(raw, self.contents.linear, self.contents.frames)
        if not self.contents.views:
            # As bytes where the system takes any: soundfile would have them be UTF-8.
            name = os.fsencode(self._path) if os.name == "posix" else self._path
            return self._closing.enter_context(_Sound(name))
        file = self._closing.enter_context(self._path.open("rb"))
        view = ViewFile(file, self.contents.views[index])
        return self._closing.enter_context(_Sound(view))


class _Sound(soundfile.SoundFile):
    """One decoder, which seeks only where seeking is exact.

    SoundFile seeks to the present place after each read. The decoders of MPEG and Ogg do not find
    every place again, and those of some telephone codecs find none.
    """

    @property
    def is_exact(self) -> bool:
        """Whether the decoder finds every place."""
        has_no_way = self.format in ("MP3", "OGG") or self.subtype.startswith("DWVW")
        return super().seekable() and not has_no_way

    def seekable(self) -> bool:
        return self.is_exact


def contents_of_file(path: Path, file: BinaryIO) -> Contents:
    """Find the samples of an audio file; the answer is kept as long as the file stays the same.

    Args:
        path: The file.
        file: The file, open for reading bytes.

    Returns:
        Where the samples are, and whether all are there.
    """
    status = os.fstat(file.fileno())
    kept = _kept(path, status.st_size, status.st_mtime_ns, status.st_ino)
    if not kept:
        kept.append(_contents_of(path, file, status.st_size))
    return kept[0]


def _contents_of(path: Path, file: BinaryIO, size: int) -> Contents:
    if size == 0:
        return Contents("is empty")
    return contents_of(file, path.suffix.lower() in _MPEG_ENDINGS)


@lru_cache(maxsize=1024)
def _kept(path: Path, *_: int) -> list[Contents]:
    """The answer for a file as it is now; none before there is one."""
    return []
