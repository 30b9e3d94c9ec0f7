"""Formats and subtypes, by the names that libsndfile has for them."""

import os
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

import soundfile
import torch

from dasp.audio_io.errors import AudioFileError
from dasp.file_names import as_path

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

SUBTYPES = (*PCM_BITS, *FLOATS)
"""How samples can be stored, in the formats that have a choice."""

MOST_CHANNELS = {"FLAC": 8, "MP3": 2}


def has_audio_name(path: Path) -> bool:
    """Tell whether a file is audio by its name.

    Args:
        path: The file, which need not exist.

    Returns:
        True if the ending is one of `AUDIO_SUFFIXES`, in upper or lower case, and the name does
        not begin with a dot.

    >>> has_audio_name(Path("Kick.WAV")), has_audio_name(Path("._Kick.wav"))
    (True, False)
    """
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")


def passed_over(folder: Path, files: Iterable[Path]) -> list[str]:
    """Report the files of a folder that are no audio by their names.

    Documents and journals that are written beside audio, and hidden files, are not reported.

    Args:
        folder: The folder.
        files: The files in it.

    Returns:
        One line for a person to read, or none.

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
    """Tell whether the format of a file name can store samples in a given way.

    Args:
        path: The file name, whose ending decides on the format.
        subtype: How samples are stored, such as "PCM_16" or "FLOAT".

    Returns:
        True if the format has that subtype.

    Raises:
        AudioFileError: If the ending is that of no format.

    >>> has_subtype("a.wav", "FLOAT"), has_subtype("a.flac", "FLOAT")
    (True, False)
    """
    format, _ = format_of(as_path(path), None)
    return _can_hold(format, subtype)


_SPEECH = ("GSM610", "NMS_ADPCM", "G721", "G723", "VOX_ADPCM")
"""Subtypes of one channel only."""

_OPUS_RATES = (8000, 12_000, 16_000, 24_000, 48_000)

_NO_ENCODER = ("MPEG_LAYER_I", "MPEG_LAYER_II")


def subtype_like(
    path: str | os.PathLike, format: str, subtype: str, channels: int, sample_rate: float
) -> str | None:
    """Choose how to store the samples of one file in another.

    Integers and floats stay as they are where the new format has them. The output of a codec is
    stored in the same way only within the format of that codec.

    Args:
        path: The new file, whose ending decides on the format.
        format: Format of the source, as `AudioInfo` has it.
        subtype: How the source stores its samples, as `AudioInfo` has it.
        channels: Number of channels of the new file.
        sample_rate: Rate of the new file in Hz.

    Returns:
        The subtype; None leaves the choice to the format.

    Raises:
        AudioFileError: If the ending is that of no format.

    >>> subtype_like("new.wav", "FLAC", "PCM_16", 2, 44_100)
    'PCM_16'
    """
    own = format_named(as_path(path))
    linear = subtype in PCM_BITS or subtype in FLOATS
    if not linear:
        is_own = own == ("WAV" if format == "WAVEX" else format)
        fits = (
            is_own
            and subtype not in _NO_ENCODER
            and (channels == 1 or not subtype.startswith(_SPEECH))
            and (subtype != "OPUS" or sample_rate in _OPUS_RATES)
            and (subtype == "OPUS" or as_path(path).suffix.lower() != ".opus")
        )
        if not fits:
            return None
    return subtype if has_subtype(path, subtype) else None


def readable_formats() -> dict[str, bool]:
    """List the formats that are read and written.

    Returns:
        Whether the installed libsndfile has each format, by its name.

    >>> readable_formats()["WAV"]
    True
    """
    return {format: format in known_formats() for format in sorted(READABLE)}


def format_of(path: Path, subtype: str | None) -> tuple[str, str]:
    """Choose the format and the subtype of a new file.

    Args:
        path: The file, whose ending decides on the format.
        subtype: How samples are stored; None is "PCM_24" where the format has it.

    Returns:
        The format and the subtype, as libsndfile names them.

    Raises:
        AudioFileError: If the ending is that of no format, or the format lacks the subtype.
    """
    format = format_named(path)
    if format not in known_formats() or format == "RAW":
        raise AudioFileError(path, "cannot tell the format from the name; use .wav or .flac")
    if subtype is None:
        has_24_bits = _can_hold(format, "PCM_24")
        if path.suffix.lower() == ".opus":
            return format, "OPUS"
        return format, "PCM_24" if has_24_bits else soundfile.default_subtype(format)
    subtype = subtype.upper()
    if not _can_hold(format, subtype):
        subtypes = ", ".join(soundfile.available_subtypes(format))
        raise AudioFileError(path, f"{format} has no subtype {subtype} (it has {subtypes})")
    return format, subtype


def format_named(path: Path) -> str:
    """Return the format that a file name ends in.

    Args:
        path: The file.

    Returns:
        The format as libsndfile names it, or the ending in capitals if it is no format.
    """
    format = path.suffix.removeprefix(".").upper()
    return _ENDINGS.get(format, format)


@lru_cache(maxsize=256)
def _can_hold(format: str, subtype: str) -> bool:
    """Whether libsndfile writes a format with a subtype."""
    return soundfile.check_format(format, subtype)


@cache
def known_formats() -> set[str]:
    """List the formats of the installed libsndfile.

    Returns:
        Names of the formats.
    """
    return set(soundfile.available_formats())


def bytes_each(subtype: str) -> int:
    """Return the size of a sample in a file.

    Args:
        subtype: How samples are stored.

    Returns:
        Bytes; for compressed formats, those of a sample before compression.
    """
    return PCM_BITS.get(subtype, 64 if subtype == "DOUBLE" else 32) // 8
