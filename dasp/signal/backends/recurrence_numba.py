"""The compiled recursions: one loop over time for each row."""

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled


def linear_recurrence(a: Tensor, b: Tensor, zi: Tensor) -> Tensor:
    """y[n] = a[n] y[n-1] + b[n] from y[-1] = zi."""
    y = torch.empty_like(b, memory_format=torch.contiguous_format)
    _linear_recurrence(*map(_array, (a, b, zi, y)))
    return y


def ballistics(x: Tensor, attack: Tensor, release: Tensor, zi: Tensor) -> Tensor:
    """The branching smoother, sample by sample."""
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    _ballistics(*map(_array, (x, attack, release, zi, y)))
    return y


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


@compiled()
def _linear_recurrence(a, b, zi, y):
    for row in range(b.shape[0]):
        last = zi[row]
        for n in range(b.shape[1]):
            last = a[row, n] * last + b[row, n]
            y[row, n] = last


@compiled()
def _ballistics(x, attack, release, zi, y):
    for row in range(x.shape[0]):
        last = zi[row]
        for n in range(x.shape[1]):
            pole = attack[row] if x[row, n] > last else release[row]
            last = pole * last + (1 - pole) * x[row, n]
            y[row, n] = last
