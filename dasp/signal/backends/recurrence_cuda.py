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


def linear_gradients(grad: Tensor, a: Tensor, zi: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """By a, b and zi: a recurrence that runs backwards in time, in the same chunks."""
    grad, a, zi, y = (t.detach().contiguous() for t in (grad, a, zi, y))
    rows, time, chunks, length = *y.shape, *chunks_of(*y.shape)
    sizes = rows, time, chunks, length
    behind = y.new_zeros(rows, chunks, dtype=torch.float64)
    if chunks > 1:
        change = torch.empty_like(behind)
        launch("recurrence.reach_back", rows * chunks, grad, a, behind, change, *sizes)
        launch("recurrence.lead_back", rows, behind, change, rows, chunks)
    d_a, d_b, d_zi = map(torch.empty_like, (a, y, zi))
    launch("recurrence.run_back", rows * chunks, grad, a, zi, y, behind, d_a, d_b, d_zi, *sizes)
    return d_a, d_b, d_zi


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


def pole_at(keep: bool, corner_hz: Tensor, turn: float) -> tuple[Tensor, tuple]:
    corner_hz = corner_hz.detach().contiguous()
    y = torch.empty_like(corner_hz)
    launch("recurrence.pole_at", len(y), corner_hz, y, len(y), turn)
    return y, ()


def pole_at_adjoint(grad: Tensor, corner_hz: Tensor, turn: float) -> tuple[Tensor]:
    grad, corner_hz = grad.contiguous(), corner_hz.detach().contiguous()
    d_corner = torch.empty_like(corner_hz)
    launch("recurrence.pole_at_back", len(grad), grad, corner_hz, d_corner, len(grad), turn)
    return (d_corner,)
