"""Parts of audio files at the rate of a song, with no more read than they need."""

from functools import partial
from pathlib import Path

from torch import Tensor

from dasp.audio_io import load_audio
from dasp.signal.resample import resample_part


def read_part(file: Path, file_rate: int, sample_rate: int, start: int, stop: int) -> Tensor:
    """Read a part of the first two channels of a file, at another rate than its own.

    Args:
        file: The file.
        file_rate: Its own rate, in Hz.
        sample_rate: The rate that is wanted, in Hz.
        start: The first sample, counted at `sample_rate`.
        stop: The sample behind the last, counted at `sample_rate`.

    Returns:
        Audio `(channels, stop - start)`.
    """
    if start >= stop or file_rate == sample_rate:
        return _read(file, start, stop)
    return resample_part(partial(_read, file), file_rate, sample_rate, start, stop)


def _read(file: Path, start: int, stop: int) -> Tensor:
    return load_audio(file, start=start, frames=max(0, stop - start))[0][:2]
