"""What the reverbs share: pre-delay, and delay lines read in blocks."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp._typing import Value
from dasp.functional._arguments import per_item
from dasp.functional._memory import Memory
from dasp.signal.delay import fractional_delay


def pre_delayed(x: Tensor, sample_rate: float, pre_delay_ms: Value, memory: Memory) -> Tensor:
    """Delay `x` by `pre_delay_ms`, 0 or more, with fractions of samples."""
    delay_ms = per_item("pre_delay_ms", pre_delay_ms, x, low=0.0)
    if isinstance(pre_delay_ms, float | int) and pre_delay_ms == 0:
        return x
    samples = delay_ms[..., None, None] * (sample_rate / 1000)
    late = fractional_delay(x, samples, memory.get("pre_delay"))
    memory.keep_past("pre_delay", x, samples)
    return late


def check_mono_or_stereo(x: Tensor) -> None:
    """Refuse audio for which a reverb has no outputs."""
    if x.shape[-2] not in (1, 2):
        raise ValueError(f"x: expected 1 or 2 channels, got {x.shape[-2]} (shape {tuple(x.shape)})")


def read_lines(written: Tensor, lengths: Sequence[int], time: int) -> Tensor:
    """The next `time` outputs of lines into which `(..., lines, samples)` were written.

    Line i is read `lengths[i]` samples ago, which is no less than `time`.
    """
    now = written.shape[-1]
    lines = zip(written.unbind(-2), lengths, strict=True)
    return torch.stack([line[..., now - m : now - m + time] for line, m in lines], -2)
