"""First-order recursions: the one-pole smoother, and the general recurrence beneath it."""

import math

import torch
from torch import Tensor

from dasp._checks import check_real, check_signal
from dasp._private import is_sliced
from dasp.signal._fused import is_plain, on_gpu
from dasp.signal._kernel import Kernel
from dasp.signal._operator import define_row_operator, in_graph
from dasp.signal._shapes import broadcast_shapes
from dasp.signal.backends import recurrence_torch
from dasp.units import smoothing_coefficient


def one_pole(x: Tensor, pole: Tensor, zi: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Smooth `x` with a one-pole low-pass: y[n] = p y[n-1] + (1 - p) x[n].

    Args:
        x: Signal `(..., time)`.
        pole: The pole p, in [0, 1); broadcasts to `x`, with a last axis of 1 where it is constant.
        zi: The output before the first sample, y[-1], `(...)`; 0 by default.

    Returns:
        The output, of the shape of `x`, and its last sample, the `zi` of the next block.

    Raises:
        ValueError: If `x` is not floating point, or `pole` is complex.

    >>> y, _ = one_pole(torch.ones(1, 3), torch.tensor([[0.5]]))
    >>> torch.allclose(y, torch.tensor([[0.5, 0.75, 0.875]]))
    True
    """
    check_signal("x", x)
    check_real("pole", pole)
    pole = pole if pole.is_floating_point() else pole.to(x)
    return linear_recurrence(pole, (1 - pole) * x, zi)


@on_gpu("recurrence_cuda.pole")
def design_one_pole(time_ms: Tensor, sample_rate: float) -> Tensor:
    """Design the pole of the one-pole smoother that covers 1 - 1/e (63 %) of a step in a time.

    Args:
        time_ms: Time in ms, 0 or more, of any shape; 0 follows at once.
        sample_rate: In Hz.

    Returns:
        The pole exp(-1 / (time * rate)), of the shape of `time_ms`.

    >>> pole = design_one_pole(torch.tensor(10.0, dtype=torch.float64), 48_000)
    >>> y, _ = one_pole(torch.ones(1, 480), pole.view(1, 1))
    >>> round(y[0, -1].item(), 2)
    0.63
    """
    return smoothing_coefficient(time_ms, sample_rate)


def linear_recurrence(a: Tensor, b: Tensor, zi: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Solve y[n] = a[n] y[n-1] + b[n] along the last axis.

    Differentiable in every argument, to any order, in reverse and in forward mode.

    Args:
        a: Coefficient, broadcasting with `b` to `(..., time)`.
        b: Input, broadcasting with `a` to `(..., time)`.
        zi: The output before the first sample, y[-1], `(...)`; 0 by default.

    Returns:
        The output `(..., time)` and its last sample, the `zi` of the next block.

    Raises:
        ValueError: If `b` is not floating point, or an argument is complex.

    >>> y, last = linear_recurrence(torch.tensor([0.5]), torch.tensor([1.0, 0.0, 0.0]))
    >>> torch.allclose(y, torch.tensor([1.0, 0.5, 0.25]))
    True
    """
    check_signal("b", b)
    check_real("a", a)
    check_real("zi", zi)
    a = a if a.is_floating_point() else a.to(b)
    shape = broadcast_shapes(a.shape, b.shape)
    a, b = a.expand(shape), b.expand(shape)
    zi = b.new_zeros(()) if zi is None else zi.to(b.dtype)
    zi = zi.expand(b.shape[:-1])
    if b.shape[-1] == 0:
        return b.clone(), zi
    rows, time = math.prod(b.shape[:-1]), b.shape[-1]
    a, b = a.reshape(rows, time), b.reshape(rows, time)
    function = _Recurrence if in_graph() else _RecurrenceWithTangent
    y = function.apply(a, b, zi.reshape(rows)).reshape(shape)
    return y, y[..., -1]


def delayed(y: Tensor, zi: Tensor) -> Tensor:
    """Delay `y` by one sample.

    Args:
        y: Signal `(..., time)`.
        zi: The sample before the first, `(...)`.

    Returns:
        The samples y[n-1], of the shape of `y`.

    >>> delayed(torch.tensor([1.0, 2.0, 3.0]), torch.tensor(9.0))
    tensor([9., 1., 2.])
    """
    return torch.cat((zi[..., None], y[..., :-1]), -1)


_LINEAR = Kernel(
    recurrence_torch.linear_recurrence,
    cpu="recurrence_numba.linear_recurrence",
    gpu="recurrence_cuda.linear_recurrence",
)

_recurrence = define_row_operator(
    "linear_recurrence(Tensor a, Tensor b, Tensor zi) -> Tensor",
    _LINEAR.run,
    lambda: _Recurrence,
)


class _Recurrence(torch.autograd.Function):
    """The adjoint of a recurrence is a recurrence that runs backwards in time."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a, b, zi):
        return _recurrence(a, b, zi)

    @staticmethod
    def setup_context(ctx, inputs, output):
        a, _, zi = inputs
        ctx.save_for_backward(a, zi, output)
        ctx.save_for_forward(a, zi, output)

    @staticmethod
    def backward(ctx, grad):
        a, zi, y = ctx.saved_tensors
        if torch.is_grad_enabled() or not is_plain(grad, a, zi, y) or is_sliced(grad):
            return _gradients(grad, a, zi, y)
        return _ADJOINT.run(grad, a, zi, y)


def _gradients(grad: Tensor, a: Tensor, zi: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """By a, b and zi."""
    later = torch.cat((a[:, 1:], torch.zeros_like(a[:, :1])), 1)
    adjoint, _ = linear_recurrence(later.flip(1), grad.flip(1))
    adjoint = adjoint.flip(1)
    return adjoint * delayed(y, zi), adjoint, adjoint[:, 0] * a[:, 0]


_ADJOINT = Kernel(
    _gradients,
    cpu="recurrence_numba.linear_gradients",
    gpu="recurrence_cuda.linear_gradients",
)


class _RecurrenceWithTangent(_Recurrence):
    """With a forward mode too, which `torch.compile` does not accept in a Function."""

    @staticmethod
    def jvp(ctx, a_tangent, b_tangent, zi_tangent):
        a, zi, y = ctx.saved_tensors
        forcing = torch.zeros_like(y) if b_tangent is None else b_tangent
        if a_tangent is not None:
            forcing = forcing + a_tangent * delayed(y, zi)
        return linear_recurrence(a, forcing, zi_tangent)[0]
