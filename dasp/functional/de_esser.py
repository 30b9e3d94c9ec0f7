"""The de-esser: the dynamics of the band of sibilants."""

from torch import Tensor

from dasp._typing import Value
from dasp.functional._arguments import audio_processor, below_nyquist, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.functional.detector import Detector
from dasp.functional.dynamics import (
    Dynamics,
    attack_and_release,
    compress,
    gain_reduction,
    makeup_and_mix,
    ratio_curve,
)
from dasp.functional.multiband import split_bands


@audio_processor
def de_esser(
    x: Tensor,
    sample_rate: float,
    *,
    freq_hz: Value,
    threshold_db: Value,
    ratio: Value = 4.0,
    attack_ms: Value = 1.0,
    release_ms: Value = 60.0,
    range_db: Value = 12.0,
    linked: bool = True,
    memory: Memory = WHOLE,
) -> Tensor:
    """Lower the band above a frequency while that band is loud, as sibilants are.

    A parameter is a number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        freq_hz: Frequency above which the band lies, below Nyquist. [2000 to 12000 Hz]
        threshold_db: Level of the band above which its gain falls, in dB of full scale.
            [-80 to 0 dB]
        ratio: Rise of the level of the band for which its output rises by 1 dB above the threshold,
            1 or more; 1 is neutral, but for the phase that the crossover turns. [1 to 20]
        attack_ms: Time in which the gain reduction covers 63 % of a rise, 0 or more.
            [0.05 to 100 ms]
        release_ms: Time in which the gain reduction covers 63 % of a fall, 0 or more.
            [5 to 1000 ms]
        range_db: The most that the gain falls, 0 or more; 0 is neutral as a ratio of 1 is.
            [0 to 24 dB]
        linked: Whether all channels have one gain, that of the loudest. Otherwise each has its own.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `freq_hz` is not between 0 and Nyquist, `ratio` is below 1, or a time or
            `range_db` is below 0.

    Source: the crossover is that of `multiband_compressor`.

    >>> import torch
    >>> y = de_esser(torch.ones(1, 2000), 44_100, freq_hz=6000.0, threshold_db=-40.0)
    >>> torch.allclose(y[..., -1], torch.ones(1), atol=1e-3)  # 0 Hz lies below the band
    True
    """
    low, high = _split(x, sample_rate, memory, freq_hz)
    dynamics = _dynamics(
        high, sample_rate, threshold_db, ratio, attack_ms, release_ms, range_db, linked
    )
    return low + compress(high, sample_rate, memory, dynamics, makeup_and_mix(high))


DE_ESSER = Processor(
    in_blocks(de_esser),
    Param("freq_hz", 2000.0, 12_000.0, default=6000.0, scale="log"),
    Param("threshold_db", -80.0, 0.0, default=-30.0),
    Param("ratio", 1.0, 20.0, scale="log"),
    Param("attack_ms", 0.05, 100.0, scale="log"),
    Param("release_ms", 5.0, 1000.0, scale="log"),
    Param("range_db", 0.0, 24.0),
    Option("linked", choices=(True, False)),
)


@audio_processor
def de_esser_gain_reduction(
    x: Tensor,
    sample_rate: float,
    *,
    freq_hz: Value,
    threshold_db: Value,
    ratio: Value = 4.0,
    attack_ms: Value = 1.0,
    release_ms: Value = 60.0,
    range_db: Value = 12.0,
    linked: bool = True,
    memory: Memory = WHOLE,
) -> Tensor:
    """Measure the gain reduction by which `de_esser` lowers the band above a frequency.

    A parameter is a number or a tensor `(*batch)`; what it may be stands at `de_esser`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        freq_hz: Frequency above which the band lies, below Nyquist.
        threshold_db: Level of the band above which its gain falls, in dB of full scale.
        ratio: Rise of the level of the band for which its output rises by 1 dB, 1 or more.
        attack_ms: Time in which the gain reduction covers 63 % of a rise, 0 or more.
        release_ms: Time in which the gain reduction covers 63 % of a fall, 0 or more.
        range_db: The most that the gain falls, 0 or more.
        linked: Whether all channels have one gain, that of the loudest.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Gain reduction of the band in dB, 0 or more, `(*batch, channels, time)`; with one channel
        where `linked`.

    Raises:
        ValueError: Where `de_esser` raises one.

    >>> import torch
    >>> x = torch.sin(torch.arange(8000.0) * 2)[None]  # 2.5 kHz at 8 kHz, 40 dB over the threshold
    >>> settings = dict(freq_hz=1000.0, threshold_db=-40.0, range_db=6.0)
    >>> round(de_esser_gain_reduction(x, 8000, **settings)[0, -1].item(), 1)
    6.0
    """
    _, high = _split(x, sample_rate, memory, freq_hz)
    dynamics = _dynamics(
        high, sample_rate, threshold_db, ratio, attack_ms, release_ms, range_db, linked
    )
    return gain_reduction(high, sample_rate, memory, dynamics)


def _split(x: Tensor, sample_rate: float, memory: Memory, freq_hz: Value) -> tuple[Tensor, Tensor]:
    freq_hz = per_item("freq_hz", freq_hz, x, **below_nyquist(sample_rate))
    low, high = split_bands(x, freq_hz[..., None], sample_rate, memory).unbind(-3)
    return low, high


def _dynamics(
    high: Tensor,
    sample_rate: float,
    threshold_db: Value,
    ratio: Value,
    attack_ms: Value,
    release_ms: Value,
    range_db: Value,
    linked: bool,
) -> Dynamics:
    return Dynamics(
        Detector(linked=linked),
        ratio_curve(high, threshold_db, ratio, range_db=range_db),
        attack_and_release(high, sample_rate, attack_ms, release_ms),
    )
