"""Reverb by convolution with the impulse response of a room, a plate or a spring."""

from torch import Tensor

from dasp._checks import check_audio
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, broadcasts, per_item
from dasp.functional._convolution import convolved
from dasp.functional._memory import Memory
from dasp.functional._mix import mixed
from dasp.functional._reverb import pre_delayed
from dasp.units import db_to_gain


@audio_processor
def convolution_reverb(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    *,
    impulse_response: Tensor,
    mix: Value,
    pre_delay_ms: Value = 0.0,
    wet_gain_db: Value = 0.0,
) -> Tensor:
    """Convolve `x` with an impulse response. A `mix` of 0 leaves `x` as it is.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        impulse_response: `(*batch, responses, taps)`, or without the batch, at the rate of `x`.
            One response serves all channels; as many as channels serve one each; four on
            stereo are true stereo, in the order left to left, left to right, right to left,
            right to right.
        mix: Share of the reverb, 0 (dry) to 1.
        pre_delay_ms: Time between `x` and its reverb.
        wet_gain_db: Level of the reverb. Recorded responses come at any level.

    The end of the reverb is cut with the end of `x`. Differentiable in the response too.

    >>> import torch
    >>> x, echo = torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 0.5]])
    >>> y = convolution_reverb(x, 44_100, impulse_response=echo, mix=0.5)
    >>> torch.allclose(y, torch.tensor([[0.5, 0.0, 0.25, 0.0]]), atol=1e-6)
    True
    """
    _check_response(impulse_response, x)
    response = impulse_response.to(x)
    wet_gain = db_to_gain(per_item("wet_gain_db", wet_gain_db, x)[..., None, None])
    late = pre_delayed(x, sample_rate, pre_delay_ms, memory)
    if response.shape[-2] in (1, x.shape[-2]):
        wet = convolved(late, response, memory)
    else:
        to_each_side = response.unflatten(-2, (2, 2))
        wet = convolved(late[..., None, :], to_each_side, memory).sum(-3)
    return mixed(x, wet_gain * wet, mix)


def _check_response(impulse_response: Tensor, x: Tensor) -> None:
    check_audio(impulse_response, "impulse_response")
    *batch, responses, taps = impulse_response.shape
    channels = x.shape[-2]
    allowed = {1: (1,), 2: (1, 2, 4)}.get(channels, (1, channels))
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
