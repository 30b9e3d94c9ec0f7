"""Ogg pages: every checksum, every number in the row, and whether the last one is there.

Source: RFC 3533; the first packets of Vorbis, Opus (RFC 7845) and FLAC in Ogg.
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from dasp.audio_io.contents import Contents, View, end_of_samples

_CODECS = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
_NO_PLACE = 2**64 - 1
_LAST_PAGES = 4


class _Page(NamedTuple):
    start: int
    stop: int
    begins: bool
    ends: bool
    granule: int
    serial: int
    number: int
    packet: bytes
    """How its content begins."""


@dataclass
class _Stream:
    """One logical stream: what it is, and where its pages are."""

    first: _Page
    pages: list[range] = field(default_factory=list)
    number: int = -1
    granules: list[int] = field(default_factory=list)
    """Where its pages end, as far as they say so."""
    ended: bool = False

    @property
    def is_audio(self) -> bool:
        return self.first.packet.startswith(_CODECS)

    @property
    def sound(self) -> tuple[bytes, ...]:
        """Rate and channels, as its head has them, and in which codec."""
        packet = self.first.packet
        if packet.startswith(b"\x01vorbis"):
            return packet[:7], packet[11:16]
        if packet.startswith(b"OpusHead"):
            return packet[:8], packet[9:10]
        return (packet[:48],)

    def take(self, page: _Page) -> None:
        self.number = page.number
        if page.granule not in (0, _NO_PLACE):
            self.granules.append(page.granule)
        self.ended = page.ends
        if self.pages and self.pages[-1].stop == page.start:
            self.pages[-1] = range(self.pages[-1].start, page.stop)
        else:
            self.pages.append(range(page.start, page.stop))


def ogg(file: BinaryIO) -> Contents:
    """Find the samples of an Ogg file, of one stream or several behind one another.

    Args:
        file: The file, open for reading bytes.

    Returns:
        Where the samples are, and whether all are there.
    """
    size = end_of_samples(file, file.seek(0, os.SEEK_END))
    streams, problem = _streams(file, size)
    audio = [stream for stream in streams if stream.is_audio]
    if not audio:
        return Contents(problem)
    if not problem and not all(stream.ended for stream in audio):
        problem = "is cut off: its last page is not there"
    beside = any(later.first.start < earlier.pages[-1].stop for earlier, later in pairwise(audio))
    if beside:
        problem = problem or f"holds {len(audio)} recordings that sound at the same time"
        audio = audio[:1]
    elif len({stream.sound for stream in audio}) > 1:
        problem = problem or "holds several recordings, of different rates, channels or codecs"
        audio = audio[:1]
    if not problem and len(streams) == 1 and len(audio[0].pages) == 1:
        return Contents(sure=_sure(audio[0]))
    views: tuple[View, ...] = tuple(tuple(stream.pages) for stream in audio)
    return Contents(problem, None, views, sure=0.0)


def _sure(stream: _Stream) -> float:
    """Share of the stream before its last pages, of which the last may be incomplete."""
    granules = stream.granules[-_LAST_PAGES:]
    if len(granules) < _LAST_PAGES or stream.granules[0] > stream.granules[-1] / 2:
        return 0.0
    return granules[0] / granules[-1]


def _streams(file: BinaryIO, size: int) -> tuple[list[_Stream], str | None]:
    """The streams up to the end or the first fault, and the fault."""
    streams: list[_Stream] = []
    current: dict[int, _Stream] = {}
    stop = 0
    for page in _pages(file, size):
        if isinstance(page, str):
            return streams, page
        stop = page.stop
        if page.begins:
            current[page.serial] = _Stream(page)
            streams.append(current[page.serial])
        stream = current.get(page.serial)
        if stream is None:
            return streams, f"is damaged: the stream of the page at byte {page.start} never began"
        if page.number != stream.number + 1 and not page.begins:
            missing = page.number - stream.number - 1
            what = f"{missing} pages are missing" if missing > 0 else "pages are out of order"
            return streams, f"is damaged: {what} before byte {page.start}"
        stream.take(page)
    if stop < size and not all(stream.ended for stream in streams):
        return streams, "is cut off: its last page is not there"
    return streams, None


def _pages(file: BinaryIO, size: int) -> Iterator[_Page | str]:
    """All pages, and what is wrong with the first that is not as it was written."""
    start = 0
    while start < size:
        file.seek(start)
        head = file.read(282)
        if head[:4] != b"OggS":
            # Behind the last page other things may stand, and zeros.
            more = head[4:] and _find_page(file, start)
            if more:
                yield f"is damaged at byte {start}: there should be a page"
            return
        if len(head) < 27 or len(head) < 27 + head[26]:
            return
        stop = start + page_size(head)
        if stop > size:
            # Either cut off, or its own head is wrong.
            if _find_page(file, start + 4):
                yield f"is damaged: the page at byte {start} has a wrong head"
            return
        file.seek(start)
        page = file.read(stop - start)
        if checksum(page) != int.from_bytes(page[22:26], "little"):
            yield f"is damaged: the checksum of the page at byte {start} is wrong"
            return
        begin = 27 + head[26]
        yield _Page(
            start, stop, bool(head[5] & 2), bool(head[5] & 4),
            int.from_bytes(head[6:14], "little"), int.from_bytes(head[14:18], "little"),
            int.from_bytes(head[18:22], "little"), page[begin : begin + 64],
        )  # fmt: skip
        start = stop


def _find_page(file: BinaryIO, start: int) -> bool:
    file.seek(start)
    before = b""
    while block := file.read(2**20):
        if b"OggS" in before + block:
            return True
        before = block[-3:]
    return False


def page_size(page: bytes | bytearray) -> int:
    """Compute the size of an Ogg page from its head.

    Args:
        page: The page, of which at least the head is there.

    Returns:
        Size in bytes.
    """
    return 27 + page[26] + sum(page[27 : 27 + page[26]])


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes) -> int:
    """Compute the checksum of an Ogg page, without its own four bytes.

    Ogg's CRC is zlib's with the bits of every byte in the other order, from 0 and unmasked.

    Args:
        page: The whole page.

    Returns:
        The checksum.
    """
    mask = 0xFFFF_FFFF
    page = page[:22] + bytes(4) + page[26:]
    return int(f"{zlib.crc32(page.translate(_REVERSED), mask) ^ mask:032b}"[::-1], 2)


def packets_of(file: BinaryIO, count: int) -> list[bytes]:
    """Read the first packets of the first stream of an Ogg file, no more than 16 MB together.

    Args:
        file: The file, open for reading bytes.
        count: Number of packets.

    Returns:
        The packets, or fewer where the file ends.
    """
    packets: list[bytes] = []
    held, start, serial = b"", 0, None
    while len(packets) < count and start < 2**24:
        file.seek(start)
        head = file.read(282)
        if head[:4] != b"OggS" or len(head) < 27 + head[26]:
            break
        stop = start + page_size(head)
        serial = head[14:18] if serial is None else serial
        if head[14:18] == serial:
            file.seek(start + 27 + head[26])
            for lacing in head[27 : 27 + head[26]]:
                held += file.read(lacing)
                if lacing < 255:
                    packets.append(held)
                    held = b""
        start = stop
    return packets[:count]
