"""The compressor, and the gain computer and detector that all dynamics processors share.

Source: D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design:
a tutorial and analysis", JAES 60(6), 2012: the feed-forward design with a log-domain,
smooth branching detector behind the gain computer, which the authors recommend.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dasp._bounds import at_least, at_most
from dasp._checks import check_audio, check_choice
from dasp._typing import Value
from dasp.functional._arguments import (
    audio_processor,
    below_nyquist,
    broadcasts,
    per_item,
)
from dasp.functional._memory import WHOLE, Memory
from dasp.functional.eq import filter_with
from dasp.signal._fused import fused
from dasp.signal.ballistics import ballistics
from dasp.signal.biquad import design_high_pass
from dasp.signal.smoothing import one_pole
from dasp.units import SILENCE_DB, db_to_gain, gain_to_db, power_to_db, smoothing_coefficient

RMS_TIME_MS = 10.0
"""Averaging time of the RMS detector, where none is given."""

DB_PER_DECADE = {"peak": 20.0, "rms": 10.0}
"""Of what each detector measures: an amplitude, or a power."""


def lookahead_samples(sample_rate: float, *, lookahead_ms: Value = 0.0, **_) -> int:
    """How many samples of the future a reduction is read from, at most."""
    if is_zero(lookahead_ms):
        return 0
    lookahead_ms = torch.as_tensor(lookahead_ms, dtype=torch.float64)
    longest_ms = lookahead_ms.max().item() if lookahead_ms.numel() else 0.0
    return 1 + math.floor(longest_ms * sample_rate / 1000)


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

    >>> x = torch.ones(1, 48_000)  # 0 dB: 12 dB over the threshold, of which 3 are to remain
    >>> y = compressor(x, 48_000, threshold_db=-12, ratio=4, attack_ms=1, release_ms=100)
    >>> round(gain_to_db(y[0, -1].item()), 3)
    -9.0
    """
    following = {
        "threshold_db": threshold_db,
        "attack_ms": attack_ms,
        "release_ms": release_ms,
        "knee_db": knee_db,
        "lookahead_ms": lookahead_ms,
        "detector": detector,
        "linked": linked,
        "sidechain": sidechain,
        "sidechain_high_pass_hz": sidechain_high_pass_hz,
        "rms_time_ms": rms_time_ms,
    }
    if is_zero(slow_mix):
        slope = _slope(ratio, x)
        return compressed(
            x, sample_rate, memory, slope=slope, makeup_gain_db=makeup_gain_db, mix=mix, **following
        )
    reduction_db = compressor_gain_reduction(
        x,
        sample_rate,
        memory=memory,
        ratio=ratio,
        slow_attack_ms=slow_attack_ms,
        slow_release_ms=slow_release_ms,
        slow_mix=slow_mix,
        **following,
    )
    x = _waiting(x, lookahead_ms, sample_rate, memory)
    return reduced(x, reduction_db, makeup_gain_db, mix, linked=linked)


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
        `linked`.

    Raises:
        ValueError: Where `compressor` raises one.

    Source: that of `compressor`.

    >>> x = torch.ones(1, 48_000)
    >>> settings = dict(threshold_db=-12, ratio=4, attack_ms=1, release_ms=100)
    >>> reduction_db = compressor_gain_reduction(x, 48_000, **settings)
    >>> round(reduction_db[0, -1].item(), 3)
    9.0
    """
    key = _key(x, sample_rate, memory, detector, sidechain, sidechain_high_pass_hz, rms_time_ms)
    static = x, sample_rate, threshold_db, _slope(ratio, x), knee_db
    options = DB_PER_DECADE[detector], 1.0, linked, memory

    def followed(name: str, attack_ms: Value, release_ms: Value) -> Tensor:
        return _followed(name, key, _curve(*static, attack_ms, release_ms), *options)

    reduction_db = followed("reduction_db", attack_ms, release_ms)
    if not is_zero(slow_mix):
        slow_db = followed(
            "slow_reduction_db",
            per_item("slow_attack_ms", slow_attack_ms, x, low=0.0),
            per_item("slow_release_ms", slow_release_ms, x, low=0.0),
        )
        share = per_item("slow_mix", slow_mix, x, low=0.0, high=1.0)
        reduction_db = torch.lerp(reduction_db, slow_db, share[..., None, None])
    return _looking_ahead(reduction_db, lookahead_ms, x, sample_rate, memory)


def compressed(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    *,
    threshold_db: Value,
    slope: Tensor,
    attack_ms: Value,
    release_ms: Value,
    knee_db: Value = 0.0,
    range_db: Tensor | None = None,
    makeup_gain_db: Value = 0.0,
    lookahead_ms: Value = 0.0,
    mix: Value = 1.0,
    downwards: bool = False,
    detector: str = "peak",
    linked: bool = True,
    sidechain: Tensor | None = None,
    sidechain_high_pass_hz: Value | None = None,
    rms_time_ms: Value = RMS_TIME_MS,
) -> Tensor:
    """What compressors of all kinds share: a gain that falls with the level over a threshold.

    It falls by `slope` for each dB over the threshold and at most by `range_db`: in `attack_ms`,
    and back in `release_ms`. Where `downwards`, it falls with the level below the threshold, and
    starts as it is for silence. The other arguments are those of `compressor`.
    """
    key = _key(x, sample_rate, memory, detector, sidechain, sidechain_high_pass_hz, rms_time_ms)
    curve = _curve(
        x, sample_rate, threshold_db, slope, knee_db, attack_ms, release_ms, range_db, downwards
    )
    sign = -1.0 if downwards else 1.0
    if key is x and is_zero(lookahead_ms) and memory.whole:
        parameters = *curve, *_mixing(x, makeup_gain_db, mix)
        return run_as_rows(_compressed, (x,), parameters, sign, linked=linked)
    per_decade = DB_PER_DECADE[detector]
    reduction_db = _followed("reduction_db", key, curve, per_decade, sign, linked, memory)
    reduction_db = _looking_ahead(reduction_db, lookahead_ms, x, sample_rate, memory)
    x = _waiting(x, lookahead_ms, sample_rate, memory)
    return reduced(x, reduction_db, makeup_gain_db, mix, linked=linked)


def _followed(
    name: str,
    key: Tensor,
    curve: tuple[Tensor, ...],
    db_per_decade: float,
    sign: float,
    linked: bool,
    memory: Memory,
) -> Tensor:
    """`_reduction_db` of any batch, from where the block before has left it."""
    *curve, start_db = curve

    def follow(key: Tensor, before_db: Tensor | None) -> tuple[Tensor, Tensor]:
        parameters = *curve, start_db if before_db is None else before_db
        reduction_db = run_as_rows(
            _reduction_db, (key,), parameters, db_per_decade, sign, linked=linked
        )
        return reduction_db, reduction_db[..., -1] if key.shape[-1] else before_db

    return memory.through(name, follow, memory.exact(key)).to(key.dtype)


def _slope(ratio: Value, x: Tensor) -> Tensor:
    return 1 - 1 / per_item("ratio", ratio, x, low=1.0)


def _curve(
    x: Tensor,
    sample_rate: float,
    threshold_db: Value,
    slope: Tensor,
    knee_db: Value,
    attack_ms: Value,
    release_ms: Value,
    range_db: Tensor | None = None,
    downwards: bool = False,
) -> tuple[Tensor, ...]:
    """The parameters of `_reduction_db`, of which the last is the reduction before the start."""
    threshold_db = per_item("threshold_db", threshold_db, x)
    knee_db = per_item("knee_db", knee_db, x, low=0.0)
    range_db = x.new_full((), math.inf) if range_db is None else range_db
    start_db = torch.zeros_like(threshold_db)
    if downwards:
        start_db = at_most(slope * soft_knee(threshold_db - SILENCE_DB, knee_db), range_db)
    poles = _poles(x, sample_rate, attack_ms, release_ms)
    return threshold_db, slope, knee_db, range_db, *poles, start_db


def run_as_rows(
    function: Callable, signals: tuple[Tensor, ...], parameters: tuple[Tensor, ...], *options,
    linked: bool,
) -> Tensor:  # fmt: skip
    """Run a function of rows `(rows, channels, time)` on any batch; a row has one gain.

    Its channels are those of an item where `linked`, else there is one. Reductions of gain,
    which have no channels, are `(*batch, channels or 1, time)`, and parameters `(*batch)`, or
    for each gain `(*batch, channels or 1)`.
    """
    first = signals[0].unsqueeze(-3 if linked else -2)
    rows, time = first.shape[:-2], first.shape[-1]
    flat = math.prod(rows)
    y = function(
        first.reshape(flat, *first.shape[-2:]),
        *(signal.reshape(flat, time) for signal in signals[1:]),
        *(_one_a_row(parameter, rows) for parameter in parameters),
        *options,
    )
    return y.reshape(*rows, time) if y.ndim == 2 else y.reshape(signals[0].shape)


def _one_a_row(parameter: Tensor, rows: torch.Size) -> Tensor:
    if parameter.shape == (math.prod(rows),):
        return parameter
    if parameter.ndim == 0:
        return parameter.expand(math.prod(rows))
    if parameter.ndim < len(rows):
        parameter = parameter[..., None]
    return parameter.expand(rows).flatten()


def reduced(
    x: Tensor,
    reduction_db: Tensor,
    makeup_gain_db: Value = 0.0,
    mix: Value = 1.0,
    *,
    linked: bool = True,
) -> Tensor:
    """`x` lowered by `reduction_db` `(*batch, channels or 1, time)` and raised by the makeup."""
    linked = linked or reduction_db.shape[-2] == 1  # A mono side chain has one for all channels.
    return run_as_rows(
        _amplified, (x, reduction_db), _mixing(x, makeup_gain_db, mix), linked=linked
    )


def _mixing(x: Tensor, makeup_gain_db: Value, mix: Value) -> tuple[Tensor, Tensor]:
    return (
        per_item("makeup_gain_db", makeup_gain_db, x),
        per_item("mix", mix, x, low=0.0, high=1.0),
    )


WAITS_FROM = 5_000_000
"""Samples that the portable forms take as long for as their loops take to compile."""

_CURVE = (
    "Tensor threshold_db, Tensor slope, Tensor knee_db, Tensor range_db, Tensor attack, "
    "Tensor release, Tensor start_db"
)


@fused(
    "dynamics",
    f"(Tensor x, {_CURVE}, Tensor makeup_gain_db, Tensor mix, float sign) -> Tensor",
    lambda x, *_: x.new_empty(x.shape),
    waits_from=WAITS_FROM,
)
def _compressed(x: Tensor, *parameters_and_sign) -> Tensor:
    *curve, makeup_gain_db, mix, sign = parameters_and_sign
    return _amplified(x, _reduction_db(x, *curve, 20.0, sign), makeup_gain_db, mix)


@fused(
    "dynamics",
    f"(Tensor key, {_CURVE}, float db_per_decade, float sign) -> Tensor",
    lambda key, *_: key.new_empty(key.shape[0], key.shape[2]),
    waits_from=WAITS_FROM,
)
def _reduction_db(
    key: Tensor,
    threshold_db: Tensor,
    slope: Tensor,
    knee_db: Tensor,
    range_db: Tensor,
    attack: Tensor,
    release: Tensor,
    start_db: Tensor,
    db_per_decade: float,
    sign: float,
) -> Tensor:
    """The reduction `(rows, time)` that a key `(rows, channels, time)` asks for.

    It is for levels over the threshold where `sign` is 1, below it where it is -1.
    """
    over_db = sign * (loudest(_level_db(key, db_per_decade)) - threshold_db[:, None])
    wanted_db = slope[:, None] * soft_knee(over_db, knee_db[:, None])
    return ballistics(at_most(wanted_db, range_db[:, None]), attack, release, start_db)[0]


@fused(
    "dynamics",
    "(Tensor x, Tensor reduction_db, Tensor makeup_gain_db, Tensor mix) -> Tensor",
    lambda x, *_: x.new_empty(x.shape),
    waits_from=WAITS_FROM,
)
def _amplified(x: Tensor, reduction_db: Tensor, makeup_gain_db: Tensor, mix: Tensor) -> Tensor:
    """`x` `(rows, channels, time)` and its wet share, lowered by `reduction_db` `(rows, time)`."""
    gain = db_to_gain(makeup_gain_db[:, None] - reduction_db)[:, None]
    return torch.lerp(x, x * gain, mix[:, None, None])


def detect_level(
    x: Tensor,
    sample_rate: float,
    memory: Memory = WHOLE,
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
    key = _key(x, sample_rate, memory, detector, sidechain, sidechain_high_pass_hz)
    level_db = _level_db(key, DB_PER_DECADE[detector])
    return loudest(level_db)[..., None, :] if linked else level_db


def _key(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    detector: str,
    sidechain: Tensor | None,
    sidechain_high_pass_hz: Value | None,
    rms_time_ms: Value = RMS_TIME_MS,
) -> Tensor:
    """What the detector listens to: amplitudes, or the power of "rms"."""
    check_choice("detector", detector, DB_PER_DECADE)
    key = x if sidechain is None else _checked_sidechain(sidechain, x)
    if sidechain_high_pass_hz is not None:
        high_pass_hz = per_item(
            "sidechain_high_pass_hz", sidechain_high_pass_hz, x, **below_nyquist(sample_rate)
        )
        key = filter_with(key, design_high_pass(high_pass_hz, sample_rate), memory)
    if detector == "rms":
        pole = smoothing_coefficient(per_item("rms_time_ms", rms_time_ms, x, low=0.0), sample_rate)
        key = memory.through("mean_square", one_pole, key.square(), pole[..., None, None])
    return key


def _level_db(key: Tensor, db_per_decade: float) -> Tensor:
    return gain_to_db(key) if db_per_decade == 20 else power_to_db(key)


def loudest(level_db: Tensor) -> Tensor:
    """The highest level of all channels `(..., channels, time)`: silence where there are none."""
    if level_db.shape[-2] == 0:
        return level_db.new_full((*level_db.shape[:-2], level_db.shape[-1]), SILENCE_DB)
    return level_db.amax(-2)


def soft_knee(over_db: Tensor, knee_db: Tensor) -> Tensor:
    """How far a level is over a threshold: 0 below it, `over_db` above, a parabola between.

    The parabola is `knee_db` wide and meets both lines in value and in slope (equation 4 of
    the source). A knee of 0 is a corner, with finite gradients.
    """
    half = knee_db / 2
    into_knee = at_least(over_db + half, 0.0)
    bend = into_knee.square() / (2 * at_least(knee_db, 1e-6))
    return torch.where(over_db >= half, at_least(over_db, 0.0), bend)


def smooth(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    *,
    attack_ms: Value,
    release_ms: Value,
    start: Tensor,
) -> Tensor:
    """Follow `x` `(*batch, channels, time)`: rises take `attack_ms`, falls `release_ms`.

    `start` `(*batch, channels)` is where it begins.
    """
    attack, release = (p[..., None] for p in _poles(x, sample_rate, attack_ms, release_ms))

    def follow(x: Tensor, zi: Tensor | None) -> tuple[Tensor, Tensor]:
        return ballistics(x, attack, release, start if zi is None else zi)

    return memory.through("smooth", follow, memory.exact(x)).to(x.dtype)


def _poles(
    x: Tensor, sample_rate: float, attack_ms: Value, release_ms: Value
) -> tuple[Tensor, Tensor]:
    attack_ms = per_item("attack_ms", attack_ms, x, low=0.0)
    release_ms = per_item("release_ms", release_ms, x, low=0.0)
    return (
        smoothing_coefficient(attack_ms.double(), sample_rate),
        smoothing_coefficient(release_ms.double(), sample_rate),
    )


def _looking_ahead(
    reduction_db: Tensor, lookahead_ms: Value, x: Tensor, sample_rate: float, memory: Memory
) -> Tensor:
    lookahead = per_item("lookahead_ms", lookahead_ms, x, low=0.0) * (sample_rate / 1000)
    if is_zero(lookahead_ms):
        return reduction_db
    if memory.whole:
        return advanced(reduction_db, lookahead)
    ahead = lookahead_samples(sample_rate, lookahead_ms=lookahead_ms)
    return memory.around(
        "lookahead", lambda signal: advanced(signal, lookahead), reduction_db, 0, ahead
    )


def _waiting(x: Tensor, lookahead_ms: Value, sample_rate: float, memory: Memory) -> Tensor:
    """`x` beside a reduction that looks ahead."""
    if memory.whole:
        return x
    return memory.held("x", x, lookahead_samples(sample_rate, lookahead_ms=lookahead_ms))


def is_zero(value: Value) -> bool:
    """Whether a parameter is the number 0, and not a tensor, which may have a gradient."""
    return not isinstance(value, Tensor) and value == 0


def advanced(x: Tensor, samples: Tensor) -> Tensor:
    """`x` moved earlier by `samples` `(*batch)`, a fraction by a straight line; the end holds."""
    last = max(x.shape[-1] - 1, 0)
    whole = samples.detach().floor()
    fraction = (samples - whole)[..., None, None]
    n = torch.arange(x.shape[-1], device=x.device)
    index = (n + whole.clamp(max=last).long()[..., None, None]).clamp(max=last).expand(x.shape)
    following = (index + 1).clamp(max=last)
    return torch.lerp(x.gather(-1, index), x.gather(-1, following), fraction)


def _checked_sidechain(sidechain: Tensor, x: Tensor) -> Tensor:
    check_audio(sidechain, "sidechain")
    if sidechain.shape[-1] != x.shape[-1] or not broadcasts(sidechain.shape, x.shape):
        raise ValueError(
            f"sidechain: expected the shape of x, {tuple(x.shape)}, with as many channels or 1, "
            f"got shape {tuple(sidechain.shape)}"
        )
    return sidechain.to(x).expand(*x.shape[:-2], -1, -1)
