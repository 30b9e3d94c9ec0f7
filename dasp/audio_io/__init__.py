"""Audio files to tensors and back: whole or not at all, and never a sample that is not a number."""

from dasp.audio_io.errors import AudioFileError, AudioFileWarning
from dasp.audio_io.formats import (
    AUDIO_SUFFIXES,
    has_audio_name,
    has_subtype,
    passed_over,
    readable_formats,
)
from dasp.audio_io.reading import (
    AudioInfo,
    audio_info,
    load_as_stored,
    load_audio,
    load_blocks,
)
from dasp.audio_io.writing import (
    UNFINISHED,
    Saved,
    dither_source,
    save_audio,
    whole,
)
from dasp.audio_io.writing_blocks import save_blocks

__all__ = [
    "AUDIO_SUFFIXES",
    "UNFINISHED",
    "AudioFileError",
    "AudioFileWarning",
    "AudioInfo",
    "Saved",
    "audio_info",
    "dither_source",
    "has_audio_name",
    "has_subtype",
    "load_as_stored",
    "load_audio",
    "load_blocks",
    "passed_over",
    "readable_formats",
    "save_audio",
    "save_blocks",
    "whole",
]
