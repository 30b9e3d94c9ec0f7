"""Reverbs of a mix for REAPER: their impulse responses, and the settings of ReaVerbate near them.

ReaVerbate is built on Jezar's Freeverb (2000): eight combs in parallel, of 25.3 to 36.7 ms, with
0.7 + 0.28 times the room size as feedback and a one-pole low-pass of 0.4 times the damping in it.
Room size and damping follow from the time that a response takes to fall by 60 dB, around 1 and
around 8 kHz. How loud ReaVerbate is beside ours is not known.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dasp.mixing.settings import Channel, Mix, Track
from dasp.mixing.wet import REVERBS
from dasp.processors.catalogue import HIGH_PASS, LOW_PASS
from dasp.processors.stage import Stage

LONGEST_S, SILENT_DB = 20.0, -80.0
COMB_S = 1366 / 44_100
"""Mean length of Freeverb's combs."""

MID_HZ, HIGH_HZ = 1000.0, 8000.0


class Room(NamedTuple):
    """Settings of ReaVerbate.

    Args:
        size: Size of the room, in [0, 1].
        damping: Damping of high frequencies, in [0, 1].
    """

    size: float
    damping: float


def impulse_responses(mix: Mix) -> dict[str, Tensor]:
    """Compute the impulse response of every reverb of a mix, to a click on both sides.

    Args:
        mix: The mix.

    Returns:
        Responses `(2, time)` by the name of the track, group or bus, with a number behind the name
        where a strip has several reverbs.
    """
    responses = {}
    channels: tuple[Track | Channel, ...] = (*mix.tracks, *mix.groups, *mix.buses)
    for channel in channels:
        reverbs = [stage for stage in channel.strip if stage.processor.name in REVERBS]
        for i, stage in enumerate(reverbs):
            name = f"{channel.name} {i + 1}" if len(reverbs) > 1 else channel.name
            responses[name] = impulse_response(stage, mix.sample_rate)
    return responses


def impulse_response(stage: Stage, sample_rate: int) -> Tensor:
    """Compute the wet response of a reverb to a click on both sides, until it is silent.

    Args:
        stage: The reverb and its settings.
        sample_rate: In Hz.

    Returns:
        Response `(2, time)`, float64.
    """
    settings = {**stage.settings, "mix": 1.0} if _has_mix(stage) else stage.settings
    seconds = 2.5
    while True:
        click = torch.zeros(2, round(seconds * sample_rate), dtype=torch.float64)
        click[:, 0] = 1.0
        response = stage.processor(click, sample_rate, **settings)
        heard = _last_heard(response)
        if heard < 0.9 * response.shape[-1] or seconds >= LONGEST_S:
            return response[:, : heard + 1]
        seconds *= 2


def room_like(response: Tensor, sample_rate: int) -> Room:
    """Find the settings at which Freeverb decays as fast as a response, around 1 and around 8 kHz.

    Args:
        response: Impulse response `(2, time)`.
        sample_rate: In Hz.

    Returns:
        The settings.
    """
    mid_s = decay_time_s(response, sample_rate, MID_HZ)
    high_s = min(decay_time_s(response, sample_rate, min(HIGH_HZ, 0.3 * sample_rate)), mid_s)
    feedback, high = (10 ** (-3 * COMB_S / max(s, 0.05)) for s in (mid_s, high_s))
    # The pole d of a low-pass (1 - d) / (1 - d / z) that has the gain high / feedback at 8 kHz.
    squared, cosine = (high / feedback) ** 2, math.cos(2 * math.pi * HIGH_HZ / 44_100)
    half = 1 - squared * cosine
    pole = 0.0
    if squared < 1:
        pole = (half - math.sqrt(max(half**2 - (1 - squared) ** 2, 0.0))) / (1 - squared)
    size, damping = (feedback - 0.7) / 0.28, pole / 0.4
    return Room(min(max(size, 0.0), 1.0), min(max(damping, 0.0), 1.0))


def decay_time_s(response: Tensor, sample_rate: int, freq_hz: float) -> float:
    """Measure the time in which an octave of a response decays by 60 dB.

    The time is extrapolated from the decay between -5 and -25 dB of Schroeder's backward
    integral.

    Args:
        response: Impulse response `(2, time)`.
        sample_rate: In Hz.
        freq_hz: Centre of the octave in Hz.

    Returns:
        Reverberation time in seconds.

    Source: M. R. Schroeder, "New method of measuring reverberation time", JASA 37, 1965.
    """
    band = HIGH_PASS(response.double(), sample_rate, freq_hz=freq_hz / math.sqrt(2), order=4)
    band = LOW_PASS(band, sample_rate, freq_hz=freq_hz * math.sqrt(2), order=4)
    left = band.square().sum(0).flip(-1).cumsum(-1).flip(-1)
    level_db = 10 * torch.log10((left / left[0].clamp(min=1e-30)).clamp(min=1e-12))
    first, last = (int((level_db > db).sum()) for db in (-5.0, -25.0))
    return 3 * max(last - first, 1) / sample_rate


def mix_of(stage: Stage, settings: dict[str, Any]) -> float:
    """Return the share of the reverb in the output of a stage.

    Args:
        stage: The reverb.
        settings: The settings of the stage, all of them.

    Returns:
        The share in [0, 1]; 1 where the processor has no dry signal.
    """
    return settings["mix"] if _has_mix(stage) else 1.0


def _has_mix(stage: Stage) -> bool:
    return any(param.name == "mix" for param in stage.processor.params)


def _last_heard(response: Tensor) -> int:
    loud = response.abs().amax(0)
    heard: Sequence[int] = (loud > loud.max() * 10 ** (SILENT_DB / 20)).nonzero()[:, 0].tolist()
    return heard[-1] if heard else 0
