"""Reverb by convolution with the impulse response of a room, a plate or a spring."""

import math

import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, broadcasts, per_item
from dasp.functional._convolution import convolved
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._mix import mixed
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._reverb import pre_delayed
from dasp.functional._run import in_blocks
from dasp.units import db_to_gain

NORMALISATIONS = (None, "energy", "peak")

PINK_HZ = (20.0, 20_000.0)
FINEST_HZ = 5.0
"""Greatest distance of two bins of a spectrum, so that there are enough bins from 20 Hz on."""

_SMALLEST = 1e-30
"""Least power by which a response is divided, so that silence stays silence."""


@audio_processor
def convolution_reverb(
    x: Tensor,
    sample_rate: float,
    *,
    impulse_response: Tensor,
    mix: Value,
    pre_delay_ms: Value = 0.0,
    wet_gain_db: Value = 0.0,
    normalise: str | None = None,
    memory: Memory = WHOLE,
) -> Tensor:
    """Convolve `x` with the impulse response of a room, a plate or a spring.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        impulse_response: `(*batch, responses, taps)`, or without the batch, at the rate of `x`; it
            may have a gradient. One response serves all channels; as many as channels serve one
            each; four on stereo are true stereo, in the order left to left, left to right, right to
            left, right to right. Two or four make a mono `x` stereo, as if both sides were `x`.
        mix: Share of the reverb, `(*batch)`, 0 (dry, `x` as it is) to 1. [0 to 1]
        pre_delay_ms: Time between `x` and its reverb, `(*batch)`, 0 or more; 0 is none.
            [0 to 200 ms]
        wet_gain_db: Gain of the reverb, `(*batch)`; 0 is neutral. Recorded responses come at any
            level, often 20 dB and more above that of `x`. [-48 to 24 dB]
        normalise: Level to which the response is brought first; the responses of one item keep
            their balance. None keeps the response as it is. "energy": pink noise from 20 Hz to
            20 kHz has the same power before and behind the response, in the mean over the channels
            of the output, so the reverb of music is about as loud as the music. "peak": the
            response has a gain of 1 at the frequency where it is loudest, so that no tone gets
            louder.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`, or stereo where the responses make it so. The reverb is cut at
        the end of `x`.

    Raises:
        ValueError: If there is another number of responses, or no tap, `pre_delay_ms` is below 0,
            `mix` lies outside [0, 1], or `normalise` is unknown.

    >>> import torch
    >>> x, echo = torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 0.5]])
    >>> y = convolution_reverb(x, 44_100, impulse_response=echo, mix=0.5)
    >>> torch.allclose(y, torch.tensor([[0.5, 0.0, 0.25, 0.0]]), atol=1e-6)
    True
    """
    _check_response(impulse_response, x)
    check_choice("normalise", normalise, NORMALISATIONS)
    response = memory.once(
        "response",
        lambda: _prepared(impulse_response.to(x), sample_rate, x.shape[-2], normalise),
        impulse_response,
        normalise,
    )
    wet_gain = db_to_gain(per_item("wet_gain_db", wet_gain_db, x)[..., None, None])
    late = pre_delayed(x, sample_rate, pre_delay_ms, memory)
    if response.shape[-2] == 4 and x.shape[-2] == 2:
        to_each_side = response.unflatten(-2, (2, 2))
        wet = convolved(late[..., None, :], to_each_side, memory).sum(-3)
    else:
        wet = convolved(late, response, memory)
    return mixed(x, wet_gain * wet, mix)


CONVOLUTION_REVERB = Processor(
    in_blocks(convolution_reverb),
    Param("mix", 0.0, 1.0, default=0.3),
    Param("pre_delay_ms", 0.0, 200.0),
    Param("wet_gain_db", -48.0, 24.0),
    Option("normalise", choices=NORMALISATIONS),
    inputs=("impulse_response",),
    neutral={"mix": 0.0},
)


def _prepared(response: Tensor, sample_rate: float, channels: int, normalise: str | None) -> Tensor:
    """Normalise a response; for mono audio, add what each side of true stereo hears."""
    if channels == 1 and response.shape[-2] == 4:
        response = response.unflatten(-2, (2, 2)).sum(-3)
    if normalise is None:
        return response
    sources = 2 if response.shape[-2] == 4 and channels == 2 else 1
    heard = response.unflatten(-2, (sources, -1))
    size = max(2 * heard.shape[-1], math.ceil(sample_rate / FINEST_HZ))
    gain = torch.fft.rfft(heard, size).abs()
    if normalise == "energy":
        power = (gain.square().sum(-3).mean(-2) * _pink(gain, sample_rate, size)).sum(-1)
    else:
        power = gain.sum(-3).amax((-1, -2)).square()
    return response * power.clamp(min=_SMALLEST).rsqrt()[..., None, None]


def _pink(gain: Tensor, sample_rate: float, size: int) -> Tensor:
    """The share of each bin in the power of pink noise."""
    freq_hz = torch.arange(gain.shape[-1], device=gain.device) * (sample_rate / size)
    low_hz, high_hz = PINK_HZ
    is_heard = (freq_hz >= min(low_hz, sample_rate / 4)) & (freq_hz <= high_hz)
    power = is_heard / freq_hz.clamp(min=sample_rate / size)
    return (power / power.sum()).to(gain)


def _check_response(impulse_response: Tensor, x: Tensor) -> None:
    check_audio(impulse_response, "impulse_response")
    *batch, responses, taps = impulse_response.shape
    channels = x.shape[-2]
    allowed = {1: (1, 2, 4), 2: (1, 2, 4)}.get(channels, (1, channels))
    if responses not in allowed:
        raise ValueError(
            f"impulse_response: expected {' or '.join(map(str, allowed))} responses for audio of "
            f"{channels} channels, got {responses} (shape {tuple(impulse_response.shape)})"
        )
    if taps == 0 or not broadcasts(batch, x.shape[:-2]):
        raise ValueError(
            f"impulse_response: expected shape (responses, taps) or "
            f"({', '.join(map(str, x.shape[:-2]))}, responses, taps) with at least one tap, "
            f"got {tuple(impulse_response.shape)}"
        )
