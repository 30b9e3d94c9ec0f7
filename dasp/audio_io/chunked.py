"""Files of chunks, and AU: where their samples are and how many there really are.

Recorders die before they write the length, programs that write into a pipe never learn it, and 32
bits cannot hold more than 4 GiB of it. Such files are read to their end. What is shorter than it
says is cut off, and what goes on behind its end with no chunk is not understood: both are refused.

Sources: RIFF and RF64, EBU Tech 3306; AIFF, Apple 1989; AU, Sun's audio(4); W64, Sonic Foundry;
CAF, Apple 2005.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from dasp.audio_io.contents import Contents, Order, View, end_of_samples, patched
from dasp.audio_io.linear import linear_wav
from dasp.audio_io.mpeg import mpeg_within

MOST_CHUNKS = 10_000
"""After so many the samples are not looked for any more: a file can hold millions of nothing."""

_PADDING = 4096
"""Fewer zeros than that fill a block at the end of a file, and are no samples."""

_LAST_CHUNKS = 2**20
"""So much is searched for the chunks that stand behind samples of unknown length."""

_SAMPLES = (
    b"RIFF",
    b"RF64",
    b"BW64",
    b"RIFX",
    b"FORM",
    b"riff",
    b"caff",
    b".snd",
    b"data",
    b"SSND",
)
"""What begins more samples, and does not stand behind them."""

_MPEG = (0x50, 0x55)
_MS_ADPCM, _IMA_ADPCM, _GSM = 0x02, 0x11, 0x31

_LINEAR_AIFF = (
    b"", b"NONE", b"sowt", b"twos", b"in24", b"in32", b"fl32", b"fl64", b"FL32", b"FL64", b"raw ",
    b"23ni", b"42ni", b"alaw", b"ulaw", b"ALAW", b"ULAW",
)  # fmt: skip

_KNOWN = (
    b"LIST", b"list", b"INFO", b"bext", b"iXML", b"axml", b"chna", b"cue ", b"plst", b"smpl",
    b"inst", b"id3 ", b"ID3 ", b"_PMX", b"PEAK", b"fact", b"JUNK", b"junk", b"PAD ", b"FLLR",
    b"FREE", b"free", b"Fake", b"acid", b"strc", b"DISP", b"afsp", b"umid", b"levl", b"cart",
    b"minf", b"elm1", b"regn", b"LGWV", b"SAUR", b"Cr8r", b"note", b"labl", b"ltxt", b"AFAn",
    b"NAME", b"AUTH", b"(c) ", b"ANNO", b"MARK", b"INST", b"COMT", b"MIDI", b"APPL", b"AESD",
    b"CHAN", b"COMM", b"FVER", b"info", b"strg", b"mark", b"midi", b"uuid", b"ovvw", b"chan",
    b"pakt", b"kuki", b"edct", b"ResU", b"LYRC",
)  # fmt: skip

_PLAIN = {b"fmt ", b"fact", b"data", b"JUNK", b"junk", b"PAD ", b"FLLR", b"bext", b"LIST", b"iXML"}
"""What may stand in front of linear samples, and does not tell of a codec or of another format."""


@dataclass(frozen=True)
class _Chain:
    """The order in which the chunks of a container follow one another."""

    walk: Callable[..., Iterator[tuple[bytes, int, int]]]
    align: int

    def after(self, end: int) -> int:
        """The start of the next chunk, aligned behind the end of one."""
        return -(-end // self.align) * self.align


@dataclass(frozen=True)
class _Head:
    """The place of the samples in a container, and what the head says of them."""

    start: int
    declared: int
    order: Order
    chain: _Chain | None
    mend: Callable[[int, int], list[tuple[int, bytes]]]
    """What stands where in a head of so many bytes of samples, in so many blocks."""
    own: int = 0
    """Bytes at the start that belong to the chunk, and are no samples."""
    block: int = 1
    """Bytes of a frame, or of a packet of compressed ones."""
    samples: int = 0
    """How many frames are in a block; 0 where that is not known."""
    told: int = 0
    """How many frames there are by another word of the head, where the last packet is filled up."""
    can_grow: bool = False
    """Whether more than 32 bits can count needs the head of another format."""


def riff(file: BinaryIO) -> Contents:
    """Find the samples of a WAV, RF64 or BW64 file.

    Args:
        file: The file, open for reading bytes.

    Returns:
        Where the samples are, and whether all are there.
    """
    file.seek(0)
    head_of_all = file.read(12)
    kind = head_of_all[:4]
    order: Order = "big" if kind == b"RIFX" else "little"
    block, samples, told, code, ds64, place = 1, 0, 0, 0, None, None
    form, names = b"", []
    for name, start, length in _walk(file, 12, order):
        file.seek(start)
        names.append(name)
        if name == b"ds64":  # Where the sizes are that 32 bits cannot hold.
            ds64 = start, int.from_bytes(file.read(16)[8:], order)
        elif name == b"fmt ":
            form = file.read(min(length, 40))
            block, samples = _wave_format(form, order)
            code = int.from_bytes(form[:2], order)
        elif name == b"fact":
            told = int.from_bytes(file.read(4), order)
        elif name == b"data":
            place = start, length
            break
    if place is None:
        return _NOWHERE
    start, declared = place
    is_64 = kind in (b"RF64", b"BW64")
    if is_64 and ds64 and declared == 0xFFFF_FFFF:
        declared = ds64[1]

    def mend(length: int, blocks: int) -> list[tuple[int, bytes]]:
        form = start - 8 + length + length % 2
        if is_64 and ds64:
            sizes = (n.to_bytes(8, order) for n in (form, length))
            return [(0, b"RF64"), (ds64[0], b"".join(sizes)), (start - 4, b"\xff" * 4)]
        magic = [(0, b"RIFF")] if is_64 else []
        sizes_32 = [(4, form), (start - 4, length)]
        return magic + [(at, min(n, 2**32 - 1).to_bytes(4, order)) for at, n in sizes_32]

    head = _Head(
        start, declared, order, _RIFF, mend, block=block, samples=samples, told=told,
        can_grow=order == "little" and not (is_64 and ds64),
    )  # fmt: skip
    contents = _judge(file, head, _size(file))
    if code in _MPEG and not contents.problem:
        length = len(contents.views[0][-1]) if contents.views else declared
        return mpeg_within(file, start, start + length)
    is_strange = kind == b"BW64" or (is_64 and (not ds64 or ds64[1] != declared))
    if is_strange and not contents.views and not contents.problem:
        return replace(contents, views=_read_to(head, declared).views)
    is_plain = kind == b"RIFF" and head_of_all[8:] == b"WAVE" and names.count(b"fmt ") == 1
    if is_plain and _PLAIN.issuperset(names) and not contents.problem and not contents.views:
        return replace(contents, linear=linear_wav(form, start))
    return contents


def aiff(file: BinaryIO) -> Contents:
    """Find the samples of an AIFF or AIFF-C file.

    Args:
        file: The file, open for reading bytes.

    Returns:
        Where the samples are, and whether all are there.
    """
    block, samples, common, place = 1, 0, None, None
    for name, start, length in _walk(file, 12, "big"):
        if name == b"COMM" and common is None:
            common = start
            file.seek(start)
            block, samples = _aiff_format(file.read(min(length, 22)))
        elif name == b"SSND" and place is None:
            place = start, length
        if common and place:
            break
    if place is None:
        return _NOWHERE
    start, declared = place

    def mend(length: int, blocks: int) -> list[tuple[int, bytes]]:
        sizes = [(4, start - 8 + length), (start - 4, length)]
        if common and samples == 1:
            sizes.append((common + 2, blocks))
        return [(at, min(n, 2**32 - 1).to_bytes(4, "big")) for at, n in sizes]

    return _judge(
        file, _Head(start, declared, "big", _RIFF, mend, 8, block, samples), _size(file)
    )  # fmt: skip


def wave64(file: BinaryIO) -> Contents:
    """Find the samples of a Sonic Foundry W64 file.

    Args:
        file: The file, open for reading bytes.

    Returns:
        Where the samples are, and whether all are there.
    """
    block, samples = 1, 0
    for name, start, length in _walk_wave64(file, 40):
        if name == b"fmt ":
            file.seek(start)
            block, samples = _wave_format(file.read(min(length, 40)), "little")
        elif name == b"data":

            def mend(length: int, blocks: int, start: int = start) -> list[tuple[int, bytes]]:
                sizes = [(16, start + length), (start - 8, length + 24)]
                return [(at, n.to_bytes(8, "little")) for at, n in sizes]

            head = _Head(start, length, "little", _WAVE64, mend, block=block, samples=samples)
            return _judge(file, head, _size(file))
    return _NOWHERE


def core_audio(file: BinaryIO) -> Contents:
    """Find the samples of an Apple CAF file.

    Args:
        file: The file, open for reading bytes.

    Returns:
        Where the samples are, and whether all are there.
    """
    block, samples = 1, 0
    for name, start, length in _walk_core_audio(file, 8):
        if name == b"desc":
            file.seek(start)
            form = file.read(32)
            samples = int(form[8:12] in (b"lpcm", b"alaw", b"ulaw"))
            block = max(1, int.from_bytes(form[16:20], "big"))
        elif name == b"data":

            def mend(length: int, blocks: int, start: int = start) -> list[tuple[int, bytes]]:
                return [(start - 8, length.to_bytes(8, "big"))]

            head = _Head(start, length, "big", _CORE_AUDIO, mend, 4, block, samples)
            return _judge(file, head, _size(file))
    return _NOWHERE


def sun(file: BinaryIO) -> Contents:
    """Find the samples of a Sun AU file.

    Args:
        file: The file, open for reading bytes.

    Returns:
        Where the samples are, and whether all are there.
    """
    file.seek(0)
    head = file.read(24)
    order: Order = "big" if head[:4] == b".snd" else "little"
    start, declared, encoding, _, channels = (
        int.from_bytes(head[i : i + 4], order) for i in range(4, 24, 4)
    )
    if len(head) < 24 or start < 24:
        return _NOWHERE
    each = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(encoding)

    def mend(length: int, blocks: int) -> list[tuple[int, bytes]]:
        return [(8, min(length, 2**32 - 1).to_bytes(4, order))]

    block = max(1, channels * (each or 1))
    found = _Head(start, declared, order, None, mend, block=block, samples=int(each is not None))
    return _judge(file, found, _size(file))


def _wave_format(form: bytes, order: Order) -> tuple[int, int]:
    """Size of a block in bytes, and its number of frames."""
    code, channels = (int.from_bytes(form[i : i + 2], order) for i in (0, 2))
    block, bits = (int.from_bytes(form[i : i + 2], order) for i in (12, 14))
    if code in (_MS_ADPCM, _IMA_ADPCM, _GSM):
        return max(1, block), int.from_bytes(form[18:20], order)
    if code == 0xFFFE:
        code = int.from_bytes(form[24:26], order)
    is_linear = code in (1, 3, 6, 7) and block == channels * -(-bits // 8)
    return max(1, block), int(is_linear)


def _aiff_format(common: bytes) -> tuple[int, int]:
    channels, bits = (int.from_bytes(common[i : i + 2], "big") for i in (0, 6))
    return max(1, channels * -(-bits // 8)), int(common[18:22] in _LINEAR_AIFF)


def walker_of(file: BinaryIO) -> Iterator[tuple[bytes, int, int]] | None:
    """Walk the chunks of a file.

    Args:
        file: The file, open for reading bytes.

    Returns:
        Name, start and size in bytes of each chunk; None if the format has no chunks.
    """
    file.seek(0)
    magic = file.read(4)
    if magic in (b"RF64", b"BW64"):
        return _walk_64(file)
    if magic == b"RIFF":
        return _walk(file, 12, "little")
    if magic in (b"RIFX", b"FORM"):
        return _walk(file, 12, "big")
    if magic == b"riff":
        return _walk_wave64(file, 40)
    return _walk_core_audio(file, 8) if magic == b"caff" else None


# The judgement


_NOWHERE = Contents("is not audio, or is damaged: nothing in it says where its samples are")


def _judge(file: BinaryIO, head: _Head, size: int) -> Contents:
    if head.start > size:
        return Contents(f"is cut off: its samples begin at byte {head.start}, it has {size}")
    present = size - head.start
    is_empty = head.declared <= head.own
    unknown = _is_unknown(head.declared) or (is_empty and present >= head.own + head.block)
    if head.declared <= present and _ends(file, head, head.declared, size, strictly=is_empty):
        return Contents(frames=_frames(head, head.declared))
    if unknown:
        if other := _second_head(file, head):
            return Contents(f"is damaged: where its samples should begin there is {other}")
        return _read_to(head, _until_last_chunks(file, head, size))
    if head.declared > present:
        promised = f"its head promises {head.declared} bytes of samples, {present} are there"
        return _read_to(head, present, f"is cut off: {promised}", 1 - present / head.declared)
    if whole := _wrapped(file, head, size):
        return _read_to(head, whole)
    if follows := _second_file(file, head):
        why = f"holds two files: behind {head.declared} bytes of samples there is {follows}"
        return _read_to(head, head.declared, why)
    more = present - head.declared
    why = f"its head promises {head.declared} bytes of samples, {more} more follow, and no chunks"
    return _read_to(head, present, f"holds more than its head says: {why}")


def _read_to(
    head: _Head, length: int, problem: str | None = None, missing: float | None = None
) -> Contents:
    """The contents of a file whose samples end at a known place."""
    length = max(0, length)
    blocks = max(0, length - head.own) // head.block
    if head.samples == 1:
        length = head.own + blocks * head.block
    end = head.start + length
    if head.can_grow and end >= 2**32:
        view = _as_rf64(head, length)
    else:
        view = patched(end, head.mend(length, blocks))
    return Contents(problem, missing, (view,), _frames(head, length))


def _frames(head: _Head, length: int) -> int | None:
    """Number of frames in a number of bytes, where the head tells."""
    whole, rest = divmod(max(0, length - head.own), head.block)
    if head.samples > 1 and whole - 1 < head.told / head.samples <= whole + bool(rest):
        return head.told
    if head.samples > 1 and rest:
        return None
    return whole * head.samples if head.samples else None


def _as_rf64(head: _Head, length: int) -> View:
    """A view of a WAV that is too long for 32 bits as RF64."""
    sizes = b"".join(
        n.to_bytes(8, "little") for n in (length + head.start + 28, length, length // head.block)
    )
    ds64 = b"ds64" + (28).to_bytes(4, "little") + sizes + bytes(4)
    start = b"RF64" + b"\xff" * 4 + b"WAVE" + ds64
    samples = range(head.start, head.start + length)
    return (start, range(12, head.start - 4), b"\xff" * 4, samples)


def _is_unknown(declared: int) -> bool:
    """Whether a length is what a program writes that cannot know it.

    All of them are the largest number of a kind, less a head, and rounded down to some block:
    of 32 bits with a sign or without, the largest that AIFF takes (0x7F000000), 64 bits.
    """
    near = (0x7F00_0000, 2**31, 2**32)
    return declared > 2**60 or any(end - 2**16 <= declared <= end + 64 for end in near)


def _wrapped(file: BinaryIO, head: _Head, size: int) -> int | None:
    """The true length, where the head tells it modulo 2^32; None if no such length fits."""
    present = size - head.start
    for length in range(head.declared + 2**32, present + 1, 2**32):
        if _ends(file, head, length, size):
            return length
    return None


def _ends(file: BinaryIO, head: _Head, length: int, size: int, strictly: bool = False) -> bool:
    """Whether samples of that length end there: with the file, with chunks, or with padding.

    Strictly padding is no end, since it may be all that was recorded.
    """
    end = head.start + length
    places = {end, head.chain.after(end)} if head.chain else {end}
    if size - end < head.block or end_of_samples(file, size) in places:
        return True
    if not strictly and any(_is_padding(file, place, size) for place in places):
        return True
    return any(_only_chunks(file, head, place, size) for place in places)


def _only_chunks(file: BinaryIO, head: _Head, start: int, size: int) -> bool:
    """Whether only chunks follow up to the end, of which the last may be cut off."""
    if head.chain is None:
        return False
    end = start
    for name, place, length in head.chain.walk(file, start, head.order):
        is_known = name in _KNOWN
        if name in _SAMPLES or not (is_known or _is_name(name)):
            break
        end = place + length
        if end > size:
            return is_known
        after = head.chain.after(end)
        if after >= size or end_of_samples(file, size) in (end, after):
            return True
    rest = min(size, head.chain.after(end))
    return end > start and (size - rest < 8 or _is_padding(file, rest, size))


def _is_name(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii").isprintable()


def _is_padding(file: BinaryIO, start: int, size: int) -> bool:
    file.seek(start)
    return size - start < _PADDING and not any(file.read(size - start))


def _until_last_chunks(file: BinaryIO, head: _Head, size: int) -> int:
    """Bytes of samples before the chunks at the end, if there are any."""
    size = end_of_samples(file, size)
    chain = head.chain
    if chain is None:
        return size - head.start
    first = max(head.start + head.own, size - _LAST_CHUNKS)
    file.seek(first)
    tail = file.read(size - first)
    places = set()
    for name in _KNOWN:
        at = tail.find(name)
        while at >= 0:
            places.add(first + at)
            at = tail.find(name, at + 1)
    for place in sorted(places):
        if (place - head.start) % 2 == 0 and _whole_chain(file, chain, head.order, place, size):
            return place - head.start
    return size - head.start


def _whole_chain(file: BinaryIO, chain: _Chain, order: Order, start: int, size: int) -> bool:
    """Whether known chunks follow one another up to the very end."""
    for name, place, length in chain.walk(file, start, order):
        if name not in _KNOWN:
            return False
        if place + length in (size, size - 1) or chain.after(place + length) == size:
            return True
        if place + length > size:
            return False
    return False


def _second_head(file: BinaryIO, head: _Head) -> str | None:
    file.seek(head.start + head.own)
    magic = file.read(4)
    return f"another head ({magic.decode()})" if magic in _SAMPLES else None


def _second_file(file: BinaryIO, head: _Head) -> str | None:
    end = head.start + head.declared
    for place in (end, end + 1):
        file.seek(place)
        magic = file.read(4)
        if magic in _SAMPLES:
            return f"another ({magic.decode()})"
    return None


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


# Chunks


def _walk(file: BinaryIO, start: int, order: Order) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of each chunk."""
    end = _size(file)
    for _ in range(MOST_CHUNKS):
        if start > end:
            return
        file.seek(start)
        head = file.read(8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], order)
        yield head[:4], start + 8, size
        start += 8 + size + size % 2


def _walk_64(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of RF64, of which one is longer than its 32-bit size can say."""
    long = 0
    for name, start, size in _walk(file, 12, "little"):
        if name == b"ds64":
            file.seek(start)
            long = int.from_bytes(file.read(16)[8:], "little")
        if name == b"data" and size == 0xFFFF_FFFF and long:
            yield name, start, long
            yield from _walk(file, start + long + long % 2, "little")
            return
        yield name, start, size


def _walk_wave64(
    file: BinaryIO, start: int, order: Order = "little"
) -> Iterator[tuple[bytes, int, int]]:
    end = _size(file)
    for _ in range(MOST_CHUNKS):
        if start > end:
            return
        file.seek(start)
        head = file.read(24)
        size = int.from_bytes(head[16:], order)  # With the head itself.
        if len(head) < 24 or size < 24:
            return
        yield head[:4], start + 24, size - 24
        start += -(-size // 8) * 8


def _walk_core_audio(
    file: BinaryIO, start: int, order: Order = "big"
) -> Iterator[tuple[bytes, int, int]]:
    end = _size(file)
    for _ in range(MOST_CHUNKS):
        if start > end:
            return
        file.seek(start)
        head = file.read(12)
        size = int.from_bytes(head[4:], order)
        if len(head) < 12:
            return
        yield head[:4], start + 12, size
        start += 12 + size


_RIFF = _Chain(_walk, 2)
_WAVE64 = _Chain(_walk_wave64, 8)
_CORE_AUDIO = _Chain(_walk_core_audio, 1)
