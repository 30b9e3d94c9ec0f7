"""What is in an audio file behind what its head says: where its samples are, and whether all."""

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO, Literal

from dasp.audio_io.linear import Linear

Piece = bytes | range
"""Bytes that stand in for those of a file, or the places of those that are taken from it."""

Order = Literal["little", "big"]
"""Which byte of a number comes first."""

View = tuple[Piece, ...]
"""A file as it should have been: pieces of it, some of them mended."""


@dataclass(frozen=True)
class Contents:
    """Where the samples of a file are, and whether all are there, whatever its head says.

    Args:
        problem: Why the samples are not all there, or more than the head says; None if they are.
        missing: Share of the samples that is missing; None where that is not known.
        views: The parts to decode one behind the other; empty for the file itself.
        frames: Number of frames of all parts; None is what the decoder says.
        sure: Share of the file in which the decoder finds every place; from there it reads on.
        remarks: What a listener may want to know of a file that is whole.
        linear: How the samples of a file that is whole are read without a decoder; None where
            they need one.
    """

    problem: str | None = None
    missing: float | None = None
    views: tuple[View, ...] = ()
    frames: int | None = None
    sure: float = 1.0
    remarks: tuple[str, ...] = ()
    linear: Linear | None = None


class ViewFile(io.RawIOBase):
    """A file for reading whose content is a view of another.

    Args:
        file: The file, open for reading bytes.
        view: Pieces of the file, some of them replaced by other bytes.
    """

    def __init__(self, file: BinaryIO, view: View):
        super().__init__()
        self._file, self._pieces = file, view
        self._starts = [0, *accumulate(map(len, view))]
        self._place = 0

    def readable(self) -> bool:
        """Tell whether the file can be read.

        Returns:
            True.
        """
        return True

    def seekable(self) -> bool:
        """Tell whether the file can be read from any place.

        Returns:
            True.
        """
        return True

    def tell(self) -> int:
        """Return the present place.

        Returns:
            Bytes from the start of the view.
        """
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place.

        Args:
            offset: Bytes from the place that `whence` names.
            whence: `os.SEEK_SET`, `os.SEEK_CUR` or `os.SEEK_END`.

        Returns:
            Bytes from the start of the view.
        """
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._starts[-1]}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer) -> int:
        """Read bytes into a buffer.

        Args:
            buffer: Where the bytes go.

        Returns:
            Number of bytes that were read.
        """
        into = memoryview(buffer).cast("B")
        done = 0
        while done < len(into) and self._place < self._starts[-1]:
            index = bisect_right(self._starts, self._place) - 1
            piece, skipped = self._pieces[index], self._place - self._starts[index]
            count = min(len(into) - done, len(piece) - skipped)
            if isinstance(piece, range):
                self._file.seek(piece.start + skipped)
                found = self._file.read(count)
                if not found:
                    break
            else:
                found = piece[skipped : skipped + count]
            into[done : done + len(found)] = found
            done, self._place = done + len(found), self._place + len(found)
        return done


def patched(size: int, patches: Sequence[tuple[int, bytes]]) -> View:
    """Build the view of a file in which some bytes are replaced.

    Args:
        size: Number of bytes of the file that the view has.
        patches: Place and new bytes of each replacement.

    Returns:
        The view.
    """
    pieces: list[Piece] = []
    at = 0
    for place, new in sorted(patches):
        pieces += [range(at, place), new]
        at = place + len(new)
    return tuple(piece for piece in (*pieces, range(at, size)) if len(piece))


def end_of_samples(file: BinaryIO, size: int) -> int:
    """Find the start of the tags that players append to files of every kind.

    Args:
        file: The file, open for reading bytes.
        size: Size of the file in bytes.

    Returns:
        Bytes before the tags; `size` without any.
    """
    end = size
    while True:
        file.seek(max(0, end - 160))
        tail = file.read(min(160, end))
        if tail[-128:-125] == b"TAG" and len(tail) >= 128:
            end -= 128
        elif tail[-32:-24] == b"APETAGEX" and len(tail) >= 32:
            footer = tail[-32:]
            has_head = footer[23] & 0x80
            end -= int.from_bytes(footer[12:16], "little") + (32 if has_head else 0)
        elif tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
            end -= int(tail[-15:-9]) + 15
        elif tail[-10:-7] == b"3DI" and len(tail) >= 10:
            end -= _syncsafe(tail[-4:]) + 20
        else:
            return end
        if end < 0:
            return size


def after_id3(file: BinaryIO, start: int = 0) -> int:
    """Find the end of the ID3 tags at a place.

    Args:
        file: The file, open for reading bytes.
        start: Place of the first tag in bytes.

    Returns:
        Place behind the tags; `start` without any.
    """
    for _ in range(16):
        file.seek(start)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) >= 0x80:
            break
        start += 10 + _syncsafe(head[6:]) + (10 if head[5] & 0x10 else 0)
    return start


def _syncsafe(four: bytes) -> int:
    return four[0] << 21 | four[1] << 14 | four[2] << 7 | four[3]
