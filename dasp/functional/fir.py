"""A short filter, given by its taps."""

import torch
from torch import Tensor

from dasp._checks import check_range, check_real
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, broadcasts
from dasp.functional._convolution import convolved
from dasp.functional._memory import Memory
from dasp.functional._mix import mixed


@audio_processor
def fir(x: Tensor, sample_rate: float, memory: Memory, *, taps: Tensor, mix: Value = 1.0) -> Tensor:
    """Filter `x` by `taps`, the newest sample's first. A `mix` of 0 leaves `x` as it is.

    `taps` `(*batch, channels or 1, taps)` or `(taps,)` is one filter for all channels or one for
    each; two filters make a mono `x` stereo, with the first on the left. Differentiable in the
    taps.

    >>> fir(torch.tensor([[1.0, 2.0, 3.0]]), 44_100, taps=[1.0, 10.0]).round()
    tensor([[ 1., 12., 23.]])
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


def _fits(taps: Tensor, x: Tensor) -> bool:
    if taps.ndim < 2 or taps.shape[-1] == 0 or not broadcasts(taps.shape[:-2], x.shape[:-2]):
        return False
    channels = x.shape[-2]
    return taps.shape[-2] in ((1, 2) if channels == 1 else (1, channels))
