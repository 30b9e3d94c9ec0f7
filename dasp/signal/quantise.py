"""Samples as whole numbers of steps, and the dither that frees the error of the signal."""

import torch
from torch import Tensor

from dasp._checks import check_signal
from dasp.signal._fused import fused


def quantise(x: Tensor, bits: int, dither: torch.Generator | None = None) -> Tensor:
    """Round `x` to the nearest of 2^bits steps from -1 to 1.

    Args:
        x: Audio `(channels, time)`; values over full scale are clipped.
        bits: Number of bits, up to 32.
        dither: A generator on the CPU: triangular noise is added before the rounding, unless `x`
            lies on the steps already. The noise is the difference of two uniform draws, each a step
            wide, after which the mean and the variance of the error do not follow the signal.

    Returns:
        The upper bits of an int16 or int32, of the shape of `x`.

    Raises:
        ValueError: If `x` is not floating point.

    Source: S. P. Lipshitz, R. A. Wannamaker and J. Vanderkooy, "Quantization and dither: a
    theoretical survey", JAES 1992, section 5.

    >>> quantise(torch.tensor([[-2.0, -1.0, 0.4, 1.0]]), 8) // 2**8
    tensor([[-128, -128,   51,  127]], dtype=torch.int16)
    """
    check_signal("x", x)
    x = x if bits <= 16 else x.double()
    keys = torch.zeros(len(x), dtype=torch.int64)
    if dither is not None:
        keys = torch.randint(2**63 - 1, keys.shape, generator=dither)
    return _rounded(x, keys.to(x.device), bits, dither is not None)


@fused(
    "quantise",
    "(Tensor x, Tensor keys, int bits, bool dither) -> Tensor",
    lambda x, keys, bits, _: x.new_empty(x.shape, dtype=_type_of(bits)),
    adjoint=False,
    gpu=False,
)
def _rounded(x: Tensor, keys: Tensor, bits: int, dither: bool) -> Tensor:
    """Steps, and noise if it is wanted, rounded: the upper bits of the type that holds them."""
    most, dtype = 2.0 ** (bits - 1), _type_of(bits)
    steps = x * most
    nearest = steps.round()
    if dither and not torch.equal(steps, nearest):
        nearest = (steps + _triangular(keys, x.shape[1]).to(steps)).round()
    return (nearest.clamp(-most, most - 1) * 2.0 ** (8 * dtype.itemsize - bits)).to(dtype)


def _triangular(keys: Tensor, time: int) -> Tensor:
    """Noise from -1 to 1, `(rows, time)`: the halves of 64 random bits, one less the other.

    The bits of every sample come from its number and the key of its row alone, by SplitMix64 (G. L.
    Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
    """
    z = keys[:, None] + _signed(0x9E3779B97F4A7C15) * torch.arange(1, time + 1, device=keys.device)
    z = (z ^ _shifted(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * _signed(0x94D049BB133111EB)
    z = z ^ _shifted(z, 31)
    return 2.0**-32 * ((z & 0xFFFFFFFF) - _shifted(z, 32)).double()


def _type_of(bits: int) -> torch.dtype:
    """The narrowest integer type that holds so many bits."""
    return torch.int16 if bits <= 16 else torch.int32


def _signed(bits: int) -> int:
    """The int64 with the same 64 bits."""
    return bits - 2**64 if bits >= 2**63 else bits


def _shifted(z: Tensor, by: int) -> Tensor:
    """The 64 bits of `z`, `by` places to the right, with zeros in front."""
    return (z >> by) & (2 ** (64 - by) - 1)
