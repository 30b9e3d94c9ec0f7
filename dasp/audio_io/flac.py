"""FLAC, whose head may not know how long it is: its last frame does.

Source: RFC 9639.
"""

import os
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import BinaryIO, NamedTuple

from dasp.audio_io.contents import Contents, View, after_id3, end_of_samples, patched

_HEAD = b"fLaC\x00\x00\x00\x22"
"""How every file begins: the first block of its head has 34 bytes."""

_MOST_BLOCKS = 10_000
_MOST_FRAMES = 64
_NEAR = 8
"""So many places may look like frames by chance and be none."""

_SEARCHED = 2**21
"""More bytes than any frame has: 8 channels of 65,535 samples of 32 bits."""


class _Frame(NamedTuple):
    place: int
    first: int
    samples: int


def flac(file: BinaryIO) -> Contents:
    """Find the samples of a FLAC file, of one stream or several that were joined.

    Args:
        file: The file, open for reading bytes.

    Returns:
        Where the samples are, and whether all are there.
    """
    size = file.seek(0, os.SEEK_END)
    start = after_id3(file)
    begins = [start, *_more_heads(file, start, size)]
    ends = [*begins[1:], end_of_samples(file, size)]
    found = [_stream(file, a, b) for a, b in zip(begins, ends, strict=True)]
    if len(found) == 1:
        return found[0]
    heads = {_sound(file, place) for place in begins}
    problem = next((each.problem for each in found if each.problem), None)
    if len(heads) > 1:
        problem = "holds several recordings, of different rates or channels"
    parts = zip(begins, ends, found, strict=True)
    views = tuple(
        each.views[0] if each.views else (range(begin, end),)
        for begin, end, each in parts
        if each.views or not each.problem
    )
    return Contents(problem, None, views, sum(each.frames or 0 for each in found))


def _more_heads(file: BinaryIO, start: int, size: int) -> Iterator[int]:
    at, before = start + len(_HEAD), b""
    file.seek(at)
    while block := file.read(2**20):
        text = before + block
        place = text.find(_HEAD)
        while place >= 0:
            yield at - len(before) + place
            file.seek(at + len(block))
            place = text.find(_HEAD, place + 1)
        at += len(block)
        before = text[1 - len(_HEAD) :]


def _sound(file: BinaryIO, start: int) -> int:
    """Rate, channels and bits, as one number."""
    file.seek(start + 18)
    return int.from_bytes(file.read(4), "big") >> 4


def _stream(file: BinaryIO, start: int, end: int) -> Contents:
    file.seek(start)
    head = file.read(42)
    if len(head) < 42:
        return Contents()
    block = int.from_bytes(head[10:12], "big")
    promised = int.from_bytes(head[21:26], "big") & 2**36 - 1
    first = _after_head(file, start, end)
    if first is None:
        return Contents()
    frames = list(islice(_last_frames(file, first, end, block), _MOST_FRAMES))
    totals = [frame.first + frame.samples for frame in frames[:_NEAR]]
    for frame, its_total in zip(frames, totals, strict=False):
        if _is_whole(file, frame.place, end):
            total = its_total
            break
    else:
        if not frames and first == end and not promised:
            return Contents(frames=0)
        # The last one may end before something else that stands behind it.
        at = totals.index(promised) if promised and promised in totals else None
        if at is None or not _is_whole(file, frames[at].place, end, may_end_before=True):
            return _cut_off(file, start, frames, promised)
        total = promised
    if total < promised:
        view = _view(start, end, head, total)
        return Contents(_promises(promised, total), 1 - total / promised, (view,), total)
    if total == promised and start == 0:
        return Contents(frames=total)
    return Contents(views=(_view(start, end, head, total),), frames=total)


def _cut_off(file: BinaryIO, start: int, frames: list[_Frame], promised: int) -> Contents:
    """The contents of a stream that is cut off: all up to the end of its last whole frame."""
    file.seek(start)
    head = file.read(42)
    whole = next(
        (
            frame
            for before, frame in _neighbours(frames)
            if _is_whole(file, before.place, frame.place)
        ),
        None,
    )
    total = whole.first if whole else 0
    problem = _promises(promised, total) if promised else "is cut off: its last frame is not whole"
    views = (_view(start, whole.place, head, total),) if whole else ()
    return Contents(problem, 1 - total / promised if promised else None, views, total or None)


def _neighbours(frames: list[_Frame]) -> Iterator[tuple[_Frame, _Frame]]:
    """Pairs of a frame and the frame that follows it, the last pair first."""
    for i, frame in enumerate(frames):
        for before in frames[i + 1 : i + 1 + _NEAR]:
            if before.first + before.samples == frame.first:
                yield before, frame


def _promises(promised: int, total: int) -> str:
    return f"is cut off: its head promises {promised} frames, {total} are there"


def _view(start: int, end: int, head: bytes, total: int) -> View:
    number = bytes([head[21] & 0xF0 | total >> 32]) + (total & 0xFFFF_FFFF).to_bytes(4, "big")
    pieces = patched(end, [(start + 21, number)])
    return (range(start, start + 21), *pieces[1:]) if start else pieces


def _after_head(file: BinaryIO, start: int, end: int) -> int | None:
    place = start + 4
    for _, begin, length, is_last in _blocks(file, start):
        place = begin + length
        if is_last:
            return place if place <= end else None
    return None


def blocks_of(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Read the metadata blocks of a FLAC file, no more than 16 MB of them.

    Args:
        file: The file, open for reading bytes.

    Yields:
        Kind and content of each block.
    """
    for kind, begin, length, _ in _blocks(file, after_id3(file)):
        file.seek(begin)
        yield kind, file.read(length)


def _blocks(file: BinaryIO, start: int) -> Iterator[tuple[int, int, int, bool]]:
    """Kind, start and length of every block of a head, and whether it is the last."""
    place = start + 4
    for _ in range(_MOST_BLOCKS):
        file.seek(place)
        block = file.read(4)
        if len(block) < 4:
            return
        length = int.from_bytes(block[1:], "big")
        yield block[0] & 0x7F, place + 4, length, bool(block[0] & 0x80)
        if block[0] & 0x80:
            return
        place += 4 + length


# Frames, from the last to the first


def _last_frames(file: BinaryIO, first: int, end: int, fixed: int) -> Iterator[_Frame]:
    """Places near the end that look like frames, the last one first."""
    begin = max(first, end - _SEARCHED)
    file.seek(begin)
    data = file.read(end - begin)
    at = len(data)
    while (at := data.rfind(b"\xff", 0, at)) >= 0:
        if data[at + 1 : at + 2] in (b"\xf8", b"\xf9"):
            frame = _frame(data[at : at + 16], begin + at, fixed)
            if frame is not None:
                yield frame


def _frame(head: bytes, place: int, fixed: int) -> _Frame | None:
    """The head of a frame, if its checksum is right."""
    if len(head) < 6 or not head[2] >> 4 or head[3] & 1:
        return None
    number, at = _coded_number(head, 4)
    if number is None:
        return None
    code = head[2] >> 4
    if code == 1:
        samples = 192
    elif code < 6:
        samples = 576 << (code - 2)
    elif code == 6:
        samples, at = head[at] + 1 if at < len(head) else 0, at + 1
    elif code == 7:
        samples, at = int.from_bytes(head[at : at + 2], "big") + 1, at + 2
    else:
        samples = 256 << (code - 8)
    at += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if at >= len(head) or _crc_8(head[:at]) != head[at]:
        return None
    first = number if head[1] & 1 else number * fixed
    return _Frame(place, first, samples)


def _coded_number(head: bytes, at: int) -> tuple[int | None, int]:
    """A number of up to 36 bits in the code of UTF-8, and the place behind it."""
    byte = head[at]
    if byte < 0x80:
        return byte, at + 1
    more = 0
    while byte << more & 0x40:
        more += 1
    if not 1 <= more <= 6 or len(head) < at + 1 + more:
        return None, at
    number = byte & (0x3F >> more)
    for i in range(at + 1, at + 1 + more):
        if head[i] & 0xC0 != 0x80:
            return None, at
        number = number << 6 | head[i] & 0x3F
    return number, at + 1 + more


def _is_whole(file: BinaryIO, start: int, end: int, may_end_before: bool = False) -> bool:
    """Whether the checksum of the frame between two places is right."""
    file.seek(start)
    crc, table = 0, _crc_table(16, 0x8005)
    for byte in file.read(end - start):
        crc = (crc << 8 & 0xFFFF) ^ table[crc >> 8 ^ byte]
        if may_end_before and crc == 0:
            return True
    return crc == 0


def _crc_8(data: bytes) -> int:
    crc, table = 0, _crc_table(8, 0x07)
    for byte in data:
        crc = table[crc ^ byte]
    return crc


@cache
def _crc_table(bits: int, polynomial: int) -> tuple[int, ...]:
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    table = []
    for byte in range(256):
        crc = byte << (bits - 8)
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & top else crc << 1) & mask
        table.append(crc)
    return tuple(table)
