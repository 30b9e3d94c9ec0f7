"""Dattorro's plate: all-pass diffusers before a tank of two halves that feed each other.

    input: pre-delay -> low-pass -> four all-passes -> both halves
    half:  modulated all-pass -> delay -> damping -> decay -> all-pass -> delay -> decay -> other

Source: J. Dattorro, "Effect design, part 1: reverberator and other filters", JAES 45(9), 1997,
figure 1 and tables 1 and 2, which give all lengths at a rate of 29,761 Hz.
"""

import math

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp._constants import constant
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._mix import mixed
from dasp.functional._param import Param
from dasp.functional._processor import Processor
from dasp.functional._reverb import check_mono_or_stereo, pre_delayed, read_lines
from dasp.functional._run import in_blocks
from dasp.signal._fused import on_gpu
from dasp.signal._operator import opaque
from dasp.signal.backends.plate_plan import Plan
from dasp.signal.delay import feedback_delay
from dasp.signal.smoothing import one_pole

REFERENCE_RATE = 29_761
INPUT_ALL_PASSES = ((142, 0.75), (107, 0.75), (379, 0.625), (277, 0.625))

# Lengths of the two halves of the tank, a and b.
MODULATED_ALL_PASS, MODULATED_GAIN = (672, 908), -0.70
FIRST_DELAY = (4453, 4217)
ALL_PASS, ALL_PASS_GAIN = (1800, 2656), 0.50
SECOND_DELAY = (3720, 3163)

A, B = 0, 1
LEFT_TAPS = (
    ("first", B, 266, 1), ("first", B, 2974, 1), ("all_pass", B, 1913, -1), ("second", B, 1996, 1),
    ("first", A, 1990, -1), ("all_pass", A, 187, -1), ("second", A, 1066, -1),
)  # fmt: skip
RIGHT_TAPS = (
    ("first", A, 353, 1), ("first", A, 3627, 1), ("all_pass", A, 1228, -1), ("second", A, 2673, 1),
    ("first", B, 2111, -1), ("all_pass", B, 335, -1), ("second", B, 121, -1),
)  # fmt: skip
TAP_GAIN = 0.6

ROUND_S = sum(map(sum, (MODULATED_ALL_PASS, FIRST_DELAY, ALL_PASS, SECOND_DELAY))) / REFERENCE_RATE
"""The mean over all frequencies of the time of a round through both halves."""

LONGER_AT_REST = 1.10
"""How much longer the decay is where nothing moves.

An all-pass of length N and gain g delays by N (1 - g^2) / (1 + g^2 + 2 g cos(N w)), which is N in
the mean over frequencies w, and up to N (1 + g) / (1 - g): 5.7 and 3 times the length here. At
rest every frequency keeps its own time of a round, and those with long ones are what is left in
the end. Modulation moves every frequency through short rounds and long ones, and all decay as the
mean does.
"""


def plate_decay(rt60_s: float, *, modulation_ms: float = 0.25) -> float:
    """Compute the `decay` of `plate_reverb` whose reverb falls by 60 dB in a given time.

    The time is measured as that of a room: by a straight line through the energy that is still to
    come, from -5 to -35 dB, with the filters open. It is met within 5 % from 1 s (without
    modulation) or 1.8 s (with modulation) to 24 s. Times below about 0.7 s cannot be reached: the
    all-passes themselves ring for as long.

    Args:
        rt60_s: Time in s, above 0.
        modulation_ms: That of the plate; only whether it is 0 matters.

    Returns:
        The gain at each of four places of a round, 10^(-3 round / (4 rt60)) with modulation.

    Raises:
        ValueError: If `rt60_s` is not above 0.

    >>> round(plate_decay(1.809), 3), round(plate_decay(1.990, modulation_ms=0.0), 3)
    (0.5, 0.5)
    """
    check_range("rt60_s", rt60_s, above=0.0)
    longer = LONGER_AT_REST if modulation_ms == 0 else 1.0
    return 10 ** (-3 * ROUND_S * longer / (4 * rt60_s))


@audio_processor
def plate_reverb(
    x: Tensor,
    sample_rate: float,
    *,
    decay: Value,
    mix: Value,
    damping_hz: Value = 6000.0,
    bandwidth_hz: Value = 10_000.0,
    diffusion: Value = 1.0,
    modulation_ms: Value = 0.25,
    modulation_hz: Value = 1.0,
    pre_delay_ms: Value = 0.0,
    memory: Memory = WHOLE,
) -> Tensor:
    """Reverberate `x` on Dattorro's plate, all-pass diffusers before a tank of two halves.

    The plate has one input, the mean of the channels, and two outputs, of which mono audio gets the
    left. A parameter is a number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`, mono or stereo.
        sample_rate: In Hz. The lengths of the plate are scaled by it and rounded.
        decay: Gain at four places of the round through the tank, from 0 to less than 1. The round
            lasts 0.725 s in the mean, so the reverb decays by 60 dB in -0.544 s / log10(decay);
            with a `modulation_ms` of 0, where frequencies that take longer remain, in -0.599 s /
            log10(decay). `plate_decay` gives the `decay` for a time. [0 to 0.95]
        mix: Share of the reverb, 0 (dry, `x` as it is) to 1. [0 to 1]
        damping_hz: Corner of the low-pass in each half of the tank, above 0: frequencies above it
            decay sooner. Far above Nyquist the low-pass is open. [500 to 20000 Hz]
        bandwidth_hz: Corner of the low-pass before the plate, above 0. Far above Nyquist the
            low-pass is open. [500 to 20000 Hz]
        diffusion: Factor on the gains of the four input all-passes, from 0, separate echoes, to 1.
            [0 to 1]
        modulation_ms: Distance to which the first all-pass of each half swings around its length, 0
            (stands still) to 10. [0 to 2 ms]
        modulation_hz: Frequency of the swing, 0 or more; the two halves are a quarter of a period
            apart. [0.1 to 5 Hz]
        pre_delay_ms: Time between `x` and its reverb, 0 or more; 0 is none. [0 to 200 ms]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`. The reverb is cut at the end of `x`.

    Raises:
        ValueError: If `x` has more than two channels, `decay` is not in [0, 1), a corner is not
            above 0, `diffusion` or `mix` lies outside [0, 1], `modulation_ms` lies outside [0, 10],
            or `modulation_hz` or `pre_delay_ms` is below 0.

    Source: J. Dattorro, "Effect design, part 1: reverberator and other filters", JAES 45(9), 1997.

    >>> impulse = torch.eye(1, 30_000)
    >>> wet = plate_reverb(impulse, 44_100, decay=0.3, mix=1.0)
    >>> bool(wet[:, 20_000:].square().sum() < wet[:, :10_000].square().sum())
    True
    """
    check_mono_or_stereo(x)
    decay = per_item("decay", decay, x, low=0.0, below=1.0)[..., None, None]
    damping = _pole("damping_hz", damping_hz, x, sample_rate)
    bandwidth = _pole("bandwidth_hz", bandwidth_hz, x, sample_rate)
    diffusion = per_item("diffusion", diffusion, x, low=0.0, high=1.0)[..., None, None]
    depth_ms = per_item("modulation_ms", modulation_ms, x, low=0.0, high=10.0)[..., None, None]
    rate_hz = per_item("modulation_hz", modulation_hz, x, low=0.0)[..., None, None]

    signal = pre_delayed(x.mean(-2, keepdim=True), sample_rate, pre_delay_ms, memory)
    signal = memory.through("bandwidth", one_pole, signal, bandwidth)
    stages = tuple((_scaled(length, sample_rate), gain) for length, gain in INPUT_ALL_PASSES)
    if memory.whole:
        signal = _diffused_at_once(signal, diffusion, stages)
    else:
        signal = _diffused(signal, diffusion, stages, memory)
    middle = (
        _scaled(MODULATED_ALL_PASS[0], sample_rate),
        _scaled(MODULATED_ALL_PASS[1], sample_rate),
    )
    if memory.whole:
        swing = _swing_at_once(depth_ms, rate_hz, x.shape[-1], sample_rate, middle)
    else:
        swing = _swing(memory.position(x), sample_rate, depth_ms, rate_hz, middle)
    arguments = signal, decay, damping, swing, x.shape[-2], float(sample_rate)
    wet = _plate(*arguments) if memory.whole else _plate_between(*arguments, memory)
    return mixed(x, wet, mix)


PLATE_REVERB = Processor(
    in_blocks(plate_reverb),
    Param("decay", 0.0, 0.95, default=0.5),
    Param("mix", 0.0, 1.0, default=0.3),
    Param("damping_hz", 500.0, 20_000.0, scale="log"),
    Param("bandwidth_hz", 500.0, 20_000.0, scale="log"),
    Param("diffusion", 0.0, 1.0),
    Param("modulation_ms", 0.0, 2.0),
    Param("modulation_hz", 0.1, 5.0, scale="log"),
    Param("pre_delay_ms", 0.0, 200.0),
    neutral={"mix": 0.0},
)


@opaque(
    "(Tensor x, Tensor decay, Tensor damping, Tensor swing, int sides, float sample_rate) "
    "-> Tensor",
    lambda x, decay, damping, swing, sides, _: x.new_empty(*x.shape[:-2], sides, x.shape[-1]),
)
def _plate(
    x: Tensor, decay: Tensor, damping: Tensor, swing: Tensor, sides: int, sample_rate: float
) -> Tensor:
    return _at_once(x, decay, damping, swing, sides, sample_rate, _plan(sample_rate))


@on_gpu("plate_cuda.plate", last=2)
def _at_once(
    x: Tensor,
    decay: Tensor,
    damping: Tensor,
    swing: Tensor,
    sides: int,
    sample_rate: float,
    plan: Plan,
) -> Tensor:
    """`plan` is what `sample_rate` makes of the lengths, for the kernel."""
    return _plate_between(x, decay, damping, swing, sides, sample_rate, WHOLE)


def _plan(sample_rate: float) -> Plan:
    return Plan(
        first=_both_scaled(FIRST_DELAY, sample_rate),
        all_pass=_both_scaled(ALL_PASS, sample_rate),
        second=_both_scaled(SECOND_DELAY, sample_rate),
        swinging_gain=MODULATED_GAIN,
        all_pass_gain=ALL_PASS_GAIN,
        tap_gain=TAP_GAIN,
        taps=tuple(
            (side, line, half, _scaled(length, sample_rate), sign)
            for side, taps in enumerate((LEFT_TAPS, RIGHT_TAPS))
            for line, half, length, sign in taps
        ),
    )


def _plate_between(
    x: Tensor,
    decay: Tensor,
    damping: Tensor,
    swing: Tensor,
    sides: int,
    sample_rate: float,
    memory: Memory,
) -> Tensor:
    """What one or two sides hear of a diffuse `x` `(*batch, 1, time)` that enters the tank."""
    heard = _tank(x, sample_rate, decay, damping, swing, memory)
    taps = (LEFT_TAPS, RIGHT_TAPS)[:sides]
    return TAP_GAIN * torch.stack(
        [_sum_of(side, heard, sample_rate, x.shape[-1]) for side in taps], -2
    )


@on_gpu("diffuser_cuda.diffused", last=2)
def _diffused_at_once(
    x: Tensor, diffusion: Tensor, stages: tuple[tuple[int, float], ...]
) -> Tensor:
    return _diffused(x, diffusion, stages, WHOLE)


def _diffused(
    x: Tensor, diffusion: Tensor, stages: tuple[tuple[int, float], ...], memory: Memory
) -> Tensor:
    """`x` through all-passes of fixed lengths, whose gains are `diffusion` times those given."""
    for i, (length, gain) in enumerate(stages):
        x = memory.through(f"diffuser_{i + 1}", _all_pass_of, x, length, diffusion * gain)
    return x


def _all_pass_of(
    x: Tensor, length: int, gain: Tensor, past: Tensor | None
) -> tuple[Tensor, Tensor]:
    """An all-pass of a fixed length; `past` is what its delay holds, oldest first."""
    if past is None:
        past = x.new_zeros(*x.shape[:-1], length)
    inside = torch.cat((past, feedback_delay(x, length, -gain, past)), -1)
    y = gain * inside[..., length:] + inside[..., : x.shape[-1]]
    return y, inside[..., x.shape[-1] :]


def _tank(
    x: Tensor, sample_rate: float, decay: Tensor, damping: Tensor, swing: Tensor, memory: Memory
) -> dict[str, Tensor]:
    """What was written into the fixed delays of both halves up to now, each `(..., 2, samples)`.

    The end of one half reaches the other no sooner than through the shorter of the last delays,
    so the tank advances by blocks of that length, both halves side by side. Two blocks are as
    far as any delay reaches back, one as far as any all-pass.
    """
    first_delay, all_pass_delay, second_delay = (
        _both_scaled(lengths, sample_rate) for lengths in (FIRST_DELAY, ALL_PASS, SECOND_DELAY)
    )
    block = min(second_delay)
    silence = x.new_zeros(*x.shape[:-2], 2, 2 * block)
    names = "swinging", "first", "all_pass", "second"
    kept = (memory.get(name) for name in names)
    swinging, first, all_pass, second = ([silence if k is None else k] for k in kept)
    all_pass_length = constant(all_pass_delay, x, torch.int64)[:, None]
    damped_before = memory.get("damped")
    parts = zip(x.split(block, -1), swing.split(block, -1), strict=True) if x.shape[-1] else ()
    for part, length in parts:
        time = part.shape[-1]
        other_end = read_lines(torch.cat(second[-2:], -1), second_delay, time).flip(-2)
        signal = part + decay * other_end
        swinging.append(feedback_delay(signal, length, -MODULATED_GAIN, swinging[-1]))
        swung = _all_pass(signal, swinging[-1], MODULATED_GAIN)

        signal = read_lines(torch.cat(first[-2:], -1), first_delay, time)
        first.append(swung)
        damped, damped_before = one_pole(signal, damping, damped_before)
        signal = decay * damped
        all_pass.append(feedback_delay(signal, all_pass_length, -ALL_PASS_GAIN, all_pass[-1]))
        second.append(_all_pass(signal, all_pass[-1], ALL_PASS_GAIN))
    written = {
        name: torch.cat(blocks, -1)
        for name, blocks in zip(names, (swinging, first, all_pass, second), strict=True)
    }
    for name, line in written.items():
        memory.keep(name, line[..., line.shape[-1] - 2 * block :])
    if damped_before is not None:
        memory.keep("damped", damped_before)
    return written


def _all_pass(x: Tensor, inside: Tensor, gain: float) -> Tensor:
    """y = g v + v(n - N) of the all-pass whose delay holds v = x - g v(n - N)."""
    return gain * inside + (x - inside) / gain


@on_gpu("swing_cuda.swing", last=2)
def _swing_at_once(
    depth_ms: Tensor, rate_hz: Tensor, time: int, sample_rate: float, middle: tuple[int, int]
) -> Tensor:
    n = torch.arange(time, device=depth_ms.device)
    return _swing(n, sample_rate, depth_ms, rate_hz, middle)


def _swing(
    n: Tensor, sample_rate: float, depth_ms: Tensor, rate_hz: Tensor, middle: tuple[int, int]
) -> Tensor:
    """The moving lengths of the first all-pass of both halves at `n`, `(..., 2, time)`."""
    start = constant(((0.0,), (math.pi / 2,)), n, torch.float64)
    phase = (2 * math.pi / sample_rate) * rate_hz.double() * n + start
    depth = depth_ms.double() * (sample_rate / 1000)
    return constant(tuple((m,) for m in middle), n, torch.float64) + depth * torch.sin(phase)


def _sum_of(taps: tuple, written: dict[str, Tensor], sample_rate: float, time: int) -> Tensor:
    return sum(
        sign * _late(written[name][..., half, :], _scaled(length, sample_rate), time)
        for name, half, length, sign in taps
    )


def _scaled(length: int, sample_rate: float) -> int:
    """A length at the reference rate in samples of `sample_rate`, 1 or more."""
    return max(1, round(length * sample_rate / REFERENCE_RATE))


def _both_scaled(lengths: tuple[int, int], sample_rate: float) -> tuple[int, int]:
    return _scaled(lengths[0], sample_rate), _scaled(lengths[1], sample_rate)


def _late(written: Tensor, samples: int, time: int) -> Tensor:
    """The last `time` samples as they were `samples` ago."""
    start = written.shape[-1] - time - samples
    return written[..., start : start + time]


def _pole(name: str, corner_hz: Value, x: Tensor, sample_rate: float) -> Tensor:
    corner_hz = per_item(name, corner_hz, x, above=0.0)[..., None, None]
    return _pole_at(corner_hz, 2 * math.pi / sample_rate)


@on_gpu("recurrence_cuda.pole_at")
def _pole_at(corner_hz: Tensor, turn: float) -> Tensor:
    """The pole of a low-pass, of which `turn` is the angle from sample to sample at 1 Hz."""
    return torch.exp(-turn * corner_hz)
