"""What a file told beside its samples, in the new file that is made of it.

Places in time are counted at the new rate. What the format has no place for, and what is no
longer true of other samples, is named, so that it is not lost without a word.
"""

import io
import re
from typing import BinaryIO

from dasp.audio_io.contents import Order
from dasp.audio_io.layout_writing import core_audio_layout, is_told_by_itself, put_mask
from dasp.audio_io.tags import AIFF_CHUNKS, INFO, RIFF_CHUNKS, Tags
from dasp.layouts import UNKNOWN, Layout, layout_name, mask_of

BY_NAME = ("title", "copyright", "artist", "comment", "date", "album", "license", "tracknumber",
           "genre")  # fmt: skip
"""What libsndfile writes into Ogg by itself, when it is told before the samples."""

_ID3 = {
    "title": b"TIT2", "artist": b"TPE1", "album": b"TALB", "date": b"TDRC", "genre": b"TCON",
    "copyright": b"TCOP", "tracknumber": b"TRCK", "composer": b"TCOM", "bpm": b"TBPM",
    "isrc": b"TSRC", "albumartist": b"TPE2",
}  # fmt: skip
_AIFF_TEXTS = {"title": b"NAME", "artist": b"AUTH", "copyright": b"(c) ", "comment": b"ANNO"}
_NAMES = {**RIFF_CHUNKS, **AIFF_CHUNKS, b"PICTURE": "picture", b"CUESHEET": "cue sheet",
          b"APPLICATION": "application data", b"ID3": "ID3 tag"}  # fmt: skip
_UNKNOWN_LOUDNESS = (0x7FFF).to_bytes(2, "little")


def finish(
    file: BinaryIO, format: str, sample_rate: int, tags: Tags | None, layout: Layout | None
) -> tuple[str, ...]:
    """Add layout and tags to a file that is otherwise complete.

    Args:
        file: The file, open for reading and writing bytes.
        format: Format as libsndfile names it.
        sample_rate: In Hz.
        tags: Tags of another file, or None.
        layout: The loudspeaker of each channel, or None.

    Returns:
        One line on each thing that the format cannot hold.
    """
    lost = _put_layout(file, format, layout)
    if not tags:
        return lost
    own = {
        "WAV": _to_riff, "WAVEX": _to_riff, "RF64": _to_riff, "AIFF": _to_aiff, "CAF": _to_caf,
        "FLAC": _to_flac, "MP3": _to_mpeg, "OGG": _to_ogg,
    }.get(format)  # fmt: skip
    left = (
        own(file, sample_rate, tags, layout)
        if own
        else [*tags.fields, *(_NAMES[name] for name, _ in tags.chunks if name != b"ID3")]
    )
    if tags.kind != "mpeg" or format != "MP3":
        left += tags.others
    if left:
        lost += (f"not kept, {format} has no place for it here: {', '.join(dict.fromkeys(left))}",)
    if tags.stale:
        lost += (f"not kept, no longer true: {', '.join(tags.stale)}",)
    return lost


def _put_layout(file: BinaryIO, format: str, layout: Layout | None) -> tuple[str, ...]:
    if layout is None or is_told_by_itself(layout, format):
        return ()
    told = False
    if format in ("WAV", "WAVEX", "RF64"):
        told = put_mask(file, layout)
    elif format == "AIFF" and UNKNOWN not in layout:
        _append(file, [(b"CHAN", core_audio_layout(layout))], "big")
        told = True
    elif format == "CAF" and UNKNOWN not in layout:
        _append_core_audio(file, b"chan", core_audio_layout(layout))
        told = True
    elif format == "FLAC":
        told = True  # With the comments.
        _put_comments(file, {_MASK: f"0x{mask_of(layout):04X}"}, [])
    return () if told else (f"the layout {layout_name(layout)} is not kept: {format} tells none",)


_MASK = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK"


# RIFF and AIFF: chunks behind the samples


def _to_riff(file: BinaryIO, sample_rate: int, tags: Tags, layout: Layout | None) -> list[str]:
    names: dict[str, bytes] = {}
    for name, own in INFO.items():
        names.setdefault(own, name)
    texts = [(names[key], value) for key, value in tags.fields.items() if key in names]
    left = [key for key in tags.fields if key not in names]
    chunks = []
    if texts:
        chunks.append((b"LIST", b"INFO" + b"".join(_chunk(n, _zero_ended(t)) for n, t in texts)))
    if tags.kind == "riff":
        ratio = sample_rate / tags.sample_rate
        chunks += [
            (name, _moved(name, content, ratio, sample_rate)) for name, content in tags.chunks
        ]
    else:
        left += [_NAMES[name] for name, _ in tags.chunks if name != b"ID3"]
    _append(file, chunks, "little")
    return left


def _to_aiff(file: BinaryIO, sample_rate: int, tags: Tags, layout: Layout | None) -> list[str]:
    chunks = [
        (_AIFF_TEXTS[key], value.encode())
        for key, value in tags.fields.items() if key in _AIFF_TEXTS
    ]  # fmt: skip
    left = [key for key in tags.fields if key not in _AIFF_TEXTS]
    if tags.kind == "aiff":
        ratio = sample_rate / tags.sample_rate
        chunks += [
            (name, _moved_marks(content, ratio) if name == b"MARK" else content)
            for name, content in tags.chunks
        ]
    else:
        left += [_NAMES[name] for name, _ in tags.chunks if name != b"ID3"]
    _append(file, chunks, "big")
    return left


def _append(file: BinaryIO, chunks: list[tuple[bytes, bytes]], order: Order) -> None:
    size = file.seek(0, io.SEEK_END)
    more = bytes(size % 2) + b"".join(_chunk(name, content, order) for name, content in chunks)
    file.write(more)
    total = size + len(more) - 8
    file.seek(0)
    magic = file.read(4)
    if magic == b"RF64":
        file.seek(20)
        file.write(total.to_bytes(8, "little"))
    elif total < 2**32:
        file.seek(4)
        file.write(total.to_bytes(4, order))


def _chunk(name: bytes, content: bytes, order: Order = "little") -> bytes:
    return name + len(content).to_bytes(4, order) + content + bytes(len(content) % 2)


def _zero_ended(text: str) -> bytes:
    return text.encode() + b"\0"


def _moved(name: bytes, content: bytes, ratio: float, sample_rate: int) -> bytes:
    """A chunk with its places at another rate, and with its levels marked as unknown."""
    data = bytearray(content)
    if name == b"bext" and len(data) >= 346:
        _scale(data, 338, ratio, 8)
        if len(data) >= 422 and data[346] >= 2:
            data[412:422] = _UNKNOWN_LOUDNESS * 5
    elif name == b"cue ":
        for at in range(4, len(data) - 23, 24):
            _scale(data, at + 4, ratio)
            _scale(data, at + 20, ratio)
    elif name == b"smpl" and len(data) >= 36:
        data[8:12] = round(1e9 / sample_rate).to_bytes(4, "little")
        for at in range(36, len(data) - 23, 24):
            _scale(data, at + 8, ratio)
            _scale(data, at + 12, ratio)
    elif name == b"LIST":
        _scale_labels(data, ratio)
    elif name == b"iXML" and ratio != 1:
        return _moved_ixml(content, ratio, sample_rate)
    return bytes(data)


def _scale(data: bytearray, at: int, ratio: float, count: int = 4, order: Order = "little") -> None:
    value = round(int.from_bytes(data[at : at + count], order) * ratio)
    data[at : at + count] = min(value, 2 ** (8 * count) - 1).to_bytes(count, order)


def _scale_labels(data: bytearray, ratio: float) -> None:
    at = 4
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"ltxt" and at + 16 <= len(data):
            _scale(data, at + 12, ratio)
        at += 8 + size + size % 2


def _moved_ixml(content: bytes, ratio: float, sample_rate: int) -> bytes:
    def number(tag: bytes) -> int | None:
        found = re.search(rb"<%s>\s*(\d+)\s*</%s>" % (tag, tag), content)
        return int(found[1]) if found else None

    new = {}
    for tag in (b"FILE_SAMPLE_RATE", b"TIMESTAMP_SAMPLE_RATE", b"DIGITIZER_SAMPLE_RATE"):
        if number(tag) is not None:
            new[tag] = sample_rate
    high, low = (number(b"TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_" + n) for n in (b"HI", b"LO"))
    if low is not None:
        place = round(((high or 0) * 2**32 + low) * ratio)
        new[b"TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI"] = place >> 32
        new[b"TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO"] = place & 0xFFFF_FFFF
    for tag, value in new.items():
        content = re.sub(rb"(<%s>)\s*\d+\s*(</%s>)" % (tag, tag), rb"\g<1>%d\g<2>" % value, content)
    return content


def _moved_marks(content: bytes, ratio: float) -> bytes:
    data, at = bytearray(content), 2
    while at + 7 <= len(data):
        _scale(data, at + 2, ratio, order="big")
        length = data[at + 6] + 1
        at += 6 + length + length % 2
    return bytes(data)


# CAF


def _to_caf(file: BinaryIO, sample_rate: int, tags: Tags, layout: Layout | None) -> list[str]:
    names = {"tracknumber": "track number", "date": "year", "comment": "comments"}
    texts = [(names.get(key, key), value) for key, value in tags.fields.items()]
    if texts:
        body = len(texts).to_bytes(4, "big")
        body += b"".join(_zero_ended(key) + _zero_ended(value) for key, value in texts)
        _append_core_audio(file, b"info", body)
    return [_NAMES[name] for name, _ in tags.chunks if name != b"ID3"]


def _append_core_audio(file: BinaryIO, name: bytes, body: bytes) -> None:
    file.seek(0, io.SEEK_END)
    file.write(name + len(body).to_bytes(8, "big") + body)


# FLAC, MPEG and Ogg


def _to_flac(file: BinaryIO, sample_rate: int, tags: Tags, layout: Layout | None) -> list[str]:
    pictures = [content for name, content in tags.chunks if name == b"PICTURE"]
    fields = {key.upper(): value for key, value in tags.fields.items()}
    if not is_told_by_itself(layout, "FLAC"):
        fields[_MASK] = f"0x{mask_of(layout or ()):04X}"
    _put_comments(file, fields, pictures)
    return [_NAMES[name] for name, _ in tags.chunks if name not in (b"PICTURE", b"ID3")]


def _put_comments(file: BinaryIO, fields: dict[str, str], pictures: list[bytes]) -> None:
    """Blocks behind the first of the head, in the place of those comments that are there."""
    file.seek(0)
    head = file.read(42)
    vendor = b"dasp"
    comments = [f"{key}={value}".encode() for key, value in fields.items()]
    body = len(vendor).to_bytes(4, "little") + vendor + len(comments).to_bytes(4, "little")
    body += b"".join(len(text).to_bytes(4, "little") + text for text in comments)
    blocks = [(4, body), *((6, picture) for picture in pictures if len(picture) < 2**24)]
    place, is_last = 42, bool(head[4] & 0x80)
    while not is_last:
        file.seek(place)
        block = file.read(4)
        length = int.from_bytes(block[1:], "big")
        is_last = bool(block[0] & 0x80)
        if block[0] & 0x7F not in (1, 4, 6):
            file.seek(place + 4)
            blocks.append((block[0] & 0x7F, file.read(length)))
        place += 4 + length
    new = bytes([head[4] & 0x7F]) + head[5:]
    for i, (kind, content) in enumerate(blocks):
        kind |= 0x80 if i == len(blocks) - 1 else 0
        new += bytes([kind]) + len(content).to_bytes(3, "big") + content
    _replace(file, 4, place, new)


def _to_mpeg(file: BinaryIO, sample_rate: int, tags: Tags, layout: Layout | None) -> list[str]:
    if tags.kind == "mpeg" and tags.chunks:
        _replace(file, 0, 0, tags.chunks[0][1])
        return []
    frames = b""
    for key, value in tags.fields.items():
        text = b"\3" + value.encode()
        if key == "comment":
            name, text = b"COMM", b"\3eng\0" + value.encode()
        elif key in _ID3:
            name = _ID3[key]
        else:
            name, text = b"TXXX", b"\3" + _zero_ended(key) + value.encode()
        frames += name + _syncsafe(len(text)) + bytes(2) + text
    if frames:
        _replace(file, 0, 0, b"ID3\4\0\0" + _syncsafe(len(frames)) + frames)
    return [_NAMES[name] for name, _ in tags.chunks if name != b"ID3"]


def _to_ogg(file: BinaryIO, sample_rate: int, tags: Tags, layout: Layout | None) -> list[str]:
    left = [key for key in tags.fields if key not in BY_NAME]  # The others are there already.
    return left + [_NAMES[name] for name, _ in tags.chunks if name != b"ID3"]


def _syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _replace(file: BinaryIO, start: int, stop: int, new: bytes) -> None:
    """Replace bytes of a file, and move all that follows."""
    shift = len(new) - (stop - start)
    size = file.seek(0, io.SEEK_END)
    if shift > 0:
        end = size
        while end > stop:
            begin = max(stop, end - 2**20)
            file.seek(begin)
            block = file.read(end - begin)
            file.seek(begin + shift)
            file.write(block)
            end = begin
    elif shift < 0:
        for begin in range(stop, size, 2**20):
            file.seek(begin)
            block = file.read(min(2**20, size - begin))
            file.seek(begin + shift)
            file.write(block)
        file.truncate(size + shift)
    file.seek(start)
    file.write(new)
