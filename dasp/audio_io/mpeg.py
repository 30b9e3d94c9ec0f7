"""MPEG audio, counted frame by frame, since its heads guess how long it is, or speak of a part.

Files of this kind are joined, cut and tagged by programs that know nothing of the first frame's
table, and many have none. What counts is the frames that are there: each says how long it is.

Sources: ISO/IEC 11172-3 and 13818-3 (the head of a frame); the tables of Xing, LAME and VBRI as
their encoders write them.
"""

import io
import mmap
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from dasp.audio_io.contents import Contents, Piece, View, after_id3, end_of_samples

Bytes = bytes | mmap.mmap

_KBPS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""By version (2.5 is as 2) and layer."""

_MOST_LOST = 16
"""Holes as long as more frames than that may have that length by chance."""

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""By the bits of the version."""


@dataclass(frozen=True)
class _Kind:
    """Properties of a frame that stay the same within a stream."""

    version: int
    layer: int
    sample_rate: int
    is_mono: bool

    @property
    def samples(self) -> int:
        """Frames of audio in a frame of the stream."""
        if self.layer == 1:
            return 384
        return 576 if self.layer == 3 and self.version != 3 else 1152


@dataclass
class _Part:
    """A table, where there is one, and the frames up to the next."""

    table: bytes = b""
    frames: int = 0
    last: int = 0
    """Bytes of the last of them."""
    runs: list[range] = field(default_factory=list)
    """Where frames stand without anything between them."""


def mpeg(file: BinaryIO) -> Contents:
    """Find the frames of an MPEG audio file, with tags before, between and behind them.

    Args:
        file: The file, open for reading bytes.

    Returns:
        Where the frames are, and whether all are there.
    """
    size = file.seek(0, io.SEEK_END)
    start, end = after_id3(file), end_of_samples(file, size)
    data = _bytes_of(file)
    try:
        return _contents(data, start, end, size)
    finally:
        if isinstance(data, mmap.mmap):
            data.close()


def mpeg_within(file: BinaryIO, start: int, end: int) -> Contents:
    """Find the MPEG frames that another container holds.

    Args:
        file: The file, open for reading bytes.
        start: Place of the first byte.
        end: Place behind the last byte.

    Returns:
        Where the frames are, and whether all are there.
    """
    data = _bytes_of(file)
    try:
        found = _contents(data, start, end, end)
    finally:
        if isinstance(data, mmap.mmap):
            data.close()
    if found.views or found.problem:
        return found
    return replace(found, views=((range(start, end),),))


def is_mpeg(magic: bytes) -> bool:
    """Tell whether a file begins as MPEG audio does.

    Args:
        magic: The first four bytes of the file.

    Returns:
        True if they are the head of a frame.
    """
    return magic[:3] == b"ID3" or _kind(magic) is not None


def _bytes_of(file: BinaryIO) -> Bytes:
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # Not on a disk.
        file.seek(0)
        return file.read()


def _contents(data: Bytes, start: int, end: int, size: int) -> Contents:
    parts, kind, remarks, problem = _parts(data, start, end)
    if kind is None:
        return Contents()
    frames = sum(part.frames for part in parts)
    promised = [_promised(part.table) for part in parts]
    missing = None
    for part, (count, length) in zip(parts, promised, strict=True):
        present = (size if part is parts[-1] else part.runs[-1].stop) - part.runs[0].start
        present += len(part.table)
        # Some tables count themselves; what has a hole has lost a frame.
        behind = (end if part is parts[-1] else part.runs[-1].stop) - part.runs[-1].stop
        is_whole = len(part.runs) == 1 and length <= present and behind < part.last
        is_short = count is not None and part.frames < count - is_whole
        if is_short or (problem and part is parts[-1]):
            if length > present:
                what = f"{length} bytes of samples, {present}"
            elif is_short:
                what = f"{count} frames of MPEG, {part.frames}"
            else:
                continue
            problem = f"is cut off: its head promises {what} are there"
            missing = 1 - part.frames / max(count or 0, part.frames + 1)
    is_plain = (
        len(parts) == 1
        and promised[0][0] == frames
        and len(parts[0].runs) == 1
        and not problem
    )  # fmt: skip
    if is_plain:
        return Contents(remarks=remarks)
    views = tuple(_view(data, part, kind) for part in parts)
    count = frames * kind.samples if kind.layer != 3 else None
    return Contents(problem, missing, views, count, remarks=remarks)


def _parts(
    data: Bytes, start: int, end: int
) -> tuple[list[_Part], _Kind | None, tuple[str, ...], str | None]:
    """The parts, their kind, the bytes that were passed over, and the first fault."""
    parts, at, foreign = [_Part()], start, 0
    kind: _Kind | None = None
    problem: str | None = None
    while at < end:
        length = _frame_length(data, at, kind) if kind else 0
        if kind is None or not length or at + length > end:
            if length and not _next_frame(data, at + 1, end, kind):
                problem = "is cut off: its last frame is not whole"
                break
            found, passed = _next(data, at, end, kind)
            foreign += passed
            if found is None:
                break
            if kind is not None and _held_frames(data, parts[-1], at, found[0], kind):
                seconds = sum(part.frames for part in parts) * kind.samples / kind.sample_rate
                problem = f"is damaged: after {seconds:.3f} s there is a hole as long as frames are"
            at, its_kind = found
            if kind is not None and its_kind != kind:
                seconds = sum(part.frames for part in parts) * kind.samples / kind.sample_rate
                problem = f"changes after {seconds:.3f} s {_change(kind, its_kind)}"
                break
            kind = its_kind
            length = _frame_length(data, at, kind)
        frame = data[at : at + min(length, 256)]
        if kind.layer == 3 and _table(frame):
            if parts[-1].frames:
                parts.append(_Part())
            parts[-1].table = data[at : at + length]
        else:
            part = parts[-1]
            part.frames += 1
            part.last = length
            if part.runs and part.runs[-1].stop == at:
                part.runs[-1] = range(part.runs[-1].start, at + length)
            else:
                part.runs.append(range(at, at + length))
        at += length
    remarks = (f"{foreign} bytes that are no MPEG audio were passed over",) if foreign else ()
    parts = [part for part in parts if part.frames]
    return parts, kind if parts else None, remarks, problem


def _held_frames(data: Bytes, part: _Part, at: int, stop: int, kind: _Kind) -> bool:
    """Whether the bytes that were passed over are as long as frames, and so were damaged ones."""
    gap = stop - at
    if not part.runs or not gap or _next_tag(data, at, stop) is not None:
        return False
    last = part.runs[-1].stop - part.last
    head = data[last : last + 4]
    of_any_rate = (bytes([*head[:2], head[2] & 0x0C | b << 4, head[3]]) for b in range(1, 15))
    if any(gap - 1 <= _frame_length(one, 0, kind) <= gap for one in of_any_rate):
        return True
    shortest = _frame_length(data, last, kind) - (head[2] >> 1 & 1)
    longest = shortest + (kind.sample_rate % 11_025 == 0)  # Other rates need no padding.
    count = -(-gap // longest)
    return count <= _MOST_LOST and count * shortest <= gap <= count * longest


def _change(before: _Kind, after: _Kind) -> str:
    if before.sample_rate != after.sample_rate:
        return f"from {before.sample_rate} to {after.sample_rate} Hz"
    if before.is_mono != after.is_mono:
        return "from mono to stereo" if before.is_mono else "from stereo to mono"
    return f"from layer {before.layer} to layer {after.layer}"


# What is between frames


def _next(
    data: Bytes, at: int, end: int, kind: _Kind | None
) -> tuple[tuple[int, _Kind] | None, int]:
    """The place and kind of the next frames, and the number of unknown bytes before them."""
    foreign = 0
    while at < end:
        if length := _tag_length(data, at, end):
            at += length
            continue
        found = _next_frame(data, at, end, kind)
        place = end if found is None else found[0]
        tag = _next_tag(data, at, place)
        foreign += len(data[at : place if tag is None else tag].strip(b"\0"))
        if tag is None:
            return found, foreign
        at = tag
    return None, foreign


def _next_tag(data: Bytes, at: int, end: int) -> int | None:
    places = (data.find(name, at, end) for name in (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN"))
    return min((p for p in places if p >= 0 and _tag_length(data, p, end)), default=None)


def _tag_length(data: Bytes, at: int, end: int) -> int:
    """Length of the tag at a place; 0 if there is none."""
    head = data[at : at + 32]
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80 and head[3] < 0xFF:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return 10 + size + (10 if head[5] & 0x10 else 0)
    if head[:3] == b"TAG" and at + 128 <= end:
        after = data[at + 128 : at + 132]
        begins = (
            not after.strip(b"\0")
            or after[:3] in (b"ID3", b"TAG", b"APE")
            or _kind(after) is not None
        )
        return 128 if begins or at + 128 == end else 0
    if head[:8] == b"APETAGEX" and len(head) == 32:
        size = int.from_bytes(head[12:16], "little")
        return 32 + size if head[23] & 0x20 else 32
    if head[:11] == b"LYRICSBEGIN":
        stop = data.find(b"LYRICS200", at, end)
        return stop + 9 - at if stop >= 0 else 0
    return 0


def _next_frame(data: Bytes, at: int, end: int, kind: _Kind | None) -> tuple[int, _Kind] | None:
    """The next place that looks like a frame, with another one behind it or the end; its kind."""
    while (at := data.find(b"\xff", at, end)) >= 0:
        its_kind = _kind(data[at : at + 4])
        if its_kind is not None:
            after = at + _frame_length(data, at, its_kind)
            again = _kind(data[after : after + 4])
            ends = after == end or (after < end and _tag_length(data, after, end))
            if again == its_kind or (its_kind == kind and ends):
                return at, its_kind
            if kind is None and ends:
                return at, its_kind
        at += 1
    return None


# Heads of frames


def _kind(head: bytes) -> _Kind | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, bits = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or bits in (0, 15):
        return None
    return _Kind(version, layer, _RATES[version][rate], head[3] >> 6 == 3)


def _frame_length(data: Bytes, at: int, kind: _Kind) -> int:
    """Length in bytes of the frame of a kind at a place; 0 if there is none."""
    head = data[at : at + 4]
    if _kind(head) != kind:
        return 0
    kbps = _KBPS[1 if kind.version == 3 else 2, kind.layer][(head[2] >> 4) - 1]
    padding = head[2] >> 1 & 1
    if kind.layer == 1:
        return (12_000 * kbps // kind.sample_rate + padding) * 4
    return kind.samples // 8 * 1000 * kbps // kind.sample_rate + padding


# Tables


def _table_place(frame: bytes | bytearray) -> int:
    is_mpeg_1, is_mono = frame[1] & 0x08, frame[3] >> 6 == 3
    return 4 + ((17 if is_mono else 32) if is_mpeg_1 else (9 if is_mono else 17))


def _table(frame: bytes) -> bytes:
    """The name of the table that a frame holds instead of sound; empty without one."""
    place = _table_place(frame)
    name = frame[place : place + 4]
    if name in (b"Xing", b"Info"):
        return name
    return b"VBRI" if frame[36:40] == b"VBRI" else b""


def _promised(table: bytes) -> tuple[int | None, int]:
    """Number of frames and of bytes that a table tells."""
    if not table:
        return None, 0
    if _table(table) == b"VBRI":  # Which the decoder does not know.
        return int.from_bytes(table[50:54], "big"), int.from_bytes(table[46:50], "big")
    place = _table_place(table)
    flags = table[place + 7]
    at = place + 8
    count = int.from_bytes(table[at : at + 4], "big") if flags & 1 else None
    at += 4 * (flags & 1)
    return count, int.from_bytes(table[at : at + 4], "big") if flags & 2 else 0


def _view(data: Bytes, part: _Part, kind: _Kind) -> View:
    """The frames of a part without anything between, and the table that they should have."""
    length = sum(map(len, part.runs))
    if kind.layer != 3:
        first = _frame_length(data, part.runs[0].start, kind)
        more = max(0, (part.frames + 1) * first - length)  # Of which the length is guessed.
        return (*part.runs, bytes(more)) if more else tuple(part.runs)
    pieces: list[Piece] = [_new_table(data, part, kind, length), *part.runs]
    return tuple(pieces)


def _new_table(data: Bytes, part: _Part, kind: _Kind, length: int) -> bytes:
    count, _ = _promised(part.table)
    if count is not None:
        table = bytearray(part.table)
        at = _table_place(table) + 8
        flags = table[at - 1]
        table[at : at + 4] = part.frames.to_bytes(4, "big")
        if flags & 2:
            table[at + 4 : at + 8] = (length + len(table)).to_bytes(4, "big")
        at += sum(n for bit, n in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
        if part.frames != count and len(table) > at + 23:
            table[at + 22] &= 0xF0  # No padding: who knows where the end was.
            table[at + 23] = 0
        return bytes(table)
    return _table_of_frames(data, part, kind, length)


def _table_of_frames(data: Bytes, part: _Part, kind: _Kind, length: int) -> bytes:
    """A table where there was none, and a silent frame, which the decoder leaves out again.

    It leaves out 529 samples at least, the delay of any decoder, from a file that has a table.
    """
    head = bytearray(data[part.runs[0].start : part.runs[0].start + 4])
    head[1] |= 1  # No checksum.
    head[2] = head[2] & 0x0C | 9 << 4
    table = bytearray(_frame_length(bytes(head), 0, kind))
    table[:4] = head
    head[2] = head[2] & 0x0C | 1 << 4
    silence = bytes(head) + bytes(_frame_length(bytes(head), 0, kind) - 4)
    place = _table_place(table)
    total = length + len(table) + len(silence)
    numbers = (n.to_bytes(4, "big") for n in (3, part.frames + 1, total))
    table[place : place + 16] = b"Xing" + b"".join(numbers)
    encoder = place + 16
    table[encoder : encoder + 9] = b"LAME3.100"
    table[encoder + 21 : encoder + 24] = ((kind.samples - 529) << 12).to_bytes(3, "big")
    return bytes(table) + silence
