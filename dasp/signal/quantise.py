"""Samples as whole numbers of steps, and the dither that frees the error of the signal."""

import torch
from torch import Tensor

from dasp.signal._fused import fused


def quantise(x: Tensor, bits: int, dither: torch.Generator | None = None) -> Tensor:
    """The nearest of 2^bits steps from -1 to 1, as the upper bits of an int16 or int32.

    `x` is `(channels, time)`. With `dither`, a generator on the CPU, triangular noise is added
    first, unless `x` lies on the steps as it is: the difference of two uniform draws, each a step
    wide, after which mean and variance of the error no longer follow the signal.

    Source: S. P. Lipshitz, R. A. Wannamaker and J. Vanderkooy, "Quantization and dither: a
    theoretical survey", JAES 1992, section 5.

    >>> quantise(torch.tensor([[-2.0, -1.0, 0.4, 1.0]]), 8) // 2**8
    tensor([[-128, -128,   51,  127]], dtype=torch.int16)
    """
    steps = (x if bits <= 16 else x.double()) * 2.0 ** (bits - 1)
    nearest = steps.round()
    if dither is None or torch.equal(steps, nearest):
        return _in_upper_bits(nearest, bits)
    draws = torch.empty(x.shape, dtype=torch.int32).random_(generator=dither)
    return _dithered(steps, draws.to(x.device), bits)


@fused("quantise")
def _dithered(steps: Tensor, draws: Tensor, bits: int) -> Tensor:
    """Steps and noise, rounded. Both uniform draws come from one int32: 15 bits for each."""
    difference = (draws & 0x7FFF) - (draws >> 16)
    return _in_upper_bits((steps + 2.0**-15 * difference).round(), bits)


def _in_upper_bits(steps: Tensor, bits: int) -> Tensor:
    """Steps within what `bits` can count, as the upper bits of the type that holds them."""
    most, dtype = 2.0 ** (bits - 1), torch.int16 if bits <= 16 else torch.int32
    return (steps.clamp(-most, most - 1) * 2.0 ** (8 * dtype.itemsize - bits)).to(dtype)
