"""Parts of audio files at the rate of a song, with no more read than they need."""

import math
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from dasp.audio_io import load_audio
from dasp.signal.resample import HALF_WIDTH, resample


def read_part(file: Path, file_rate: int, sample_rate: int, start: int, stop: int) -> Tensor:
    """Samples `start` to `stop`, counted at `sample_rate`, of the first two channels of a file."""
    if start >= stop or file_rate == sample_rate:
        return _read(file, start, stop)
    ratio = Fraction(sample_rate, file_rate)
    up, down = ratio.numerator, ratio.denominator
    # Input k * down is heard at output k * up, so a part that begins there is resampled as the
    # whole is, but for what the filter hears of the samples before it.
    reach = math.ceil(HALF_WIDTH * max(1, down / up)) + 1
    first = max(0, (start * down // up - reach) // down)
    last = (stop - 1) * down // up + 1 + reach
    y = resample(_read(file, first * down, last), file_rate, sample_rate)
    return y[..., start - first * up : stop - first * up]


def _read(file: Path, start: int, stop: int) -> Tensor:
    return load_audio(file, start=start, frames=max(0, stop - start))[0][:2]
