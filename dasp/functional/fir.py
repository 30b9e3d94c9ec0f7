"""A short filter, given by its taps."""

import torch
from torch import Tensor

from dasp._checks import check_range, check_real
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, broadcasts
from dasp.functional._convolution import convolved
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._mix import mixed
from dasp.functional._param import Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks


@audio_processor
def fir(
    x: Tensor, sample_rate: float, *, taps: Tensor, mix: Value = 1.0, memory: Memory = WHOLE
) -> Tensor:
    """Convolve `x` with the taps of a short filter.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        taps: Impulse response, `(taps,)`, or `(*batch, filters, taps)` with one filter for all
            channels or one for each. Two filters make a mono `x` stereo, left first. A single tap
            of 1 is neutral.
        mix: Share of the filtered signal, `(*batch)`, 0 (dry, `x` as it is) to 1. [0 to 1]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`, or stereo where two filters make it so. The end of the response
        is cut with the end of `x`.

    Raises:
        ValueError: If `taps` do not have one of these shapes, are no real numbers or are none at
            all, or `mix` lies outside [0, 1].

    >>> y = fir(torch.tensor([[1.0, 2.0, 3.0]]), 44_100, taps=[1.0, 10.0])
    >>> torch.allclose(y, torch.tensor([[1.0, 12.0, 23.0]]), atol=1e-4)
    True
    """
    check_real("taps", taps)
    taps = torch.as_tensor(taps).to(x)
    check_range("taps", taps)
    if taps.ndim == 1:
        taps = taps[None]
    if not _fits(taps, x):
        raise ValueError(
            f"taps: expected shape (taps,) or ({', '.join(map(str, x.shape[:-1]))}, taps), with "
            f"one filter or one for each channel, got {tuple(taps.shape)}"
        )
    return mixed(x, convolved(x, taps, memory), mix)


FIR = Processor(
    in_blocks(fir),
    Param("mix", 0.0, 1.0),
    inputs=("taps",),
    neutral={"mix": 0.0},
)


def _fits(taps: Tensor, x: Tensor) -> bool:
    if taps.ndim < 2 or taps.shape[-1] == 0 or not broadcasts(taps.shape[:-2], x.shape[:-2]):
        return False
    channels = x.shape[-2]
    return taps.shape[-2] in ((1, 2) if channels == 1 else (1, channels))
