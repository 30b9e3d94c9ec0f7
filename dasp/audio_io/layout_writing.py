"""The layout of channels in a new file: their order, and what says which is which."""

from typing import BinaryIO

import torch
from torch import Tensor

from dasp.audio_io.chunked import walker_of
from dasp.audio_io.contents import Order
from dasp.audio_io.layout_heads import VORBIS
from dasp.layouts import USUAL, Layout, in_order, mask_of

_EXTENSIBLE = {"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}
"""What a WAV with a mask can store."""


def as_kept(x: Tensor, format: str) -> Tensor:
    """Reorder channels from the order of `dasp.layouts.SPEAKERS` to that of a format.

    Args:
        x: Audio `(channels, time)`.
        format: Format as libsndfile names it.

    Returns:
        Audio of the shape of `x`.
    """
    if format != "OGG" or len(x) not in VORBIS:
        return x
    return x[torch.tensor(in_order(VORBIS[len(x)])).argsort()]


def is_told_by_itself(layout: Layout | None, format: str) -> bool:
    """Tell whether the number of channels alone means a layout in a format.

    Args:
        layout: The layout, or None.
        format: Format as libsndfile names it.

    Returns:
        True if the layout need not be written.
    """
    if layout is None:
        return True
    if format == "OGG":
        return _as_back(layout) == USUAL.get(len(layout))
    return layout == USUAL.get(len(layout)) and (len(layout) <= 2 or format == "FLAC")


def with_mask(layout: Layout | None, format: str, subtype: str) -> str:
    """Choose the kind of WAV that can store a layout.

    Args:
        layout: The layout, or None.
        format: Format as libsndfile names it.
        subtype: How samples are stored.

    Returns:
        "WAVEX" for a WAV whose layout must be written, else `format`.
    """
    if format == "WAV" and not is_told_by_itself(layout, format) and subtype in _EXTENSIBLE:
        return "WAVEX"
    return format


def put_mask(file: BinaryIO, layout: Layout) -> bool:
    """Write the mask of a layout into the head of a WAV.

    Args:
        file: The file, open for reading and writing bytes.
        layout: The layout.

    Returns:
        Whether the head has a place for the mask.
    """
    big = _starts_with(file, b"RIFX")
    for name, start, length in walker_of(file) or ():
        if name == b"fmt ":
            file.seek(start)
            order: Order = "big" if big else "little"
            if length < 40 or int.from_bytes(file.read(2), order) != 0xFFFE:
                return False
            file.seek(start + 20)
            file.write(mask_of(layout).to_bytes(4, order))
            return True
        if name == b"data":
            break
    return False


def core_audio_layout(layout: Layout) -> bytes:
    """Encode a layout as AIFF and CAF store it: a map of the same bits as in WAV.

    Args:
        layout: The layout.

    Returns:
        The content of the chunk.
    """
    return (1 << 16).to_bytes(4, "big") + mask_of(layout).to_bytes(4, "big") + bytes(4)


def _as_back(layout: Layout) -> Layout:
    """Surrounds at the sides or the back are the same where there is one pair."""
    if "BL" in layout or "BR" in layout:
        return layout
    return tuple({"SL": "BL", "SR": "BR"}.get(name, name) for name in layout)


def _starts_with(file: BinaryIO, magic: bytes) -> bool:
    file.seek(0)
    return file.read(4) == magic
