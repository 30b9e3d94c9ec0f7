"""Audio files to tensors and back: whole or not at all, and never a sample that is not a number."""

from dasp.audio_io.errors import AudioFileError, AudioFileWarning
from dasp.audio_io.formats import (
    AUDIO_SUFFIXES,
    SUBTYPES,
    has_audio_name,
    has_subtype,
    passed_over,
    readable_formats,
    subtype_like,
)
from dasp.audio_io.reading import (
    AudioInfo,
    allowing_truncated,
    audio_info,
    load_as_stored,
    load_audio,
    load_blocks,
    load_pieces,
    noting,
)
from dasp.audio_io.tags import Tags, read_tags
from dasp.audio_io.writing import (
    CLIP_MODES,
    UNFINISHED,
    Saved,
    dither_source,
    save_audio,
    whole,
)
from dasp.audio_io.writing_blocks import save_blocks

__all__ = [
    "AUDIO_SUFFIXES",
    "CLIP_MODES",
    "SUBTYPES",
    "UNFINISHED",
    "AudioFileError",
    "AudioFileWarning",
    "AudioInfo",
    "Saved",
    "Tags",
    "allowing_truncated",
    "audio_info",
    "dither_source",
    "has_audio_name",
    "has_subtype",
    "load_as_stored",
    "load_audio",
    "load_blocks",
    "load_pieces",
    "noting",
    "passed_over",
    "read_tags",
    "readable_formats",
    "save_audio",
    "save_blocks",
    "subtype_like",
    "whole",
]
