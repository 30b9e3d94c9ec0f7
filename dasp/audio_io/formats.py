"""Formats and subtypes, by the names that libsndfile has for them."""

import os
from functools import cache
from pathlib import Path

import soundfile
import torch

from dasp.audio_io.errors import AudioFileError

_ENDINGS = {"AIF": "AIFF", "OGA": "OGG", "OPUS": "OGG", "SND": "AU"}
"""Endings that are not called as libsndfile calls the format."""

READABLE = {"WAV", "RF64", "FLAC", "AIFF", "OGG", "MP3", "W64", "CAF", "AU"}

AUDIO_SUFFIXES = frozenset(f".{name.lower()}" for name in {*READABLE, *_ENDINGS})
"""What the names of audio files end in."""

PCM_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}

FLOATS = {"FLOAT": torch.float32, "DOUBLE": torch.float64}

MOST_CHANNELS = {"FLAC": 8, "MP3": 2}


def has_subtype(path: str | os.PathLike, subtype: str) -> bool:
    """Whether the format that a name ends in can store samples so."""
    format, _ = format_of(Path(path), None)
    return soundfile.check_format(format, subtype)


def readable_formats() -> dict[str, bool]:
    """The formats that are read and written here, and whether libsndfile was built with each."""
    return {format: format in known_formats() for format in sorted(READABLE)}


def format_of(path: Path, subtype: str | None) -> tuple[str, str]:
    """The format that a name ends in, and a subtype that it has: "PCM_24" if none is given."""
    format = format_named(path)
    if format not in known_formats() or format == "RAW":
        raise AudioFileError(path, "cannot tell the format from the name; use .wav or .flac")
    if subtype is None:
        has_24_bits = soundfile.check_format(format, "PCM_24")
        if path.suffix.lower() == ".opus":
            return format, "OPUS"
        return format, "PCM_24" if has_24_bits else soundfile.default_subtype(format)
    subtype = subtype.upper()
    if not soundfile.check_format(format, subtype):
        subtypes = ", ".join(soundfile.available_subtypes(format))
        raise AudioFileError(path, f"{format} has no subtype {subtype} (it has {subtypes})")
    return format, subtype


def format_named(path: Path) -> str:
    """What a name ends in, as libsndfile calls it, whether or not that is a format."""
    format = path.suffix.removeprefix(".").upper()
    return _ENDINGS.get(format, format)


@cache
def known_formats() -> set[str]:
    """The formats of this libsndfile."""
    return set(soundfile.available_formats())


def bytes_each(subtype: str) -> int:
    """What a sample takes in a file; of compressed formats, what it takes before."""
    return PCM_BITS.get(subtype, 64 if subtype == "DOUBLE" else 32) // 8
