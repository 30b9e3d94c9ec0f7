"""The delay recurrence in plain torch, on any device: it defines the answer.

As many samples as the shortest delay depend on none of each other, so they are one step.
Delays of a few samples therefore make it slow.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor


def solve(x: Tensor, weights: Tensor, offset: Tensor, transposed: bool) -> Tensor:
    """Solve y[n] = x[n] + sum_k weights[n, k] y[n - offset[n] - k], or its transpose.

    `x` is `(rows, time)`, `weights` `(rows, time, taps)`, `offset` `(rows, time)` of integers,
    1 or more; y is zero before the start. The transpose of this linear map from x to y runs
    backwards: what reached y[n] from the past goes back there.
    """
    if x.numel() == 0:
        return x.clone()
    time, step = x.shape[-1], int(offset.min())
    k = torch.arange(weights.shape[-1], device=x.device)
    n = torch.arange(time, device=x.device)
    # One spare place at the left stands for all samples before the start.
    place = ((n - offset)[..., None] - k).clamp(min=-1) + 1
    y = nnf.pad(x, (1, 0))
    starts = range(0, time, step)
    for start in reversed(starts) if transposed else starts:
        now = slice(start, min(start + step, time))
        w, past, y_now = weights[:, now], place[:, now].flatten(1), y[:, 1:][:, now]
        if transposed:
            y.scatter_add_(1, past, (w * y_now[..., None]).flatten(1))
        else:
            y_now += (w * y.gather(1, past).view_as(w)).sum(-1)
    # A copy also of a single row, of which `contiguous` would be a view.
    return y[:, 1:].clone(memory_format=torch.contiguous_format)
