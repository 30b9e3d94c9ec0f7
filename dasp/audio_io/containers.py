"""What the container of an audio file says of its length, which libsndfile does not hold it to."""

import mmap
from typing import BinaryIO, TypeVar

from dasp.audio_io.chunked import aiff, core_audio, riff, sun, wave64
from dasp.audio_io.contents import Contents, after_id3
from dasp.audio_io.flac import flac
from dasp.audio_io.mpeg import is_mpeg, mpeg
from dasp.audio_io.ogg import checksum, ogg, page_size

MutableBytes = TypeVar("MutableBytes", bytearray, mmap.mmap)

_READERS = {
    b"RIFF": riff,
    b"RIFX": riff,
    b"RF64": riff,
    b"BW64": riff,
    b"FORM": aiff,
    b"riff": wave64,
    b"caff": core_audio,
    b".snd": sun,
    b"dns.": sun,
    b"fLaC": flac,
    b"OggS": ogg,
}


def contents_of(file: BinaryIO, is_named_mpeg: bool = False) -> Contents:
    """Find the samples of an audio file by its container.

    Args:
        file: The file, open for reading bytes.
        is_named_mpeg: Whether the name is that of MPEG audio, which may begin with anything.

    Returns:
        Where the samples are, and whether all are there; empty where the container cannot tell.
    """
    file.seek(0)
    magic = file.read(4)
    if magic in _READERS:
        return _READERS[magic](file)
    if magic[:3] == b"ID3":
        file.seek(after_id3(file))
        if file.read(4) == b"fLaC":
            return flac(file)
    if is_mpeg(magic) or is_named_mpeg:
        return mpeg(file)
    return Contents()


def without_chance(data: MutableBytes) -> MutableBytes:
    """Remove what differs from one time of writing to the next from an encoded file.

    libsndfile draws the serial number of an Ogg stream at random, and writes the time of day
    into WAV and AIFF files of floats.

    Args:
        data: The bytes of the file, which are changed in place.

    Returns:
        `data` itself.
    """
    if data[:4] == b"OggS":
        return _with_serial_number(data, 0)
    peak = data.find(b"PEAK", 0, 256)
    if data[:4] in (b"FORM", b"RIFF", b"RF64") and peak > 0:
        data[peak + 12 : peak + 16] = bytes(4)
    return data


def _with_serial_number(data: MutableBytes, number: int) -> MutableBytes:
    start = 0
    while start < len(data):
        end = start + page_size(data[start : start + 282])
        data[start + 14 : start + 18] = number.to_bytes(4, "little")
        data[start + 22 : start + 26] = checksum(bytes(data[start:end])).to_bytes(4, "little")
        start = end
    return data
