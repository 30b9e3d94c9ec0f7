"""The energy of a long signal in blocks, with no more memory than a moment of it takes."""

import torch
from torch import Tensor

from dasp._checks import check_range

AT_ONCE = 2**16
"""Samples of each channel that are squared together on a CPU, which keeps them at hand."""


def block_energies(x: Tensor, size: int) -> Tensor:
    """Sum the squares of a signal over blocks that follow each other.

    Args:
        x: Signal `(..., time)`.
        size: Length of a block in samples, 1 or more.

    Returns:
        Energies `(..., blocks)` in float64, of one block at least; the last one is shorter where
        the signal ends in it.

    Raises:
        ValueError: If `size` is under 1.

    >>> block_energies(torch.tensor([1.0, 2.0, 3.0]), 2)
    tensor([5., 9.], dtype=torch.float64)
    """
    check_range("size", size, low=1)
    on_cpu = x.device.type == "cpu"
    at_once = size * max(1, AT_ONCE // size) if on_cpu else max(1, x.shape[-1])
    energies = []
    for part in x.split(at_once, -1):
        whole = part.shape[-1] // size * size
        squares = part.double().square()
        energies.append(squares[..., :whole].unflatten(-1, (-1, size)).sum(-1))
        if whole < part.shape[-1] or not x.shape[-1]:
            energies.append(squares[..., whole:].sum(-1, keepdim=True))
    return torch.cat(energies, -1)
