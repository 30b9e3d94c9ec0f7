"""Formats and subtypes, by the names that libsndfile has for them."""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import soundfile
import torch

from dasp.audio_io.errors import AudioFileError

_ENDINGS = {
    "AIF": "AIFF", "AIFC": "AIFF", "AIFFC": "AIFF",
    "WAVE": "WAV", "BWF": "WAV", "AMB": "WAV",
    "OGA": "OGG", "OGX": "OGG", "OPUS": "OGG",
    "SND": "AU", "CAFF": "CAF",
}  # fmt: skip
"""Endings that are not called as libsndfile calls the format."""

_READ_ONLY = ("MP1", "MP2", "MPGA")
"""Endings of what is read and not written."""

READABLE = {"WAV", "RF64", "FLAC", "AIFF", "OGG", "MP3", "W64", "CAF", "AU"}

AUDIO_SUFFIXES = frozenset(f".{name.lower()}" for name in (*READABLE, *_ENDINGS, *_READ_ONLY))
"""What the names of audio files end in, in lower case. All commands go by this list."""

_OWN_SUFFIXES = (".json", ".jsonl")
"""Of the documents and journals that are written beside audio."""

_MOST_NAMED = 8

PCM_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}

FLOATS = {"FLOAT": torch.float32, "DOUBLE": torch.float64}

MOST_CHANNELS = {"FLAC": 8, "MP3": 2}


def has_audio_name(path: Path) -> bool:
    """Whether a file is audio by its name: an ending that is known, in any case, and no dot first.

    >>> has_audio_name(Path("Kick.WAV")), has_audio_name(Path("._Kick.wav"))
    (True, False)
    """
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")


def passed_over(folder: Path, files: Iterable[Path]) -> list[str]:
    """A line, for a person to read, on those files of a folder that are no audio by their names.

    >>> passed_over(Path("in"), [Path("in/a.wav"), Path("in/b.m4a"), Path("in/mix.json")])
    ['in: passed over 1 file that is no audio by its name: b.m4a']
    """
    others = [
        file for file in files
        if not has_audio_name(file) and not file.name.startswith(".")
        and file.suffix.lower() not in _OWN_SUFFIXES
    ]  # fmt: skip
    if not others:
        return []
    names = [file.relative_to(folder).as_posix() for file in others[:_MOST_NAMED]]
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    are = (
        "files that are no audio by their names"
        if others[1:]
        else "file that is no audio by its name"
    )
    return [f"{folder}: passed over {len(others)} {are}: {', '.join(names)}{more}"]


def has_subtype(path: str | os.PathLike, subtype: str) -> bool:
    """Whether the format that a name ends in can store samples so."""
    format, _ = format_of(Path(path), None)
    return soundfile.check_format(format, subtype)


_SPEECH = ("GSM610", "NMS_ADPCM", "G721", "G723", "VOX_ADPCM")
"""Subtypes of one channel only."""

_OPUS_RATES = (8000, 12_000, 16_000, 24_000, 48_000)

_NO_ENCODER = ("MPEG_LAYER_I", "MPEG_LAYER_II")


def subtype_like(
    path: str | os.PathLike, format: str, subtype: str, channels: int, sample_rate: float
) -> str | None:
    """How to store what came from a file of a format and a subtype, in one that is named.

    Integers and floats stay as they are where the format has them. What a codec has made is no
    way to store in another container: it stays only within its own. None is the format's usual.
    """
    own = format_named(Path(path))
    linear = subtype in PCM_BITS or subtype in FLOATS
    if not linear:
        is_own = own == ("WAV" if format == "WAVEX" else format)
        fits = (
            is_own
            and subtype not in _NO_ENCODER
            and (channels == 1 or not subtype.startswith(_SPEECH))
            and (subtype != "OPUS" or sample_rate in _OPUS_RATES)
            and (subtype == "OPUS" or Path(path).suffix.lower() != ".opus")
        )
        if not fits:
            return None
    return subtype if has_subtype(path, subtype) else None


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
