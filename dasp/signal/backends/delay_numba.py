"""The delay recurrence as a compiled loop over samples, on the CPU."""

import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled


def solve(x: Tensor, weights: Tensor, offset: Tensor, transposed: bool) -> Tensor:
    """See `dasp.signal.backends.delay_torch.solve`, which this equals."""
    y = x.clone(memory_format=torch.contiguous_format)
    loop = _scatter_backwards if transposed else _gather_forwards
    loop(y.numpy(), weights.contiguous().numpy(), offset.contiguous().numpy())
    return y


@compiled()
def _gather_forwards(y, weights, offset):
    rows, time, taps = weights.shape
    for row in range(rows):
        for n in range(time):
            for k in range(min(taps, n - offset[row, n] + 1)):
                y[row, n] += weights[row, n, k] * y[row, n - offset[row, n] - k]


@compiled()
def _scatter_backwards(y, weights, offset):
    rows, time, taps = weights.shape
    for row in range(rows):
        for n in range(time - 1, -1, -1):
            for k in range(min(taps, n - offset[row, n] + 1)):
                y[row, n - offset[row, n] - k] += weights[row, n, k] * y[row, n]
