"""The limiter: no sample above the ceiling.

The gain that a sample needs is held over the look-ahead in front of it, and averaged over as
long a time behind: every value in the average is one that the sample can live with, so the
gain is down in time without an edge. With reductions in dB that is a sliding maximum, an
exponential release, and a moving average.

Source of the arrangement: P. Hämäläinen, "Smoothing of the control signal without clipped
output in digital peak limiters", DAFx 2002.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_range
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_item
from dasp.functional.dynamics import smooth
from dasp.signal.resample import resample
from dasp.units import db_to_gain, gain_to_db

OVERSAMPLING = 4
TRUE_PEAK_PASSES = 3
"""How often the true peak is limited. A moving gain raises the peaks between samples a little."""


@audio_processor
def limiter(
    x: Tensor,
    sample_rate: float,
    *,
    ceiling_db: Value,
    release_ms: Value,
    gain_db: Value = 0.0,
    lookahead_ms: float = 5.0,
    true_peak: bool = False,
    linked: bool = True,
) -> Tensor:
    """Keep every sample at or below `ceiling_db`. Audio that never exceeds it passes unchanged.

    No sample exceeds the ceiling, as far as the type of `x` can hold that number. With
    `true_peak` the signal between the samples is kept below as well, as four-fold oversampling
    measures it: not exactly, but within 0.05 dB from a look-ahead of 0.1 ms on.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        ceiling_db: The highest level that comes out, in dB of full scale.
        release_ms: Time in which the reduction, in dB, covers 63 % of its way back.
        gain_db: Gain in front of the limiter.
        lookahead_ms: How long before a peak the gain begins to fall. The audio is not delayed.
        true_peak: Also limit the signal between the samples.
        linked: One gain for all channels, so that the image stands still.

    >>> x = torch.tensor([[0.1, -2.0, 0.1]])
    >>> limiter(x, 48_000, ceiling_db=0.0, release_ms=50.0, lookahead_ms=0.0)
    tensor([[ 0.1000, -1.0000,  0.0500]])
    """
    check_range("lookahead_ms", lookahead_ms, low=0.0)
    ceiling_db = per_item("ceiling_db", ceiling_db, x)[..., None, None]
    window = 1 + round(lookahead_ms * sample_rate / 1000)
    x = x * db_to_gain(per_item("gain_db", gain_db, x)[..., None, None])
    for _ in range(TRUE_PEAK_PASSES if true_peak else 1):
        peak = _true_peak(x) if true_peak else x.abs()
        peak = peak.amax(-2, keepdim=True) if linked else peak
        excess_db = (gain_to_db(peak) - ceiling_db).clamp(min=0)
        reduction_db = _smooth_cover(excess_db, sample_rate, window, release_ms)
        x = x * db_to_gain(-reduction_db)
    ceiling = db_to_gain(ceiling_db)
    return x.clamp(-ceiling, ceiling)  # of what rounding has left above


def _smooth_cover(x: Tensor, sample_rate: float, window: int, release_ms: Value) -> Tensor:
    """A smooth curve that is nowhere below `x`, which is 0 or more."""
    ahead = _over_window(nnf.pad(x, (window - 1, window - 1)), window, torch.maximum)
    held = smooth(ahead, sample_rate, attack_ms=0.0, release_ms=release_ms)
    return _over_window(held, window, torch.add) / window


def _true_peak(x: Tensor) -> Tensor:
    """The largest magnitude between the sample before and the one after, and of the sample."""
    if x.shape[-1] == 0:
        return x
    fine = resample(x, 1, OVERSAMPLING).abs()
    around = nnf.pad(fine, (OVERSAMPLING, OVERSAMPLING - 1))
    between = _over_window(around, 2 * OVERSAMPLING, torch.maximum)[..., ::OVERSAMPLING]
    return torch.maximum(between, x.abs())  # the oversampling filter closes below Nyquist


def _over_window(x: Tensor, length: int, combine: Callable) -> Tensor:
    """Combine `x[n], ..., x[n + length - 1]` at every `n` for which they are there.

    Two windows make one of twice the length, so it takes log2(length) passes, in which every
    value counts once.
    """
    if length == 1:
        return x
    half = length // 2
    halves = _over_window(x, half, combine)
    both = combine(halves[..., :-half], halves[..., half:])
    return combine(both[..., :-1], x[..., length - 1 :]) if length % 2 else both
