"""Levels of each channel: peak, root mean square, and the distance between the two.

In decibels against a full scale of 1: a sine that just fits has a peak of 0 dB, an RMS of
-3.01 dB and a crest factor of 3.01 dB. Silence has a level of `dasp.units.SILENCE_DB`.
"""

from torch import Tensor

from dasp.analysis._measure import audio_measure
from dasp.units import gain_to_db, power_to_db


@audio_measure
def measure_peak(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the largest magnitude of the samples of each channel.

    The signal between the samples may reach higher: see `measure_true_peak`.

    Args:
        x: Audio `(*batch, channels, time)`, at least one sample.
        sample_rate: In Hz. The result does not depend on it.

    Returns:
        Level in dBFS, `(*batch, channels)`; `dasp.units.SILENCE_DB` for silence.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples.

    >>> import torch
    >>> measure_peak(torch.tensor([[0.5, -1.0, 0.1]]), 44_100)
    tensor([0.])
    """
    return gain_to_db(x.abs().amax(-1))


@audio_measure
def measure_rms(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the root mean square of each channel.

    Args:
        x: Audio `(*batch, channels, time)`, at least one sample.
        sample_rate: In Hz. The result does not depend on it.

    Returns:
        Level in dBFS, `(*batch, channels)`: -3.01 for a full-scale sine;
        `dasp.units.SILENCE_DB` for silence.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples.

    >>> import torch
    >>> round(measure_rms(torch.tensor([[0.1, -0.1]]), 44_100).item(), 3)
    -20.0
    """
    return power_to_db(x.square().mean(-1))


@audio_measure
def measure_crest_factor(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the distance from the RMS level to the peak of each channel.

    Args:
        x: Audio `(*batch, channels, time)`, at least one sample.
        sample_rate: In Hz. The result does not depend on it.

    Returns:
        Crest factor in dB, `(*batch, channels)`: at least 0, and 0 for silence.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples.

    >>> import torch
    >>> round(measure_crest_factor(torch.tensor([[1.0, 0.0, 0.0, 0.0]]), 44_100).item(), 2)
    6.02
    """
    return measure_peak(x, sample_rate) - measure_rms(x, sample_rate)
