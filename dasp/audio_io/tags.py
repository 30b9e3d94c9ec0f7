"""What a file tells beside its samples: title and artist, marks, the time of day it was recorded.

Sources: RIFF, Microsoft 1991 (LIST, cue, smpl); EBU Tech 3285 (bext); AIFF, Apple 1989; RFC 9639
and the Vorbis comments; ID3v2.4.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import soundfile

from dasp.audio_io.chunked import walker_of
from dasp.audio_io.contents import after_id3
from dasp.audio_io.flac import blocks_of
from dasp.audio_io.mpeg import is_mpeg
from dasp.audio_io.ogg import packets_of

RIFF_CHUNKS = {
    b"bext": "bext (time and origin)", b"cue ": "cue points", b"smpl": "loops (smpl)",
    b"inst": "inst", b"iXML": "iXML", b"axml": "axml", b"LIST": "labels (adtl)",
    b"cart": "cart", b"_PMX": "XMP", b"id3 ": "ID3 tag", b"plst": "playlist", b"umid": "UMID",
    b"acid": "acid", b"strc": "strc", b"DISP": "DISP",
}  # fmt: skip
AIFF_CHUNKS = {
    b"MARK": "marks", b"INST": "loops (INST)", b"COMT": "comments", b"APPL": "APPL",
    b"ID3 ": "ID3 tag", b"MIDI": "MIDI",
}  # fmt: skip
"""Chunks that mean something to a person, and what they are called."""

_LARGEST = 2**26
"""Bytes of one chunk that are carried; a picture has less."""

_OF_THE_LEVEL = ("replaygain_", "r128_")
"""How the names of those comments begin that a change of the level makes wrong."""

_TECHNICAL = ("encoder", "waveformatextensible_channel_mask", "vendor")


@dataclass(frozen=True)
class Tags:
    """Tags, markers and pictures of an audio file; places are counted at its sample rate.

    Args:
        kind: "riff", "aiff", "flac", "ogg", "mpeg", or "" for others.
        sample_rate: Rate of the file in Hz.
        fields: Title, artist and so on, by their names in lower case.
        chunks: Chunks of RIFF and AIFF, pictures of FLAC, the whole tag of MPEG.
        others: Names of what in `chunks` only a file of the same kind can hold.
        stale: Names of what is not true of other samples, and is not copied.

    >>> bool(Tags()), Tags("flac", 44_100, {"title": "Song"}).fields["title"]
    (False, 'Song')
    """

    kind: str = ""
    sample_rate: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    others: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.fields or self.chunks or self.stale)


def read_tags(path: str | os.PathLike, sample_rate: int) -> Tags:
    """Read the tags of an audio file.

    Args:
        path: The file.
        sample_rate: Rate of the file in Hz.

    Returns:
        The tags; empty where there are none, or where they are damaged.

    >>> bool(read_tags("no such file.wav", 44_100))
    False
    """
    try:
        with open(path, "rb") as file:
            return tags_in(file, Path(path), sample_rate)
    except (ValueError, OSError):
        return Tags()


def tags_in(file: BinaryIO, path: Path, sample_rate: int) -> Tags:
    """Read the tags of an open audio file.

    Args:
        file: The file, open for reading bytes.
        path: Its name.
        sample_rate: Rate of the file in Hz.

    Returns:
        The tags; empty where there are none, or where they are damaged.
    """
    try:
        return _read(file, path, sample_rate)
    except (ValueError, IndexError, OverflowError, OSError):
        return Tags()


def _read(file: BinaryIO, path: Path, sample_rate: int) -> Tags:
    file.seek(after_id3(file))
    magic = file.read(4)
    if magic == b"fLaC":
        return _of_flac(file, sample_rate)
    if magic == b"OggS":
        return _with_comments("ogg", sample_rate, _ogg_comments(file))
    file.seek(0)
    magic = file.read(4)
    if magic in (b"RIFF", b"RF64", b"BW64"):
        return Tags("riff", sample_rate, *_of_riff(file))
    if magic == b"FORM":
        chunks = tuple(_chunks(file, AIFF_CHUNKS))
        return Tags("aiff", sample_rate, _strings(path), chunks)
    if magic[:3] == b"ID3":
        size = after_id3(file)
        file.seek(0)
        tag = file.read(size) if size < _LARGEST else b""
        chunks = ((b"ID3", tag),) if tag else ()
        return Tags("mpeg", sample_rate, _texts(tag), chunks, _other_frames(tag))
    if is_mpeg(magic):
        return Tags("mpeg", sample_rate, _old_texts(file))
    return Tags("", sample_rate, _strings(path))


def _strings(path: Path) -> dict[str, str]:
    """The tags that libsndfile reads."""
    with contextlib.suppress(soundfile.LibsndfileError, RuntimeError):
        name = os.fsencode(path) if os.name == "posix" else path
        with soundfile.SoundFile(name) as file:
            found = file.copy_metadata()
        found.pop("software", None)
        return {key: value for key, value in found.items() if value.strip()}
    return {}


# RIFF

INFO = {
    b"INAM": "title", b"IART": "artist", b"IPRD": "album", b"ICRD": "date", b"IGNR": "genre",
    b"ICMT": "comment", b"ICOP": "copyright", b"ITRK": "tracknumber", b"IPRT": "tracknumber",
    b"IENG": "engineer", b"IMUS": "composer", b"ISRC": "source", b"IKEY": "keywords",
    b"ISBJ": "subject", b"ILNG": "language", b"ITCH": "technician", b"ISRF": "source form",
    b"IARL": "archival location", b"ICMS": "commissioned", b"IMED": "medium",
}  # fmt: skip


def _of_riff(file: BinaryIO) -> tuple[dict[str, str], tuple[tuple[bytes, bytes], ...]]:
    fields: dict[str, str] = {}
    kept = []
    for name, content in _chunks(file, RIFF_CHUNKS):
        if name == b"LIST" and content[:4] == b"INFO":
            fields |= _info(content[4:])
        elif name != b"LIST" or content[:4] == b"adtl":
            kept.append((name, content))
    return fields, tuple(kept)


def _info(content: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    at = 0
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        text = _text(content[at + 8 : at + 8 + size])
        if name in INFO and text:
            fields.setdefault(INFO[name], text)
        at += 8 + size + size % 2
    return fields


def _chunks(file: BinaryIO, wanted: dict[bytes, str]) -> Iterator[tuple[bytes, bytes]]:
    for name, start, length in walker_of(file) or ():
        if name in wanted and length <= _LARGEST:
            file.seek(start)
            content = file.read(length)
            if len(content) == length:
                yield name, content


def _text(raw: bytes) -> str:
    raw = raw.split(b"\0")[0].strip()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


# MPEG

_FRAMES = (b"TIT2", b"TPE1", b"TALB", b"TYER", b"TDRC", b"TCON", b"TCOP", b"TRCK", b"COMM",
           b"TSSE", b"TENC")  # fmt: skip
"""Of ID3, those that have a name in every format, and those that tell of the encoder."""


_FRAME_FIELDS = {
    b"TIT2": "title", b"TPE1": "artist", b"TALB": "album", b"TYER": "date", b"TDRC": "date",
    b"TCON": "genre", b"TCOP": "copyright", b"TRCK": "tracknumber", b"COMM": "comment",
}  # fmt: skip
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")


def _frames(tag: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the frames of ID3v2.3 and 2.4."""
    at = 10
    while at + 10 <= len(tag) and tag[at : at + 4].isalnum() and tag[3] >= 3:
        size = tag[at + 4 : at + 8]
        length = int.from_bytes(size, "big")
        if tag[3] == 4:
            length = size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]
        yield tag[at : at + 4], tag[at + 10 : at + 10 + length]
        at += 10 + length


def _texts(tag: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, content in _frames(tag):
        if name not in _FRAME_FIELDS or not content or content[0] >= len(_ENCODINGS):
            continue
        text = content[4 if name == b"COMM" else 1 :].decode(_ENCODINGS[content[0]], "replace")
        if name == b"COMM":  # A description comes first.
            text = text.partition("\0")[2]
        text = text.lstrip("\ufeff").strip("\0 ").replace("\0", "; ")
        if text:
            fields.setdefault(_FRAME_FIELDS[name], text)
    return fields


def _old_texts(file: BinaryIO) -> dict[str, str]:
    """ID3v1: the 128 bytes at the end of files without another tag."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 128))
    tag = file.read()
    if tag[:3] != b"TAG" or len(tag) < 128:
        return {}
    places = {"title": 3, "artist": 33, "album": 63, "date": 93, "comment": 97}
    lengths = {"date": 4, "comment": 28}
    texts = {name: _text(tag[at : at + lengths.get(name, 30)]) for name, at in places.items()}
    return {name: text for name, text in texts.items() if text}


def _other_frames(tag: bytes) -> tuple[str, ...]:
    """Pictures and all other frames of a tag that are no text."""
    names = (name for name, _ in _frames(tag) if name not in _FRAMES)
    found = ("picture" if name == b"APIC" else f"ID3 {name.decode('ascii')}" for name in names)
    return tuple(dict.fromkeys(found))


# Comments of Vorbis


def _of_flac(file: BinaryIO, sample_rate: int) -> Tags:
    comments: list[tuple[str, str]] = []
    kept = []
    for kind, content in blocks_of(file):
        if kind == 4:
            comments = _comments(content)
        elif kind == 6:
            kept.append((b"PICTURE", content))
        elif kind == 5:
            kept.append((b"CUESHEET", content))
        elif kind == 2:
            kept.append((b"APPLICATION", content))
    return _with_comments("flac", sample_rate, comments, tuple(kept))


def _with_comments(
    kind: str,
    sample_rate: int,
    comments: list[tuple[str, str]],
    chunks: tuple[tuple[bytes, bytes], ...] = (),
) -> Tags:
    fields: dict[str, str] = {}
    stale = []
    for name, value in comments:
        name = name.lower()
        if name.startswith(_OF_THE_LEVEL):
            stale.append(name)
        elif name not in _TECHNICAL and value:
            fields[name] = f"{fields[name]}; {value}" if name in fields else value
    return Tags(kind, sample_rate, fields, chunks, stale=tuple(stale))


def _comments(content: bytes) -> list[tuple[str, str]]:
    """Name and value of each comment, up to the first that is broken."""
    found = []
    at = 4 + int.from_bytes(content[:4], "little")
    count = int.from_bytes(content[at : at + 4], "little")
    at += 4
    while count and at + 4 <= len(content):
        size = int.from_bytes(content[at : at + 4], "little")
        name, _, value = content[at + 4 : at + 4 + size].decode("utf-8", "replace").partition("=")
        found.append((name, value))
        at, count = at + 4 + size, count - 1
    return found


def _ogg_comments(file: BinaryIO) -> list[tuple[str, str]]:
    packets = packets_of(file, 2)
    if len(packets) < 2:
        return []
    for head in (b"\x03vorbis", b"OpusTags"):
        if packets[1].startswith(head):
            return _comments(packets[1][len(head) :])
    return []
