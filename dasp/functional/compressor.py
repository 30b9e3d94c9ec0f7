"""The compressor, and its gain reduction.

Source: D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design:
a tutorial and analysis", JAES 60(6), 2012.
"""

from torch import Tensor

from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.functional.detector import RMS_TIME_MS, Detector
from dasp.functional.dynamics import (
    Dynamics,
    Slow,
    attack_and_release,
    compress,
    gain_reduction,
    is_zero,
    lookahead_samples,
    makeup_and_mix,
    pole,
    ratio_curve,
)
from dasp.signal.backends.dynamics_values import Smoother


@audio_processor
def compressor(
    x: Tensor,
    sample_rate: float,
    *,
    threshold_db: Value,
    ratio: Value,
    attack_ms: Value,
    release_ms: Value,
    knee_db: Value = 6.0,
    makeup_gain_db: Value = 0.0,
    lookahead_ms: Value = 0.0,
    mix: Value = 1.0,
    detector: str = "peak",
    linked: bool = True,
    sidechain: Tensor | None = None,
    sidechain_high_pass_hz: Value | None = None,
    rms_time_ms: Value = RMS_TIME_MS,
    slow_attack_ms: Value = 30.0,
    slow_release_ms: Value = 300.0,
    slow_mix: Value = 0.0,
    memory: Memory = WHOLE,
) -> Tensor:
    """Reduce the level above a threshold by a ratio.

    A parameter is a number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        threshold_db: Level above which the gain falls, in dB of full scale. [-80 to 0 dB]
        ratio: Rise of the input level for which the output rises by 1 dB above the threshold, 1 or
            more; 1 is neutral. [1 to 20]
        attack_ms: Time in which the gain reduction covers 63 % of a rise, 0 or more.
            [0.05 to 300 ms]
        release_ms: Time in which the gain reduction covers 63 % of a fall, 0 or more.
            [5 to 4000 ms]
        knee_db: Width of the quadratic bend around the threshold, 0 or more; 0 is a corner.
            [0 to 24 dB]
        makeup_gain_db: Gain behind the compressor; 0 is neutral. [-24 to 24 dB]
        lookahead_ms: Time by which the gain acts before the audio, 0 or more. The audio itself is
            not delayed, except block by block. [0 to 20 ms]
        mix: Share of the compressed signal, 0 (dry) to 1; between them the compression is parallel.
            [0 to 1]
        detector: "peak", the magnitude of every sample, or "rms", the mean square over
            `rms_time_ms`.
        linked: Whether all channels have one gain, that of the loudest, which keeps the stereo
            image still. Otherwise each channel has its own.
        sidechain: Audio that sets the gain in place of `x`, of the shape of `x` or with one
            channel; None listens to `x`.
        sidechain_high_pass_hz: High-pass in front of the detector, which makes it deaf to the bass,
            below Nyquist; None is off. [1 to 20000 Hz]
        rms_time_ms: Time in which the mean square covers 63 % of a step, 0 or more. [0 to 1000 ms]
        slow_attack_ms: Attack time of a second, slow gain reduction beside the first, 0 or more.
            [0 to 10000 ms]
        slow_release_ms: Release time of the slow gain reduction, 0 or more. [0 to 60000 ms]
        slow_mix: Share of the slow gain reduction in the mean of both in dB, 0 (off) to 1. With it
            the release depends on the programme, as in optical compressors: quick after a peak,
            slow after a long note. [0 to 1]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `ratio` is below 1, a time or `knee_db` is below 0, `mix` or `slow_mix` lies
            outside [0, 1], `sidechain_high_pass_hz` is not between 0 and Nyquist, `detector` is
            unknown, or `sidechain` does not fit `x`.

    Source: D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design: a
    tutorial and analysis", JAES 60(6), 2012.

    >>> import torch
    >>> x = torch.ones(1, 48_000)  # 0 dB: 12 dB over the threshold, of which 3 are to remain
    >>> y = compressor(x, 48_000, threshold_db=-12, ratio=4, attack_ms=1, release_ms=100)
    >>> round(20 * y[0, -1].log10().item(), 3)
    -9.0
    """
    listening = Detector(detector, linked, sidechain, sidechain_high_pass_hz, rms_time_ms)
    dynamics = _dynamics(
        x, sample_rate, listening, threshold_db, ratio, knee_db, attack_ms, release_ms,
        slow_attack_ms, slow_release_ms, slow_mix, lookahead_ms,
    )  # fmt: skip
    return compress(x, sample_rate, memory, dynamics, makeup_and_mix(x, makeup_gain_db, mix))


COMPRESSOR = Processor(
    in_blocks(compressor, latency=lookahead_samples),
    Param("threshold_db", -80.0, 0.0, default=-18.0),
    Param("ratio", 1.0, 20.0, default=4.0, scale="log"),
    Param("attack_ms", 0.05, 300.0, default=10.0, scale="log"),
    Param("release_ms", 5.0, 4000.0, default=100.0, scale="log"),
    Param("knee_db", 0.0, 24.0),
    Param("makeup_gain_db", -24.0, 24.0),
    Param("lookahead_ms", 0.0, 20.0),
    Param("mix", 0.0, 1.0),
    Option("detector", choices=("peak", "rms")),
    Option("linked", choices=(True, False)),
    Option("sidechain_high_pass_hz", low=1.0, high=20_000.0),
    Option("rms_time_ms", low=0.0, high=1000.0),
    Option("slow_attack_ms", low=0.0, high=10_000.0),
    Option("slow_release_ms", low=0.0, high=60_000.0),
    Option("slow_mix", low=0.0, high=1.0),
    inputs=("sidechain",),
    neutral={"ratio": 1.0},
)


@audio_processor
def compressor_gain_reduction(
    x: Tensor,
    sample_rate: float,
    *,
    threshold_db: Value,
    ratio: Value,
    attack_ms: Value,
    release_ms: Value,
    knee_db: Value = 6.0,
    lookahead_ms: Value = 0.0,
    detector: str = "peak",
    linked: bool = True,
    sidechain: Tensor | None = None,
    sidechain_high_pass_hz: Value | None = None,
    rms_time_ms: Value = RMS_TIME_MS,
    slow_attack_ms: Value = 30.0,
    slow_release_ms: Value = 300.0,
    slow_mix: Value = 0.0,
    memory: Memory = WHOLE,
) -> Tensor:
    """Measure the gain reduction by which `compressor` lowers `x`.

    A parameter is a number or a tensor `(*batch)`; what it means and may be stands at `compressor`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        threshold_db: Level above which the gain falls, in dB of full scale.
        ratio: Rise of the input level for which the output rises by 1 dB, 1 or more; 1 is neutral.
        attack_ms: Time in which the gain reduction covers 63 % of a rise, 0 or more.
        release_ms: Time in which the gain reduction covers 63 % of a fall, 0 or more.
        knee_db: Width of the quadratic bend around the threshold in dB, 0 or more.
        lookahead_ms: Time by which the gain acts before the audio, 0 or more.
        detector: "peak" or "rms".
        linked: Whether all channels have one gain, that of the loudest.
        sidechain: Audio that sets the gain in place of `x`; None listens to `x`.
        sidechain_high_pass_hz: High-pass in front of the detector, below Nyquist; None is off.
        rms_time_ms: Time in which the mean square covers 63 % of a step, 0 or more.
        slow_attack_ms: Attack time of the slow gain reduction, 0 or more.
        slow_release_ms: Release time of the slow gain reduction, 0 or more.
        slow_mix: Share of the slow gain reduction, 0 (off) to 1.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Gain reduction in dB, 0 or more, `(*batch, channels, time)`; with one channel where
        `linked`, or where the side chain has one.

    Raises:
        ValueError: Where `compressor` raises one.

    Source: that of `compressor`.

    >>> import torch
    >>> x = torch.ones(1, 48_000)
    >>> settings = dict(threshold_db=-12, ratio=4, attack_ms=1, release_ms=100)
    >>> reduction_db = compressor_gain_reduction(x, 48_000, **settings)
    >>> round(reduction_db[0, -1].item(), 3)
    9.0
    """
    listening = Detector(detector, linked, sidechain, sidechain_high_pass_hz, rms_time_ms)
    dynamics = _dynamics(
        x, sample_rate, listening, threshold_db, ratio, knee_db, attack_ms, release_ms,
        slow_attack_ms, slow_release_ms, slow_mix, lookahead_ms,
    )  # fmt: skip
    return gain_reduction(x, sample_rate, memory, dynamics)


def _dynamics(
    x: Tensor,
    sample_rate: float,
    listening: Detector,
    threshold_db: Value,
    ratio: Value,
    knee_db: Value,
    attack_ms: Value,
    release_ms: Value,
    slow_attack_ms: Value,
    slow_release_ms: Value,
    slow_mix: Value,
    lookahead_ms: Value,
) -> Dynamics:
    return Dynamics(
        listening,
        ratio_curve(x, threshold_db, ratio, knee_db),
        attack_and_release(x, sample_rate, attack_ms, release_ms),
        _slow(x, sample_rate, slow_attack_ms, slow_release_ms, slow_mix),
        lookahead_ms,
    )


def _slow(
    x: Tensor, sample_rate: float, attack_ms: Value, release_ms: Value, share: Value
) -> Slow | None:
    if is_zero(share):
        return None
    smoother = Smoother(
        pole("slow_attack_ms", attack_ms, x, sample_rate),
        pole("slow_release_ms", release_ms, x, sample_rate),
        x.new_zeros(()),
    )
    return Slow(smoother, per_item("slow_mix", share, x, low=0.0, high=1.0))
