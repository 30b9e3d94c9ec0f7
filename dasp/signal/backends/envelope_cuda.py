"""Envelopes of decaying noise on a GPU; see `dasp.functional.noise_shaped_reverb`."""

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch

STRIP = 64
"""Samples of which a thread adds up the gradients."""


def envelope(keep: bool, gain: Tensor, rt60: Tensor, taps: int) -> tuple[Tensor, tuple]:
    gain, rt60 = gain.detach().contiguous(), rt60.detach().contiguous()
    y = gain.new_empty(len(gain), taps)
    launch("envelope.envelope", y.numel(), gain, rt60, y, *y.shape, STRIP=STRIP)
    return y, ()


def envelope_adjoint(grad: Tensor, gain: Tensor, rt60: Tensor, taps: int) -> tuple[Tensor, Tensor]:
    gain, rt60 = gain.detach().contiguous(), rt60.detach().contiguous()
    rows, strips = len(gain), -(-taps // STRIP)
    sums = grad.new_empty(rows, strips, 2, dtype=torch.float64)
    launch(
        "envelope.envelope_back", rows * strips, grad.contiguous(), gain, rt60, sums, rows, taps,
        strips, STRIP=STRIP,
    )  # fmt: skip
    by_gain, by_rt60 = sums.sum(1).to(gain.dtype).unbind(-1)
    return by_gain, by_rt60
