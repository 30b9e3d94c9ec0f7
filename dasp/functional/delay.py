"""Echoes."""

from torch import Tensor

from dasp._bounds import at_least
from dasp._checks import check_channels, check_choice
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._mix import mixed
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.functional.stereo import from_mid_side, to_mid_side
from dasp.signal.delay import feedback_delay, fractional_delay


@audio_processor
def delay(
    x: Tensor,
    sample_rate: float,
    *,
    time_ms: Value,
    feedback: Value,
    mix: Value,
    ping_pong: bool = False,
    memory: Memory = WHOLE,
) -> Tensor:
    """Repeat `x` in echoes that die away.

    Echo k comes k times `time_ms` after `x`, with the gain feedback^(k - 1). A parameter is a
    number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`, stereo for `ping_pong`.
        sample_rate: In Hz.
        time_ms: Time from one echo to the next, one sample or more. Echoes may fall between
            samples. [10 to 2000 ms]
        feedback: Gain from one echo to the next, from 0, a single echo, to less than 1. [0 to 0.95]
        mix: Share of the echoes, 0 (dry, `x` as it is) to 1. [0 to 1]
        ping_pong: Whether the echoes alternate sides. The echoes of a sound in the centre start on
            the left.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`. The echoes are cut at the end of `x`.

    Raises:
        ValueError: If `time_ms` is shorter than one sample, `feedback` is not in [0, 1), `mix` lies
            outside [0, 1], or `x` is not stereo for `ping_pong`.

    >>> import torch
    >>> x = torch.tensor([[1.0, 0, 0, 0, 0, 0, 0]])
    >>> y = delay(x, 1000, time_ms=2.0, feedback=0.5, mix=0.5)
    >>> torch.allclose(y, torch.tensor([[0.5, 0, 0.5, 0, 0.25, 0, 0.125]]), atol=1e-6)
    True
    """
    check_choice("ping_pong", ping_pong, (True, False))
    samples = loop_samples("time_ms", time_ms, x, sample_rate)
    feedback = per_item("feedback", feedback, x, low=0.0, below=1.0)[..., None, None]
    if not ping_pong:
        return mixed(x, loop(x, samples, feedback, memory, "echoes"), mix)
    # Two lines that feed each other are, in mid and side, two lines that feed themselves, the
    # side with its sign turned at every pass. A sound on the left is in both, half as loud.
    check_channels(x, 2)
    left = to_mid_side(x)[0] / 2
    mid = loop(left, samples, feedback, memory, "mid")
    side = loop(left, samples, -feedback, memory, "side")
    return mixed(x, from_mid_side(mid, side), mix)


DELAY = Processor(
    in_blocks(delay),
    Param("time_ms", 10.0, 2000.0, default=350.0, scale="log"),
    Param("feedback", 0.0, 0.95, default=0.4),
    Param("mix", 0.0, 1.0, default=0.3),
    Option("ping_pong", choices=(True, False)),
    neutral={"mix": 0.0},
)


def loop_samples(name: str, time_ms: Value, x: Tensor, sample_rate: float) -> Tensor:
    """The length of a loop in samples, `(*batch, 1, 1)`: one sample or more."""
    one_sample_ms = 1000 / sample_rate
    because = f"one sample at {sample_rate:g} Hz"
    time_ms = per_item(name, time_ms, x, low=one_sample_ms, because=because)[..., None, None]
    samples = time_ms.double() / one_sample_ms
    return at_least(samples, 1.0)  # one sample in float32 may be less


def loop(
    x: Tensor,
    samples: Tensor,
    feedback: Tensor,
    memory: Memory,
    name: str,
    longest: Tensor | None = None,
) -> Tensor:
    """The output of a delay line of `samples`, whose input is `x` and a share of its output.

    `longest` is the maximum that a moving `samples` ever reaches.
    """
    past = memory.get(name)
    line = feedback_delay(x, samples, feedback, past)
    memory.keep_past(name, line, samples if longest is None else longest)
    return fractional_delay(line, samples, past)
