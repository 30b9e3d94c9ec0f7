"""A cascade of first-order all-passes whose break frequency moves, with feedback around it.

    x -->(+)--> u_0 --> [all-pass 1] --> u_1 --> ... --> [all-pass N] --> u_N = y
          ^                                                          |
          +---------------- feedback <-- one sample late <-----------+

All stages share one coefficient a[n]. In the signals u_i between the stages the cascade is

    u_0[n] = x[n] + feedback[n] u_N[n-1]
    u_i[n] = a[n] u_(i-1)[n] + u_(i-1)[n-1] - a[n] u_i[n-1]

Source: U. Zölzer (editor), "DAFX: digital audio effects", 2nd edition, 2011, chapter 2 (the
all-pass and the phaser).
"""

import math

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_real, check_signal
from dasp._constants import constant
from dasp._typing import Value
from dasp.signal._kernel import Kernel
from dasp.signal._operator import define_row_operator, in_graph
from dasp.signal.backends import allpass_torch


def design_first_order_all_pass(freq_hz: Tensor, sample_rate: float) -> Tensor:
    """Design the first-order all-pass whose phase is -90 degrees at `freq_hz`.

    The transfer function is (a + z^-1) / (1 + a z^-1), the bilinear transform of
    (w - s) / (w + s): the phase is 0 at DC and -180 degrees at Nyquist.

    Args:
        freq_hz: Break frequency in Hz, of any shape, between 0 and Nyquist.
        sample_rate: In Hz.

    Returns:
        The coefficient a, between -1 and 1, of the shape of `freq_hz`.

    Raises:
        ValueError: If `freq_hz` is complex.

    >>> a = design_first_order_all_pass(torch.tensor([12_000.0]), 48_000)  # a quarter of the rate
    >>> torch.allclose(a, torch.zeros(1), atol=1e-6)
    True
    """
    check_real("freq_hz", freq_hz)
    tangent = torch.tan(math.pi / sample_rate * freq_hz)
    return (tangent - 1) / (tangent + 1)


def all_pass_cascade(
    x: Tensor, a: Tensor, feedback: Value, stages: int, zi: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Filter `x` through a cascade of first-order all-passes with feedback around it.

    Differentiable in `x`, `a`, `feedback` and `zi`, to any order, in reverse and in forward mode.

    Args:
        x: Signal `(..., time)`.
        a: Coefficient of every stage, between -1 and 1; broadcasts to `x`, with a last axis of 1
            where it is constant.
        feedback: Gain from the output back to the input, one sample late, between -1 and 1;
            broadcasts to `x`, with a last axis of 1 where it is constant.
        stages: Number of all-passes, 1 or more.
        zi: Signals u_0 to u_N of the last sample before `x`, `(..., stages + 1)`; 0 by default.

    Returns:
        The output, of the shape of `x`, and the `zi` of the next block.

    Raises:
        ValueError: If `x` is not floating point, or an argument is complex.

    >>> y, _ = all_pass_cascade(torch.eye(1, 3), torch.tensor([[0.5]]), 0.0, stages=1)
    >>> torch.allclose(y, torch.tensor([[0.5, 0.75, -0.375]]))
    True
    """
    check_signal("x", x)
    for name, value in (("a", a), ("feedback", feedback), ("zi", zi)):
        check_real(name, value)
    zi = x.new_zeros(()) if zi is None else zi.to(x.dtype)
    zi = zi.expand(*x.shape[:-1], stages + 1)
    if x.shape[-1] == 0:
        return x.clone(), zi
    if not isinstance(feedback, Tensor):
        feedback = constant(feedback, x)
    a, feedback = a.to(x.dtype).expand(x.shape), feedback.to(x).expand(x.shape)
    rows, time = math.prod(x.shape[:-1]), x.shape[-1]
    signal, a, feedback = (t.reshape(rows, time) for t in (x, a, feedback))
    # A sample before the first, whose coefficients are 0, holds what it is driven with: the state.
    state = zi.reshape(rows, 1, stages + 1)
    drive = torch.cat((state, nnf.pad(signal[..., None], (0, stages))), 1)
    u = _solve(drive, nnf.pad(a, (1, 0)), nnf.pad(feedback, (1, 0)))
    return u[:, 1:, -1].reshape(x.shape), u[:, -1].reshape(zi.shape)


# With a drive q_i at every stage, the cascade is a linear map u = q + W u. Its transpose
# v = q + W' v is its adjoint, so the two are closed under differentiation.


def _solve(q: Tensor, a: Tensor, feedback: Tensor, transposed: bool = False) -> Tensor:
    # torch.compile takes no function with a forward-mode rule.
    function = _Cascade if in_graph() else _CascadeWithTangent
    return function.apply(q, a, feedback, transposed)


def _read(u: Tensor) -> tuple[Tensor, Tensor]:
    """The signals that W multiplies, by a for every stage but the first, by the feedback for it."""
    late = nnf.pad(u, (0, 0, 1, -1))
    return u[..., :-1] - late[..., 1:], late[..., -1]


def _changed(u: Tensor, da: Tensor, df: Tensor) -> Tensor:
    """dW u, for changes of a and of the feedback."""
    by_a, by_feedback = _read(u)
    return torch.cat(((df * by_feedback)[..., None], da[..., None] * by_a), -1)


def _changed_transposed(v: Tensor, da: Tensor, df: Tensor) -> Tensor:
    """dW' v, the transpose of `_changed`: values go back where `_read` takes them from."""
    stages, by_feedback = da[..., None] * v[..., 1:], (df * v[..., 0])[..., None]
    late = nnf.pad(by_feedback, (stages.shape[-1], 0)) - nnf.pad(stages, (1, 0))
    return nnf.pad(stages, (0, 1)) + nnf.pad(late, (0, 0, -1, 1))


class _Cascade(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(q: Tensor, a: Tensor, feedback: Tensor, transposed: bool) -> Tensor:
        return _kernel(q, a, feedback, transposed)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, a, feedback, ctx.transposed = inputs
        ctx.save_for_backward(a, feedback, output)
        ctx.save_for_forward(a, feedback, output)

    @staticmethod
    def backward(ctx, grad):
        a, feedback, u = ctx.saved_tensors
        adjoint = _solve(grad, a, feedback, not ctx.transposed)
        v, u = (u, adjoint) if ctx.transposed else (adjoint, u)
        by_a, by_feedback = _read(u)
        return adjoint, (v[..., 1:] * by_a).sum(-1), v[..., 0] * by_feedback, None


class _CascadeWithTangent(_Cascade):
    @staticmethod
    def jvp(ctx, q_tangent, a_tangent, feedback_tangent, _):
        a, feedback, u = ctx.saved_tensors
        da = torch.zeros_like(a) if a_tangent is None else a_tangent
        df = torch.zeros_like(a) if feedback_tangent is None else feedback_tangent
        drive = (_changed_transposed if ctx.transposed else _changed)(u, da, df)
        if q_tangent is not None:
            drive = drive + q_tangent
        return _solve(drive, a, feedback, ctx.transposed)


_ALL_PASS = Kernel(allpass_torch.solve, cpu="allpass_numba.solve", gpu="allpass_cuda.solve")

_kernel = define_row_operator(
    "all_pass_cascade(Tensor q, Tensor a, Tensor feedback, bool transposed) -> Tensor",
    _ALL_PASS.run,
    lambda: _Cascade,
)
