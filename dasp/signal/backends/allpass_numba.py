"""The all-pass cascade as a compiled loop over samples and stages, on the CPU."""

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled


def solve(q: Tensor, a: Tensor, feedback: Tensor, transposed: bool) -> Tensor:
    """See `dasp.signal.backends.allpass_torch.solve`, which this equals."""
    u = q.clone(memory_format=torch.contiguous_format)
    loop = _scatter_backwards if transposed else _gather_forwards
    loop(u.numpy(), a.contiguous().numpy(), feedback.contiguous().numpy())
    return u


@compiled()
def _gather_forwards(u, a, feedback):
    rows, time, signals = u.shape
    for row in range(rows):
        last = np.zeros(signals, u.dtype)
        for n in range(time):
            now = u[row, n]
            now[0] += feedback[row, n] * last[-1]
            for i in range(1, signals):
                now[i] += a[row, n] * (now[i - 1] - last[i]) + last[i - 1]
            last = now


@compiled()
def _scatter_backwards(v, a, feedback):
    rows, time, signals = v.shape
    before_the_start = np.zeros(signals, v.dtype)
    for row in range(rows):
        for n in range(time - 1, -1, -1):
            now = v[row, n]
            last = v[row, n - 1] if n else before_the_start
            for i in range(signals - 1, 0, -1):
                now[i - 1] += a[row, n] * now[i]
                last[i] -= a[row, n] * now[i]
                last[i - 1] += now[i]
            last[-1] += feedback[row, n] * now[0]
