"""Fractional delay lines, with and without feedback.

Between samples the signal is read by third-order Lagrange interpolation (T. Laakso et al.,
"Splitting the unit delay", IEEE Signal Processing Magazine 1996): a cubic through four samples,
exact at integer delays. Two samples lie on either side of the reading point, except where that
would read from the future: a delay below one sample (with feedback, below two) is read from
the four newest samples there are.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._bounds import at_most
from dasp._checks import check_range, check_real, check_signal
from dasp._constants import constant
from dasp._typing import Value
from dasp.signal._fused import on_gpu
from dasp.signal._kernel import Kernel
from dasp.signal._operator import define_row_operator, in_graph
from dasp.signal.backends import delay_torch

LONGEST = 2.0**40
"""Samples; more are as many, since no signal is as long and no index may overflow."""


def fractional_delay(x: Tensor, delay_samples: Value, history: Tensor | None = None) -> Tensor:
    """Delay `x` by a time that may be fractional and may move: y[n] = x(n - delay[n]).

    Zeros stand before the start. Differentiable in both arguments, with one-sided derivatives at
    whole delays. Integers, and tensors of integers, are read without interpolation.

    Args:
        x: Signal `(..., time)`.
        delay_samples: Delay in samples, 0 or more: a number, or broadcasting to `x`; `(..., time)`
            for a delay that moves, `(..., 1)` for one number a row.
        history: Input before `x`, `(..., samples)`, newest last; silence by default.

    Returns:
        The delayed signal, of the shape of `x`.

    Raises:
        ValueError: If `x` is not floating point, or `delay_samples` is negative.

    >>> fractional_delay(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), 2)
    tensor([0., 0., 1., 2., 3.])
    """
    check_signal("x", x)
    check_range("delay_samples", delay_samples, low=0.0)
    check_real("history", history)
    signal, delay, start = _exact(x), _delays(delay_samples, x), 0
    if history is not None:
        start = history.shape[-1]
        signal = torch.cat((history.to(signal.dtype).expand(*x.shape[:-1], start), signal), -1)
    if delay.ndim == 0:
        delay = delay[None]
    if delay.is_floating_point():
        y = _read(signal, delay, start)
    else:
        y = next(_readings(signal, start, delay, 1))
    return y.expand(x.shape).to(x.dtype)


def feedback_delay(
    x: Tensor, delay_samples: Value, feedback: Value, history: Tensor | None = None
) -> Tensor:
    """Run `x` through a delay line with feedback: y[n] = x[n] + feedback[n] y(n - delay[n]).

    The recursion is solved exactly and is differentiable in every argument.

    Args:
        x: Signal `(..., time)`.
        delay_samples: Delay in samples, 1 or more: a number, or broadcasting to `x`; `(..., time)`
            for a delay that moves, `(..., 1)` for one number a row.
        feedback: Gain of the loop, a number or broadcasting to `x` in the same way.
        history: Output before `x`, `(..., samples)`, newest last; silence by default. For a stream
            keep at least the longest delay and 3 samples more.

    Returns:
        The output, of the shape of `x`.

    Raises:
        ValueError: If `x` is not floating point, or `delay_samples` is under 1.

    >>> x, history = torch.randn(2, 1000), torch.zeros(2, 64)
    >>> blocks = []
    >>> for block in x.split(100, dim=-1):
    ...     blocks.append(feedback_delay(block, 60.3, 0.7, history))
    ...     history = torch.cat((history, blocks[-1]), -1)[..., -64:]
    >>> torch.allclose(torch.cat(blocks, -1), feedback_delay(x, 60.3, 0.7), atol=1e-5)
    True
    """
    check_signal("x", x)
    check_range("delay_samples", delay_samples, low=1.0)
    check_real("feedback", feedback)
    check_real("history", history)
    signal, offset, weights = _prepare(x, delay_samples, newest=1)
    if not isinstance(feedback, Tensor):
        feedback = constant(feedback, signal)
    weights = (feedback.to(signal)[..., None] * weights).expand(*signal.shape, -1)
    offset, samples = offset.expand(signal.shape), 0
    if history is not None:
        # Earlier output is output that comes from the input alone, and reads nothing.
        samples = history.shape[-1]
        earlier = history.to(signal.dtype).expand(*x.shape[:-1], samples)
        signal = torch.cat((earlier, signal), -1)
        weights = nnf.pad(weights, (0, 0, samples, 0))
        offset = nnf.pad(offset, (samples, 0), value=samples)
    rows, time = math.prod(x.shape[:-1]), signal.shape[-1]
    y = _solve(
        signal.reshape(rows, time),
        weights.reshape(rows, time, weights.shape[-1]),
        offset.reshape(rows, time),
        False,
    )
    return y.reshape(signal.shape)[..., samples:].to(x.dtype)


def _exact(x: Tensor) -> Tensor:
    """The signal in the type to compute in."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _delays(delay_samples: Value, x: Tensor) -> Tensor:
    """Whole numbers as integers, others in float64.

    In float32 a delay of 100,000 samples would have hundredths left, in half types none.
    """
    if isinstance(delay_samples, Tensor):
        delay = delay_samples.to(x.device)
    elif isinstance(delay_samples, float | int):
        kind = torch.float64 if isinstance(delay_samples, float) else torch.int64
        delay = constant(delay_samples, x, kind)
    else:
        delay = torch.as_tensor(np.asarray(delay_samples), device=x.device)
    return at_most(delay.double(), LONGEST) if delay.is_floating_point() else delay.long()


def _prepare(x: Tensor, delay_samples: Value, newest: int) -> tuple[Tensor, Tensor, Tensor]:
    """The signal in the type to compute in, and the samples and weights of every reading.

    A reading takes the samples `offset` to `offset + 3` ago, the newest `newest` ago or earlier;
    that of an integer delay takes one sample.
    """
    signal = _exact(x)
    delay = _delays(delay_samples, x)
    if not delay.is_floating_point():
        return signal, delay, signal.new_ones(*delay.shape, 1)
    return signal, *_offset_and_weights(delay, newest, signal.dtype)


def _offset_and_weights(delay: Tensor, newest: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    offset = (torch.floor(delay) - 1).clamp(min=newest)
    return offset.long(), _lagrange_weights((delay - offset).to(dtype))


@on_gpu("delay_cuda.weights")
def _lagrange_weights(d: Tensor) -> Tensor:
    """h_k = prod over j != k of (d - j) / (k - j), for a point `d` samples behind the newest."""
    d0, d1, d2, d3 = d, d - 1, d - 2, d - 3
    return torch.stack(
        (-d1 * d2 * d3 / 6, d0 * d2 * d3 / 2, -d0 * d1 * d3 / 2, d0 * d1 * d2 / 6), -1
    )


@on_gpu("delay_cuda.read", last=1)
def _read(signal: Tensor, delay: Tensor, start: int) -> Tensor:
    """The signal `(..., start + time)` late by `delay` `(..., 1)` or `(..., time)`."""
    offset, weights = _offset_and_weights(delay, 0, signal.dtype)
    y = signal.new_zeros(*signal.shape[:-1], signal.shape[-1] - start)
    for k, late in enumerate(_readings(signal, start, offset, weights.shape[-1])):
        y = torch.addcmul(y, weights[..., k], late)
    return y


def _place(offset: Tensor, taps: int) -> Tensor:
    """Where each reading falls, `(..., time, taps)`, in a signal with `taps` zeros before it."""
    n = torch.arange(offset.shape[-1], device=offset.device)
    k = torch.arange(taps, device=offset.device)
    return (n - offset).clamp(min=-1)[..., None] + (taps - k)


def _readings(signal: Tensor, start: int, offset: Tensor, taps: int) -> Iterator[Tensor]:
    """signal[n - offset[n] - k] for each k, at every n from `start` on.

    A delay at rest is one shift for all.
    """
    rows, stop = signal.shape[:-1], signal.shape[-1]
    time = stop - start
    at_rest = offset.shape[-1:] in ((), (1,))
    n = torch.arange(start + 1 - taps if at_rest else start, stop, device=signal.device)
    place = (n - offset).clamp(min=-1) + 1  # 0 stands for all before the start
    place = place.expand(*rows, place.shape[-1])
    if at_rest:
        late = nnf.pad(signal, (1, 0)).gather(-1, place)
        yield from (late[..., taps - 1 - k :][..., :time] for k in range(taps))
    else:
        padded = nnf.pad(signal, (taps, 0))
        yield from (padded[..., taps - 1 - k :].gather(-1, place) for k in range(taps))


def _past(signal: Tensor, offset: Tensor, taps: int) -> Tensor:
    """signal[n - offset[n] - k], `(..., time, taps)`."""
    place = _place(offset, taps)
    return nnf.pad(signal, (taps, 0)).gather(-1, place.flatten(-2)).view(place.shape)


def _into_past(contributions: Tensor, offset: Tensor) -> Tensor:
    """The transpose of `_past`: each contribution `(..., time, taps)` goes where it was read."""
    taps = contributions.shape[-1]
    place = _place(offset, taps).flatten(-2)
    total = contributions.new_zeros(*offset.shape[:-1], taps + offset.shape[-1])
    return total.scatter_add(-1, place, contributions.flatten(-2))[..., taps:]


# The recurrence y = x + W y, with (W y)[n] = sum_k weights[n, k] y[n - offset[n] - k], and its
# transpose y = x + W' y are each other's adjoints, so the two are closed under differentiation.


def _solve(x: Tensor, weights: Tensor, offset: Tensor, transposed: bool) -> Tensor:
    # torch.compile takes no function with a forward-mode rule.
    function = _Recurrence if in_graph() else _RecurrenceWithTangents
    return function.apply(x, weights, offset, transposed)


class _Recurrence(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weights: Tensor, offset: Tensor, transposed: bool) -> Tensor:
        return _kernel(x, weights, offset, transposed)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, weights, offset, ctx.transposed = inputs
        ctx.save_for_backward(weights, offset, output)
        ctx.save_for_forward(weights, offset, output)

    @staticmethod
    def backward(ctx, grad_y):
        weights, offset, y = ctx.saved_tensors
        adjoint = _solve(grad_y, weights, offset, not ctx.transposed)
        if not ctx.needs_input_grad[1]:
            return adjoint, None, None, None
        later, earlier = (y, adjoint) if ctx.transposed else (adjoint, y)
        return adjoint, later[..., None] * _past(earlier, offset, weights.shape[-1]), None, None


class _RecurrenceWithTangents(_Recurrence):
    @staticmethod
    def jvp(ctx, x_tangent, weights_tangent, *_):
        weights, offset, y = ctx.saved_tensors
        drive = torch.zeros_like(y) if x_tangent is None else x_tangent
        if weights_tangent is not None:
            if ctx.transposed:
                drive = drive + _into_past(weights_tangent * y[..., None], offset)
            else:
                drive = drive + (weights_tangent * _past(y, offset, weights.shape[-1])).sum(-1)
        return _solve(drive, weights, offset, ctx.transposed)


_DELAY = Kernel(delay_torch.solve, cpu="delay_numba.solve", gpu="delay_cuda.solve")

_kernel = define_row_operator(
    "delay_recurrence(Tensor x, Tensor weights, Tensor offset, bool transposed) -> Tensor",
    _DELAY.run,
    lambda: _Recurrence,
)
