"""What a slow sine moves: chorus and flanger a delay, tremolo a gain, phaser all-passes.

Every sine is sin(2 pi (rate_hz t + phase)) with t = 0 at the first sample: at a `phase` of 0 it
starts in its middle and rises. Phases are in turns, 0.25 is a quarter of a period, and
`stereo_phase` is how far each channel is ahead of the one before it.

Source: U. Zölzer (editor), "DAFX: digital audio effects", 2nd edition, 2011, chapter 2.
"""

import math

import torch
from torch import Tensor

from dasp._checks import check_choice, check_range
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, below_nyquist, per_item
from dasp.functional._memory import Memory
from dasp.functional._mix import mixed
from dasp.functional.delay import loop, loop_samples
from dasp.signal.allpass import all_pass_cascade, design_first_order_all_pass
from dasp.signal.delay import fractional_delay

VOICES = tuple(range(1, 9))
STAGES = tuple(range(2, 13, 2))


@audio_processor
def chorus(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    *,
    rate_hz: Value,
    depth_ms: Value,
    delay_ms: Value = 10.0,
    mix: Value = 0.5,
    phase: Value = 0.0,
    stereo_phase: Value = 0.25,
    voices: int = 2,
) -> Tensor:
    """Add voices whose delay, and so their pitch, swings. A `mix` of 0 leaves `x` as it is.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        rate_hz: How often the delays swing, 0 (they stand still) or more.
        depth_ms: How much longer the longest delay is than the shortest, 0 or more.
        delay_ms: The shortest delay, 0 or more.
        mix: Share of the voices, 0 (dry) to 1.
        phase: Where the sine of the first voice starts, in turns.
        stereo_phase: How far each channel is ahead of the one before it, in turns.
        voices: 1 to 8, spread evenly over the period. Their mean is heard.
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
    return mixed(x, sum(wet) / voices, mix)


@audio_processor
def flanger(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    *,
    rate_hz: Value,
    depth_ms: Value,
    delay_ms: Value = 0.5,
    feedback: Value = 0.5,
    mix: Value = 0.5,
    phase: Value = 0.0,
    stereo_phase: Value = 0.0,
) -> Tensor:
    """Sweep a comb: `x` and a short, swinging delay of it. A `mix` of 0 leaves `x` as it is.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        rate_hz: How often the delay swings, 0 (it stands still) or more.
        depth_ms: How much longer the longest delay is than the shortest, 0 or more.
        delay_ms: The shortest delay, one sample or more.
        feedback: Share of the delayed signal that is delayed again, between -1 and 1. It
            resonates at the hills of the comb, below 0 half way between them.
        mix: Share of the delayed signal, 0 (dry) to 1; half has the deepest notches.
        phase: Where the sine starts, in turns.
        stereo_phase: How far each channel is ahead of the one before it, in turns.
    """
    shortest = loop_samples("delay_ms", delay_ms, x, sample_rate)
    feedback = per_item("feedback", feedback, x, above=-1.0, below=1.0)[..., None, None]
    turns = _turns(x, sample_rate, rate_hz, phase, stereo_phase, memory)
    depth = _depth_samples(x, sample_rate, depth_ms)
    samples = shortest + depth * _swing(turns)
    return mixed(x, loop(x, samples, feedback, memory, "line", longest=shortest + depth), mix)


@audio_processor
def tremolo(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    *,
    rate_hz: Value,
    depth: Value,
    phase: Value = 0.0,
    stereo_phase: Value = 0.0,
) -> Tensor:
    """Let the gain swing between 1 and 1 - `depth`. A depth of 0 leaves `x` as it is.

    With a `stereo_phase` of 0.5 one side fades while the other rises: an automatic pan.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        rate_hz: How often the gain swings, 0 (it stands still) or more.
        depth: From 0 to 1, where the sound fades to silence.
        phase: Where the sine starts, in turns.
        stereo_phase: How far each channel is ahead of the one before it, in turns.

    >>> tremolo(torch.ones(1, 5), 4, rate_hz=1.0, depth=0.5)
    tensor([[0.7500, 1.0000, 0.7500, 0.5000, 0.7500]])
    """
    depth = per_item("depth", depth, x, low=0.0, high=1.0)[..., None, None]
    sine = _sine(_turns(x, sample_rate, rate_hz, phase, stereo_phase, memory))
    return x * (1 - depth * ((1 - sine) / 2).to(x.dtype))


@audio_processor
def phaser(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    *,
    rate_hz: Value,
    depth_octaves: Value,
    centre_freq_hz: Value = 800.0,
    feedback: Value = 0.3,
    mix: Value = 0.5,
    phase: Value = 0.0,
    stereo_phase: Value = 0.0,
    stages: int = 4,
) -> Tensor:
    """Sweep the notches between `x` and a cascade of all-passes. A `mix` of 0 leaves it as it is.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        rate_hz: How often the break frequency swings, 0 (it stands still) or more.
        depth_octaves: How far it swings to either side, 0 or more.
        centre_freq_hz: Its middle, where a stage turns the phase by 90 degrees. The highest
            frequency, `depth_octaves` above, is below Nyquist.
        feedback: Share of the cascade's output that goes through it again, one sample later,
            between -1 and 1. It resonates between the notches, below 0 near them.
        mix: Share of the cascade, 0 (dry) to 1; half has the deepest notches.
        phase: Where the sine starts, in turns.
        stereo_phase: How far each channel is ahead of the one before it, in turns.
        stages: 2, 4, … 12 all-passes; every two make a notch.
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
    """Between 0 and 1."""
    return (1 + _sine(turns)) / 2


def _depth_samples(x: Tensor, sample_rate: float, depth_ms: Value) -> Tensor:
    """How many samples the longest delay is longer than the shortest."""
    depth_ms = per_item("depth_ms", depth_ms, x, low=0.0)[..., None, None]
    return depth_ms.double() * (sample_rate / 1000)
