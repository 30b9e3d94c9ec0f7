"""What a file of any length measures: it is heard a few seconds at a time."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis import Loudness, LoudnessMeter, PeakMeter
from dasp.audio_io import AudioInfo, audio_info, load_blocks
from dasp.streaming.file import SEGMENT_S


class Levels(NamedTuple):
    """What audio measures. None is what has no meaning: of no samples, or of unknown channels."""

    frames: int
    loudness: Loudness | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None


@dataclass(frozen=True)
class Measured:
    """A file: its head, what it measures, and the meter, which may be heard with others."""

    info: AudioInfo
    levels: Levels
    meter: LoudnessMeter | None


def measure_file(path: str | os.PathLike, *, dual_mono: bool = False) -> Measured:
    """Read a whole file, and tell what it measures.

    Args:
        path: Any audio file.
        dual_mono: Whether a single channel counts as two.

    Raises:
        AudioFileError: For a file that cannot be read to its end.
    """
    info = audio_info(path)
    blocks = load_blocks(path, max(1, round(SEGMENT_S * info.sample_rate)), dtype=info.dtype)
    levels, meter = measure_blocks(blocks, info, dual_mono=dual_mono)
    return Measured(info, levels, meter)


def measure_blocks(
    blocks: Iterable[Tensor], info: AudioInfo, *, dual_mono: bool = False
) -> tuple[Levels, LoudnessMeter | None]:
    """What blocks `(channels, time)` measure that a file of such a head has, or will have."""
    peaks = PeakMeter(info.sample_rate, info.channels)
    try:
        meter = LoudnessMeter(
            info.sample_rate, info.channels, layout=info.layout, dual_mono=dual_mono
        )
    except ValueError:  # Nothing is known of its channels, or the rate is too low.
        meter = None
    frames = 0
    with torch.inference_mode():
        for block in blocks:
            frames += block.shape[-1]
            peaks.hear(block)
            if meter is not None:
                meter.hear(block)
        if frames == 0:
            return Levels(0, None, None, None), None
        loudness = None if meter is None else meter.loudness()
        return Levels(frames, loudness, peaks.true_peak_db(), peaks.sample_peak_db()), meter
