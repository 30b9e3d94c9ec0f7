"""What the head of a file says its channels are meant for.

Sources: WAVEFORMATEXTENSIBLE, Microsoft; Core Audio's channel layouts, Apple; RFC 9639 (FLAC);
the Vorbis I specification, 4.3.9; RFC 7845 (Opus).
"""

from typing import BinaryIO

from dasp.audio_io.chunked import walker_of
from dasp.audio_io.contents import Order, after_id3
from dasp.audio_io.flac import blocks_of
from dasp.layouts import USUAL, Layout, as_layout, of_mask

VORBIS = {
    3: as_layout("L C R"),
    4: as_layout("L R Lb Rb"),
    5: as_layout("L C R Lb Rb"),
    6: as_layout("L C R Lb Rb LFE"),
    7: as_layout("L C R Ls Rs Cs LFE"),
    8: as_layout("L C R Ls Rs Lb Rb LFE"),
}
"""The orders of Vorbis, which are those of Opus too."""

FLAC_MASK = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK="

_BITMAP = 1 << 16
_DESCRIPTIONS = 0
_CORE_AUDIO = {
    103: "L R", 107: "L R Lb Rb", 108: "L R Ls Rs", 113: "L R C", 114: "C L R", 115: "L R C Cs",
    116: "C L R Cs", 117: "L R C Ls Rs", 118: "L R Ls Rs C", 119: "L C R Ls Rs",
    120: "C L R Ls Rs", 121: "L R C LFE Ls Rs", 122: "L R Ls Rs C LFE", 123: "L C R Ls Rs LFE",
    124: "C L R Ls Rs LFE", 125: "L R C LFE Ls Rs Cs", 126: "L R C LFE Ls Rs Lc Rc",
    127: "C Lc Rc L R Ls Rs LFE", 128: "L R C LFE Ls Rs Lb Rb", 131: "L R Cs", 132: "L R Ls Rs",
    133: "L R LFE", 134: "L R LFE Cs", 135: "L R LFE Ls Rs", 136: "L R C LFE",
    137: "L R C LFE Cs", 138: "L R Ls Rs LFE", 141: "C L R Ls Rs Cs", 142: "C L R Ls Rs Cs LFE",
    143: "C L R Ls Rs Lb Rb", 144: "C L R Ls Rs Lb Rb Cs",
}  # fmt: skip
"""By the tag of a layout, without the number of its channels."""

_CORE_AUDIO_LABELS = {
    1: "L", 2: "R", 3: "C", 4: "LFE", 5: "Ls", 6: "Rs", 7: "Lc", 8: "Rc", 9: "Cs", 10: "Ls",
    11: "Rs", 12: "TC", 13: "TFL", 14: "TFC", 15: "TFR", 16: "TBL", 17: "TBC", 18: "TBR",
    33: "Lb", 34: "Rb", 38: "L", 39: "R", 42: "C",
}  # fmt: skip


def layout_in(file: BinaryIO, channels: int) -> Layout | None:
    """Read the layout of the channels from the head of a file.

    Args:
        file: The file, open for reading bytes.
        channels: Number of channels.

    Returns:
        The loudspeaker of each channel in the order of the file; None where the head does not tell.
    """
    file.seek(after_id3(file))
    magic = file.read(4)
    if magic == b"fLaC":
        found = _in_flac(file, channels)
    elif magic == b"OggS":
        found = _in_ogg(file, channels)
    else:
        found = _in_chunks(file, channels)
    if found is None and channels <= 2:
        return USUAL[channels]
    return found


def _in_chunks(file: BinaryIO, channels: int) -> Layout | None:
    file.seek(0)
    chain = walker_of(file)
    if chain is None:
        return None
    for name, start, length in chain:
        file.seek(start)
        if name == b"fmt ":
            form = file.read(min(length, 40))
            big = _is_big_endian(file)
            order: Order = "big" if big else "little"
            if len(form) >= 24 and int.from_bytes(form[:2], order) == 0xFFFE:
                return of_mask(int.from_bytes(form[20:24], order), channels)
        elif name in (b"CHAN", b"chan"):
            return _core_audio(file.read(min(length, 12 + 20 * channels)), channels)
    return None


def _is_big_endian(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) == b"RIFX"


def _core_audio(chunk: bytes, channels: int) -> Layout | None:
    if len(chunk) < 12:
        return None
    tag, bits = (int.from_bytes(chunk[i : i + 4], "big") for i in (0, 4))
    if tag == _BITMAP:
        return of_mask(bits, channels)
    if tag == _DESCRIPTIONS:
        labels = [int.from_bytes(chunk[i : i + 4], "big") for i in range(12, len(chunk) - 19, 20)]
        names = [_CORE_AUDIO_LABELS.get(label, "?") for label in labels]
    else:
        names = _CORE_AUDIO.get(tag >> 16, "").split()
    if len(names) != channels or set(names) == {"?"}:
        return None
    try:
        return as_layout(names)
    except ValueError:  # Of which one is there twice.
        return None


def _in_flac(file: BinaryIO, channels: int) -> Layout | None:
    for kind, content in blocks_of(file):
        if kind == 4:
            return _masked(content, channels) or USUAL.get(channels)
    return USUAL.get(channels)


def _masked(comments: bytes, channels: int) -> Layout | None:
    place = comments.upper().find(FLAC_MASK)
    if place < 0:
        return None
    text = comments[place + len(FLAC_MASK) :][:10].split(b"\0")[0]
    digits = text[2:] if text[:2].lower() == b"0x" else text
    digits = digits[: next((i for i, c in enumerate(digits) if c not in _HEX), len(digits))]
    return of_mask(int(digits, 16), channels) if digits else None


_HEX = b"0123456789abcdefABCDEF"


def _in_ogg(file: BinaryIO, channels: int) -> Layout | None:
    file.seek(0)
    page = file.read(282 + 64)
    packet = page[27 + page[26] :] if len(page) > 27 else b""
    if packet.startswith(b"\x01vorbis"):
        return VORBIS.get(channels)
    if packet.startswith(b"OpusHead"):
        family = packet[18]
        return VORBIS.get(channels) if family == 1 else None
    if packet.startswith(b"\x7fFLAC"):
        return USUAL.get(channels)
    return None
