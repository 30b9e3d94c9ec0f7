"""What the container of an audio file says of its length, which libsndfile does not hold it to.

Sources: RIFF and RF64, EBU Tech 3306; AIFF, Apple 1989; AU, Sun's audio(4); W64, Sonic Foundry;
CAF, Apple 2005; Ogg, RFC 3533; the Xing and VBRI heads of MP3 as their encoders write them.
"""

import mmap
import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO, TypeVar

MutableBytes = TypeVar("MutableBytes", bytearray, mmap.mmap)

_UNKNOWN = {0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF}
"""What a program writes as the length of the samples when it cannot know it beforehand."""

_OGG_PAGE = 65_307
"""No Ogg page has more bytes."""

_MOST_CHUNKS = 10_000
"""After so many the samples are not looked for any more: a file can hold millions of nothing."""

_FARTHEST = 2**62
"""No file has a place beyond, and to go there is an error of another kind."""


def what_is_missing(file: BinaryIO) -> str | None:
    """Why a file is not whole, in words; None where it is, or where its container cannot tell."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    magic = file.read(4)
    if magic == b"OggS":
        return None if _has_last_page(file, size) else "is cut off: its last page is not there"
    if magic not in _LENGTHS and (magic[:3] == b"ID3" or _is_mpeg_frame(magic)):
        magic = b"ID3"
    if magic in _LENGTHS:
        place = _LENGTHS[magic](file)
        if place is None:
            return "is not audio, or is damaged: nothing in it says where its samples are"
        start, declared = place
        present = max(0, size - start)
        if declared not in _UNKNOWN and declared > present:
            return f"is cut off: its head promises {declared} bytes of samples, {present} are there"
    return None


def without_chance(data: MutableBytes) -> MutableBytes:
    """An encoded file without what differs from one time of writing to the next.

    libsndfile draws the serial number of an Ogg stream at random, and writes the time of day
    into WAV and AIFF files of floats.
    """
    if data[:4] == b"OggS":
        return _with_serial_number(data, 0)
    peak = data.find(b"PEAK", 0, 256)
    if data[:4] in (b"FORM", b"RIFF", b"RF64") and peak > 0:
        data[peak + 12 : peak + 16] = bytes(4)
    return data


# Where samples start, and how many bytes of them there should be; None where nothing says


def _riff(file: BinaryIO, order: str = "little") -> tuple[int, int] | None:
    declared_64 = 0
    for name, start, size in _chunks(file, 12, order):
        if name == b"ds64":  # Where the sizes are that 32 bits cannot hold.
            declared_64 = int.from_bytes(file.read(16)[8:], order)
        if name in (b"data", b"SSND"):
            return start, declared_64 if size in _UNKNOWN else size
    return None


def _big_endian_riff(file: BinaryIO) -> tuple[int, int] | None:
    return _riff(file, "big")


def _chunks(file: BinaryIO, start: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of each chunk; the file stands at its start."""
    for _ in range(_MOST_CHUNKS):
        file.seek(start)
        head = file.read(8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], order)
        yield head[:4], start + 8, size
        start += 8 + size + size % 2


def _wave64(file: BinaryIO) -> tuple[int, int] | None:
    start = 40
    for _ in range(_MOST_CHUNKS):
        file.seek(start)
        head = file.read(24)
        size = int.from_bytes(head[16:], "little")  # With the head itself.
        if len(head) < 24 or size < 24:
            break
        if head[:4] == b"data":
            return start + 24, size - 24
        start += -(-size // 8) * 8
        if start > _FARTHEST:
            break
    return None


def _core_audio(file: BinaryIO) -> tuple[int, int] | None:
    start = 8
    for _ in range(_MOST_CHUNKS):
        file.seek(start)
        head = file.read(12)
        size = int.from_bytes(head[4:], "big")
        if len(head) < 12:
            break
        if head[:4] == b"data":
            return start + 12, size
        start += 12 + size
        if start > _FARTHEST:
            break
    return None


def _sun(file: BinaryIO, order: str = "big") -> tuple[int, int]:
    file.seek(4)
    head = file.read(8)
    return int.from_bytes(head[:4], order), int.from_bytes(head[4:], order)


def _little_endian_sun(file: BinaryIO) -> tuple[int, int]:
    return _sun(file, "little")


def _mpeg(file: BinaryIO) -> tuple[int, int]:
    """The first frame may hold no sound, but a table that counts the bytes of all."""
    start = _after_tags(file)
    file.seek(start)
    frame = file.read(192)
    if not _is_mpeg_frame(frame):
        return 0, 0
    is_mpeg_1, is_mono = frame[1] & 0x08, frame[3] >> 6 == 3
    table = 4 + ((17 if is_mono else 32) if is_mpeg_1 else (9 if is_mono else 17))
    if frame[table : table + 4] in (b"Xing", b"Info"):
        flags = int.from_bytes(frame[table + 4 : table + 8], "big")
        at = table + 8 + 4 * (flags & 1)
        return start, int.from_bytes(frame[at : at + 4], "big") if flags & 2 else 0
    if frame[36:40] == b"VBRI":
        return start, int.from_bytes(frame[46:50], "big")
    return 0, 0


def _after_tags(file: BinaryIO) -> int:
    start = 0
    for _ in range(16):
        file.seek(start)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            break
        start += 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    return start


def _is_mpeg_frame(head: bytes) -> bool:
    return len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2  # Layer III.


_LENGTHS = {
    b"RIFF": _riff,
    b"RF64": _riff,
    b"RIFX": _big_endian_riff,
    b"FORM": _big_endian_riff,
    b"riff": _wave64,
    b"caff": _core_audio,
    b".snd": _sun,
    b"dns.": _little_endian_sun,
    b"ID3": _mpeg,
}


# Ogg


def _has_last_page(file: BinaryIO, size: int) -> bool:
    """Whether an Ogg file ends with a whole page that is marked as the last."""
    file.seek(-min(size, _OGG_PAGE), os.SEEK_END)
    end = file.read()
    page = end[end.rfind(b"OggS") :]
    return len(page) >= 27 and bool(page[5] & 4) and len(page) >= _page_size(page)


def _page_size(page: bytes | bytearray) -> int:
    return 27 + page[26] + sum(page[27 : 27 + page[26]])


def _with_serial_number(data: MutableBytes, number: int) -> MutableBytes:
    start = 0
    while start < len(data):
        end = start + _page_size(data[start : start + 282])
        data[start + 14 : start + 18] = number.to_bytes(4, "little")
        data[start + 22 : start + 26] = bytes(4)
        data[start + 22 : start + 26] = _ogg_checksum(data[start:end]).to_bytes(4, "little")
        start = end
    return data


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _ogg_checksum(page: bytes) -> int:
    """Ogg's CRC is zlib's with the bits of every byte in the other order, from 0 and unmasked."""
    mask = 0xFFFF_FFFF
    return int(f"{zlib.crc32(page.translate(_REVERSED), mask) ^ mask:032b}"[::-1], 2)
