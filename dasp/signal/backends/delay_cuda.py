"""Delays on a GPU: readings a thread a sample, the recurrence a block of threads a row."""

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch


def solve(x: Tensor, weights: Tensor, offset: Tensor, transposed: bool) -> Tensor:
    """See `dasp.signal.backends.delay_torch.solve`, which this equals.

    Of the transpose the last digits may differ between runs, since threads add to the same place in
    any order.
    """
    y = x.detach().clone(memory_format=torch.contiguous_format)
    name = "delay.solve_transposed" if transposed else "delay.solve"
    weights, offset = weights.detach().contiguous(), offset.contiguous()
    launch(name, len(x), y, weights, offset, *x.shape, weights.shape[-1], together=256)
    return y


def weights(keep: bool, d: Tensor) -> tuple[Tensor, tuple]:
    d = d.detach().contiguous()
    y = d.new_empty(len(d), 4)
    launch("delay.weights", len(d), d, y, len(d))
    return y, ()


def weights_adjoint(grad: Tensor, d: Tensor) -> tuple[Tensor]:
    d = d.detach().contiguous()
    dd = torch.empty_like(d)
    launch("delay.weights_back", len(d), grad.contiguous(), d, dd, len(d))
    return (dd,)


def read(keep: bool, signal: Tensor, delay: Tensor, start: int) -> tuple[Tensor, tuple]:
    signal, delay = signal.detach().contiguous(), delay.detach().contiguous()
    (rows, length), delays = signal.shape, delay.shape[-1]
    y = signal.new_empty(rows, length - start)
    launch("delay.read", y.numel(), signal, delay, y, rows, length, start, delays)
    return y, ()


def read_adjoint(grad: Tensor, signal: Tensor, delay: Tensor, start: int) -> tuple:
    """Of a delay that moves, the last digits may differ between runs, as of `solve`."""
    wanted = signal.requires_grad, delay.requires_grad
    signal, delay, grad = (
        signal.detach().contiguous(),
        delay.detach().contiguous(),
        grad.contiguous(),
    )
    (rows, length), delays = signal.shape, delay.shape[-1]
    d_signal = d_delay = None
    if wanted[0]:
        moves = delays > 1
        d_signal = (torch.zeros_like if moves else torch.empty_like)(signal)
        name, items = ("return_moving", grad) if moves else ("return_at_rest", signal)
        launch(f"delay.{name}", items.numel(), grad, delay, d_signal, rows, length, start)
    if wanted[1]:
        d_delay = torch.empty_like(grad, dtype=torch.float64)
        launch(
            "delay.read_back",
            grad.numel(),
            grad,
            signal,
            delay,
            d_delay,
            rows,
            length,
            start,
            delays,
        )
        d_delay = d_delay if delays > 1 else d_delay.sum(-1, keepdim=True)
    return d_signal, d_delay
