"""First-order recursions on a GPU."""

import torch
from torch import Tensor

from dasp.signal.backends import dynamics_cuda
from dasp.signal.backends._cuda import chunks_of, launch


def linear_recurrence(a: Tensor, b: Tensor, zi: Tensor) -> Tensor:
    """y[n] = a[n] y[n-1] + b[n] from y[-1] = zi, in chunks as a cascade of sections."""
    a, b, zi = (t.detach().contiguous() for t in (a, b, zi))
    rows, time, chunks, length = *b.shape, *chunks_of(*b.shape)
    y = torch.empty_like(b)
    sizes = rows, time, chunks, length
    if chunks == 1:
        starts = zi.double()
    else:
        starts = b.new_empty(rows, chunks, dtype=torch.float64)
        change = torch.empty_like(starts)
        launch("recurrence.reach", rows * chunks, a, b, starts, change, *sizes)
        launch("recurrence.lead", rows, zi, starts, change, rows, chunks)
    launch("recurrence.run", rows * chunks, a, b, starts, y, *sizes)
    return y


def ballistics(x: Tensor, attack: Tensor, release: Tensor, zi: Tensor) -> Tensor:
    """The branching smoother, a thread a row."""
    return dynamics_cuda.ballistics(False, x, attack, release, zi)[0]


def pole(keep: bool, time_ms: Tensor, sample_rate: float) -> tuple[Tensor, tuple]:
    time_ms = time_ms.detach().contiguous()
    y = torch.empty_like(time_ms)
    launch("recurrence.pole", len(y), time_ms, y, len(y), float(sample_rate))
    return y, ()


def pole_adjoint(grad: Tensor, time_ms: Tensor, sample_rate: float) -> tuple[Tensor]:
    time_ms = time_ms.detach().contiguous()
    d_time = torch.empty_like(time_ms)
    launch(
        "recurrence.pole_back", len(grad), grad.contiguous(), time_ms, d_time, len(grad),
        float(sample_rate),
    )  # fmt: skip
    return (d_time,)
