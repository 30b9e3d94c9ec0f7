"""Effects of a slow sine, which moves a delay, a gain or the all-passes of a phaser.

Every sine is sin(2 pi (rate_hz t + phase)) with t = 0 at the first sample: at a `phase` of 0 it
starts in its middle and rises. Phases are in turns, 0.25 is a quarter of a period, and
`stereo_phase` is how far each channel is ahead of the one before it.

Source: U. Zölzer (editor), "DAFX: digital audio effects", 2nd edition, 2011, chapter 2.
"""

import math
from functools import reduce

import torch
from torch import Tensor

from dasp._checks import check_choice, check_range
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, below_nyquist, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._mix import mixed
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.functional.delay import loop, loop_samples
from dasp.signal.allpass import all_pass_cascade, design_first_order_all_pass
from dasp.signal.delay import fractional_delay

VOICES = tuple(range(1, 9))
STAGES = tuple(range(2, 13, 2))


@audio_processor
def chorus(
    x: Tensor,
    sample_rate: float,
    *,
    rate_hz: Value,
    depth_ms: Value,
    delay_ms: Value = 10.0,
    mix: Value = 0.5,
    phase: Value = 0.0,
    stereo_phase: Value = 0.25,
    voices: int = 2,
    memory: Memory = WHOLE,
) -> Tensor:
    """Add voices whose delay, and so their pitch, swings.

    The delay of a voice follows sin(2 pi (rate_hz t + phase)). A parameter is a number or a tensor
    `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        rate_hz: Frequency of the swing, 0 (the delays stand still) or more. [0.05 to 10 Hz]
        depth_ms: Difference between the longest delay and the shortest, 0 or more. [0 to 10 ms]
        delay_ms: Shortest delay, 0 or more. [1 to 50 ms]
        mix: Share of the voices, 0 (dry, `x` as it is) to 1. [0 to 1]
        phase: Phase at which the sine of the first voice starts, in turns of 1. [0 to 1]
        stereo_phase: Phase by which each channel is ahead of the one before it, in turns of 1; 0
            swings together. [0 to 1]
        voices: 1 to 8 delays, evenly spread over the period. The output is their mean.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `rate_hz`, `depth_ms` or `delay_ms` is below 0, `mix` lies outside [0, 1], or
            `voices` is not one of 1 to 8.

    Source: U. Zölzer (editor), "DAFX: digital audio effects", 2nd edition, 2011, chapter 2.

    >>> x = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    >>> still = dict(rate_hz=0.0, depth_ms=0.0, voices=1)
    >>> y = chorus(x, 1000, **still, delay_ms=2.0, mix=1.0)
    >>> torch.allclose(y, torch.tensor([[0.0, 0.0, 1.0, 0.0]]), atol=1e-6)
    True
    """
    check_choice("voices", voices, VOICES)
    shortest = per_item("delay_ms", delay_ms, x, low=0.0)[..., None, None]
    shortest = shortest.double() * (sample_rate / 1000)
    turns = _turns(x, sample_rate, rate_hz, phase, stereo_phase, memory)
    depth = _depth_samples(x, sample_rate, depth_ms)
    past = memory.get("line")
    wet = [
        fractional_delay(x, shortest + depth * _swing(turns + voice / voices), past)
        for voice in range(voices)
    ]
    memory.keep_past("line", x, shortest + depth)
    return mixed(x, reduce(torch.add, wet) / voices, mix)


CHORUS = Processor(
    in_blocks(chorus),
    Param("rate_hz", 0.05, 10.0, default=0.8, scale="log"),
    Param("depth_ms", 0.0, 10.0, default=3.0),
    Param("delay_ms", 1.0, 50.0, scale="log"),
    Param("mix", 0.0, 1.0),
    Param("phase", 0.0, 1.0),
    Param("stereo_phase", 0.0, 1.0),
    Option("voices", choices=tuple(range(1, 9))),
    neutral={"mix": 0.0},
)


@audio_processor
def flanger(
    x: Tensor,
    sample_rate: float,
    *,
    rate_hz: Value,
    depth_ms: Value,
    delay_ms: Value = 0.5,
    feedback: Value = 0.5,
    mix: Value = 0.5,
    phase: Value = 0.0,
    stereo_phase: Value = 0.0,
    memory: Memory = WHOLE,
) -> Tensor:
    """Sweep the notches of a comb filter through `x`.

    The comb is the sum of `x` and a short delay of `x`, which follows sin(2 pi (rate_hz t +
    phase)). A parameter is a number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        rate_hz: Frequency of the swing, 0 (the delay stands still) or more. [0.05 to 10 Hz]
        depth_ms: Difference between the longest delay and the shortest, 0 or more. [0 to 10 ms]
        delay_ms: Shortest delay, one sample or more. [0.2 to 10 ms]
        feedback: Share of the delayed signal that is delayed again, between -1 and 1; 0 is none.
            Above 0 the peaks of the comb resonate, below 0 the frequencies half-way between them.
            [-0.95 to 0.95]
        mix: Share of the delayed signal, 0 (dry, `x` as it is) to 1; 0.5 has the deepest notches.
            [0 to 1]
        phase: Phase at which the sine starts, in turns of 1. [0 to 1]
        stereo_phase: Phase by which each channel is ahead of the one before it, in turns of 1; 0
            swings together. [0 to 1]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `rate_hz` or `depth_ms` is below 0, `delay_ms` is shorter than one sample,
            `feedback` is not between -1 and 1, or `mix` lies outside [0, 1].

    Source: U. Zölzer (editor), "DAFX: digital audio effects", 2nd edition, 2011, chapter 2.

    >>> x = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    >>> y = flanger(x, 1000, rate_hz=0.0, depth_ms=0.0, delay_ms=2.0, feedback=0.0, mix=0.5)
    >>> torch.allclose(y, torch.tensor([[0.5, 0.0, 0.5, 0.0]]), atol=1e-6)
    True
    """
    shortest = loop_samples("delay_ms", delay_ms, x, sample_rate)
    feedback = per_item("feedback", feedback, x, above=-1.0, below=1.0)[..., None, None]
    turns = _turns(x, sample_rate, rate_hz, phase, stereo_phase, memory)
    depth = _depth_samples(x, sample_rate, depth_ms)
    samples = shortest + depth * _swing(turns)
    return mixed(x, loop(x, samples, feedback, memory, "line", longest=shortest + depth), mix)


FLANGER = Processor(
    in_blocks(flanger),
    Param("rate_hz", 0.05, 10.0, default=0.3, scale="log"),
    Param("depth_ms", 0.0, 10.0, default=3.0),
    Param("delay_ms", 0.2, 10.0, scale="log"),
    Param("feedback", -0.95, 0.95),
    Param("mix", 0.0, 1.0),
    Param("phase", 0.0, 1.0),
    Param("stereo_phase", 0.0, 1.0),
    neutral={"mix": 0.0},
)


@audio_processor
def tremolo(
    x: Tensor,
    sample_rate: float,
    *,
    rate_hz: Value,
    depth: Value,
    phase: Value = 0.0,
    stereo_phase: Value = 0.0,
    memory: Memory = WHOLE,
) -> Tensor:
    """Let the gain swing between 1 and 1 - `depth`.

    The gain follows sin(2 pi (rate_hz t + phase)). With a `stereo_phase` of 0.5 one side fades
    while the other rises: an automatic pan. A parameter is a number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        rate_hz: Frequency of the swing, 0 (the gain stands still) or more. [0.1 to 20 Hz]
        depth: Difference between the highest gain and the lowest, 0 (`x` as it is) to 1 (fades to
            silence). [0 to 1]
        phase: Phase at which the sine starts, in turns of 1. [0 to 1]
        stereo_phase: Phase by which each channel is ahead of the one before it, in turns of 1; 0
            swings together. [0 to 1]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `rate_hz` is below 0, or `depth` lies outside [0, 1].

    Source: U. Zölzer (editor), "DAFX: digital audio effects", 2nd edition, 2011, chapter 2.

    >>> tremolo(torch.ones(1, 5), 4, rate_hz=1.0, depth=0.5)
    tensor([[0.7500, 1.0000, 0.7500, 0.5000, 0.7500]])
    """
    depth = per_item("depth", depth, x, low=0.0, high=1.0)[..., None, None]
    sine = _sine(_turns(x, sample_rate, rate_hz, phase, stereo_phase, memory))
    return x * (1 - depth * ((1 - sine) / 2).to(x.dtype))


TREMOLO = Processor(
    in_blocks(tremolo),
    Param("rate_hz", 0.1, 20.0, default=5.0, scale="log"),
    Param("depth", 0.0, 1.0, default=0.5),
    Param("phase", 0.0, 1.0),
    Param("stereo_phase", 0.0, 1.0),
    neutral={"depth": 0.0},
)


@audio_processor
def phaser(
    x: Tensor,
    sample_rate: float,
    *,
    rate_hz: Value,
    depth_octaves: Value,
    centre_freq_hz: Value = 800.0,
    feedback: Value = 0.3,
    mix: Value = 0.5,
    phase: Value = 0.0,
    stereo_phase: Value = 0.0,
    stages: int = 4,
    memory: Memory = WHOLE,
) -> Tensor:
    """Sweep the notches between `x` and a cascade of all-passes.

    The break frequency of the all-passes follows sin(2 pi (rate_hz t + phase)). A parameter is a
    number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        rate_hz: Frequency of the swing, 0 (the notches stand still) or more. [0.05 to 10 Hz]
        depth_octaves: Distance to which the break frequency swings to either side of its middle, 0
            or more. [0 to 3 octaves]
        centre_freq_hz: Middle of the break frequency, at which a stage turns the phase by 90
            degrees. The highest, `depth_octaves` above, lies below Nyquist. [100 to 2500 Hz]
        feedback: Share of the output of the cascade that goes through it again, one sample later,
            between -1 and 1; 0 is none. Above 0 the frequencies between the notches resonate, below
            0 those near the notches. [-0.95 to 0.95]
        mix: Share of the cascade, 0 (dry, `x` as it is) to 1; 0.5 has the deepest notches. [0 to 1]
        phase: Phase at which the sine starts, in turns of 1. [0 to 1]
        stereo_phase: Phase by which each channel is ahead of the one before it, in turns of 1; 0
            swings together. [0 to 1]
        stages: 2, 4, … 12 all-passes; every two make a notch.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `rate_hz` or `depth_octaves` is below 0, the break frequency is not between 0
            and Nyquist throughout, `feedback` is not between -1 and 1, `mix` lies outside [0, 1],
            or `stages` is none of those listed.

    Source: U. Zölzer (editor), "DAFX: digital audio effects", 2nd edition, 2011, chapter 2.

    >>> impulse = torch.eye(1, 4000)
    >>> y = phaser(impulse, 44_100, rate_hz=0.4, depth_octaves=0.0, feedback=0.0, mix=1.0)
    >>> torch.allclose(y.square().sum(), torch.tensor(1.0), atol=1e-3)  # an all-pass keeps energy
    True
    """
    check_choice("stages", stages, STAGES)
    centre_freq_hz = per_item("centre_freq_hz", centre_freq_hz, x, **below_nyquist(sample_rate))
    depth_octaves = per_item("depth_octaves", depth_octaves, x, low=0.0)
    highest_hz = centre_freq_hz * 2**depth_octaves
    check_range("centre_freq_hz * 2^depth_octaves", highest_hz, **below_nyquist(sample_rate))
    feedback = per_item("feedback", feedback, x, above=-1.0, below=1.0)[..., None, None]
    sine = _sine(_turns(x, sample_rate, rate_hz, phase, stereo_phase, memory))
    octaves = depth_octaves[..., None, None] * sine
    a = design_first_order_all_pass(centre_freq_hz[..., None, None] * 2**octaves, sample_rate)
    wet = memory.through("stages", all_pass_cascade, x, a, feedback, stages)
    return mixed(x, wet, mix)


PHASER = Processor(
    in_blocks(phaser),
    Param("rate_hz", 0.05, 10.0, default=0.4, scale="log"),
    Param("depth_octaves", 0.0, 3.0, default=1.5),
    Param("centre_freq_hz", 100.0, 2500.0, scale="log"),
    Param("feedback", -0.95, 0.95),
    Param("mix", 0.0, 1.0),
    Param("phase", 0.0, 1.0),
    Param("stereo_phase", 0.0, 1.0),
    Option("stages", choices=tuple(range(2, 13, 2))),
    neutral={"mix": 0.0},
)


def _turns(
    x: Tensor,
    sample_rate: float,
    rate_hz: Value,
    phase: Value,
    stereo_phase: Value,
    memory: Memory,
) -> Tensor:
    """The phase of each channel's sine in turns, `(*batch, channels, time)`.

    In float64: float32 would lose a period of 10 Hz within an hour.
    """
    rate_hz, phase, stereo_phase = (
        value.double()[..., None, None]
        for value in (
            per_item("rate_hz", rate_hz, x, low=0.0),
            per_item("phase", phase, x),
            per_item("stereo_phase", stereo_phase, x),
        )
    )
    channel = torch.arange(x.shape[-2], device=x.device, dtype=torch.float64)[:, None]
    n = memory.position(x).double()
    return rate_hz * (n / sample_rate) + phase + stereo_phase * channel


def _sine(turns: Tensor) -> Tensor:
    return torch.sin(2 * math.pi * turns)


def _swing(turns: Tensor) -> Tensor:
    """The sine, mapped to [0, 1]."""
    return (1 + _sine(turns)) / 2


def _depth_samples(x: Tensor, sample_rate: float, depth_ms: Value) -> Tensor:
    """The difference between the longest delay and the shortest, in samples."""
    depth_ms = per_item("depth_ms", depth_ms, x, low=0.0)[..., None, None]
    return depth_ms.double() * (sample_rate / 1000)
