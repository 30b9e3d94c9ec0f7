"""The compressor, and the gain computer and detector that all dynamics processors share.

Source: D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design:
a tutorial and analysis", JAES 60(6), 2012: the feed-forward design with a log-domain,
smooth branching detector behind the gain computer, which the authors recommend.
"""

import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, below_nyquist, broadcasts, per_item
from dasp.functional._mix import mixed
from dasp.functional.eq import filter_with
from dasp.signal.ballistics import ballistics
from dasp.signal.biquad import design_high_pass
from dasp.signal.smoothing import one_pole
from dasp.units import db_to_gain, gain_to_db, power_to_db, smoothing_coefficient

RMS_TIME_MS = 10.0
"""Averaging time of the RMS detector."""


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
) -> Tensor:
    """Reduce what exceeds `threshold_db` by `ratio`. A ratio of 1 leaves `x` as it is.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        threshold_db: Level above which the gain falls, in dB of full scale.
        ratio: Change of level that comes out as 1 dB above the threshold, 1 or more.
        attack_ms: Time in which the reduction covers 63 % of a rise, 0 or more.
        release_ms: Time in which the reduction covers 63 % of a fall, 0 or more.
        knee_db: Width of the quadratic bend around the threshold; 0 is a corner.
        makeup_gain_db: Gain behind the compressor.
        lookahead_ms: How long before the audio the gain acts. The audio is not delayed.
        mix: Share of the compressed signal, 0 (dry) to 1; between them it is parallel.
        detector: "peak", or "rms" over `RMS_TIME_MS`.
        linked: One gain for all channels, that of the loudest, so that the image stands still.
        sidechain: Audio that sets the gain in place of `x`, with as many channels or one.
        sidechain_high_pass_hz: High-pass in the detector's path, to ignore the bass; None is off.

    >>> x = torch.ones(1, 48_000)  # 0 dB: 12 dB over the threshold, of which 3 are to remain
    >>> y = compressor(x, 48_000, threshold_db=-12, ratio=4, attack_ms=1, release_ms=100)
    >>> round(gain_to_db(y[0, -1].item()), 3)
    -9.0
    """
    reduction_db = compressor_gain_reduction(
        x,
        sample_rate,
        threshold_db=threshold_db,
        ratio=ratio,
        attack_ms=attack_ms,
        release_ms=release_ms,
        knee_db=knee_db,
        lookahead_ms=lookahead_ms,
        detector=detector,
        linked=linked,
        sidechain=sidechain,
        sidechain_high_pass_hz=sidechain_high_pass_hz,
    )
    makeup_gain_db = per_item("makeup_gain_db", makeup_gain_db, x)[..., None, None]
    return mixed(x, x * db_to_gain(makeup_gain_db - reduction_db), mix)


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
) -> Tensor:
    """The gain reduction of `compressor` in dB, 0 or more: `(*batch, channels or 1, time)`.

    It has one channel where `linked`.
    """
    level_db = detect_level(
        x,
        sample_rate,
        detector=detector,
        linked=linked,
        sidechain=sidechain,
        sidechain_high_pass_hz=sidechain_high_pass_hz,
    )
    over_db = level_db - per_item("threshold_db", threshold_db, x)[..., None, None]
    slope = 1 - 1 / per_item("ratio", ratio, x, low=1.0)[..., None, None]
    knee_db = per_item("knee_db", knee_db, x, low=0.0)[..., None, None]
    reduction_db = smooth(
        slope * soft_knee(over_db, knee_db), sample_rate, attack_ms=attack_ms, release_ms=release_ms
    )
    lookahead = per_item("lookahead_ms", lookahead_ms, x, low=0.0) * (sample_rate / 1000)
    return advanced(reduction_db, lookahead)


def detect_level(
    x: Tensor,
    sample_rate: float,
    *,
    detector: str = "peak",
    linked: bool = True,
    sidechain: Tensor | None = None,
    sidechain_high_pass_hz: Value | None = None,
) -> Tensor:
    """Level in dB `(*batch, channels or 1, time)`: of each channel, or of the loudest if `linked`.

    "peak" is the magnitude of each sample, "rms" the mean square over `RMS_TIME_MS`. The level
    is that of `sidechain` where there is one, above `sidechain_high_pass_hz` where that is given.
    """
    check_choice("detector", detector, ("peak", "rms"))
    key = x if sidechain is None else _key(sidechain, x)
    if sidechain_high_pass_hz is not None:
        high_pass_hz = per_item(
            "sidechain_high_pass_hz", sidechain_high_pass_hz, x, **below_nyquist(sample_rate)
        )
        key = filter_with(key, design_high_pass(high_pass_hz, sample_rate))
    if detector == "rms":
        pole = smoothing_coefficient(x.new_tensor(RMS_TIME_MS), sample_rate)
        level_db = power_to_db(one_pole(key.square(), pole)[0])
    else:
        level_db = gain_to_db(key)
    return level_db.amax(-2, keepdim=True) if linked else level_db


def soft_knee(over_db: Tensor, knee_db: Tensor) -> Tensor:
    """How far a level is over a threshold: 0 below it, `over_db` above, a parabola between.

    The parabola is `knee_db` wide and meets both lines in value and in slope (equation 4 of
    the source). A knee of 0 is a corner, with finite gradients.
    """
    half = knee_db / 2
    into_knee = (over_db + half).clamp(min=0)
    bend = into_knee.square() / (2 * knee_db.clamp(min=1e-6))
    return torch.where(over_db >= half, over_db.clamp(min=0), bend)


def smooth(
    x: Tensor,
    sample_rate: float,
    *,
    attack_ms: Value,
    release_ms: Value,
    zi: Tensor | None = None,
) -> Tensor:
    """Follow `x` `(*batch, channels, time)`: rises take `attack_ms`, falls `release_ms`.

    `zi` `(*batch, channels)` is where it starts, 0 by default.
    """
    attack, release = (
        smoothing_coefficient(per_item(name, time_ms, x, low=0.0), sample_rate)[..., None]
        for name, time_ms in (("attack_ms", attack_ms), ("release_ms", release_ms))
    )
    return ballistics(x, attack, release, zi)[0]


def advanced(x: Tensor, samples: Tensor) -> Tensor:
    """`x` moved earlier by `samples` `(*batch)`, a fraction by a straight line; the end holds."""
    last = max(x.shape[-1] - 1, 0)
    whole = samples.detach().floor()
    fraction = (samples - whole)[..., None, None]
    n = torch.arange(x.shape[-1], device=x.device)
    index = (n + whole.clamp(max=last).long()[..., None, None]).clamp(max=last).expand(x.shape)
    following = (index + 1).clamp(max=last)
    return torch.lerp(x.gather(-1, index), x.gather(-1, following), fraction)


def _key(sidechain: Tensor, x: Tensor) -> Tensor:
    check_audio(sidechain, "sidechain")
    if sidechain.shape[-1] != x.shape[-1] or not broadcasts(sidechain.shape, x.shape):
        raise ValueError(
            f"sidechain: expected the shape of x, {tuple(x.shape)}, with as many channels or 1, "
            f"got shape {tuple(sidechain.shape)}"
        )
    return sidechain.to(x).expand(*x.shape[:-2], -1, -1)
