"""Recursive filters of any order by the coefficients of two polynomials.

    y[n] = sum_k b[k] x[n-k] - sum_(k > 0) a[k] y[n-k],   with a[0] = 1

in float64 whatever the signal. Rounding enters as often as in SciPy's recursion, and grows as it
does there: by the impulse response of 1 / a, whose sum is the condition of the problem.
"""

import math
from functools import reduce

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_not_zero, check_real, check_signal
from dasp.signal._kernel import Kernel
from dasp.signal._operator import define_row_operator, in_graph
from dasp.signal._shapes import broadcast_shapes
from dasp.signal.backends import direct_form_torch
from dasp.signal.fftconv import fft_convolve

LONG = 128
"""Taps from which on a filter without poles is a product of spectra."""


def lfilter(x: Tensor, b: Tensor, a: Tensor, zi: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Filter `x` by the transfer function b / a, of any order.

    Differentiable in all arguments, to any order, in reverse and in forward mode. Polynomials of
    a high order are ill-conditioned: a rounding of 1e-16 in a coefficient moves the answer by as
    much times the gain of 1 / a, which is 1e9 for four poles at 20 Hz. That holds for SciPy's
    answer too, and the two are as near as that. For more than two poles prefer `sosfilt`. On a
    GPU the number of kernels grows with the length of the signal.

    Args:
        x: Signal `(..., time)`.
        b: Numerator `(..., taps)`, one tap or more, in powers of a delay.
        a: Denominator `(..., taps)`, one tap or more, the first of them not 0.
        zi: State `(..., max(taps) - 1)` to begin from, silence by default. The leading
            dimensions of all four broadcast.

    Returns:
        The output in the type of `x`, and the final state in float64, which is the `zi` of the
        next block. States are those of `scipy.signal.lfilter` (transposed direct form II).

    Raises:
        ValueError: If there are no taps, the first of `a` is 0, or `zi` has another size.

    >>> lfilter(torch.eye(1, 4), torch.tensor([1.0]), torch.tensor([1.0, -0.5]))[0]
    tensor([[1.0000, 0.5000, 0.2500, 0.1250]])
    """
    for name, taps in (("b", b), ("a", a)):
        if taps.ndim == 0 or taps.shape[-1] == 0:
            raise ValueError(
                f"{name}: expected shape (..., taps) with one tap or more, got {tuple(taps.shape)}"
            )
    check_not_zero("a", a[..., 0], because="the first coefficient, which the others are divided by")
    check_signal("x", x)
    for name, value in (("b", b), ("a", a), ("zi", zi)):
        check_real(name, value)
    order = max(b.shape[-1], a.shape[-1]) - 1
    if zi is None:
        zi = x.new_zeros(order)
    elif zi.ndim == 0 or zi.shape[-1] != order:
        raise ValueError(f"zi: expected shape (..., {order}), got {tuple(zi.shape)}")

    batch = broadcast_shapes(*(t.shape[:-1] for t in (x, b, a, zi)))
    signal, b, a, zi = (
        t.to(torch.float64).expand(*batch, t.shape[-1]).reshape(math.prod(batch), t.shape[-1])
        for t in (x, b, a, zi)
    )
    b, a = b / a[:, :1], a / a[:, :1]
    if a.shape[-1] == 1 and b.shape[-1] >= LONG:
        y, zf = _convolved(signal, b, zi)
    else:
        b, a = (nnf.pad(c, (0, order + 1 - c.shape[-1])) for c in (b, a))
        y = _solve(signal, b, a, zi)
        zf = _final_state(signal, y, b, a, zi)
    return y.reshape(*batch, x.shape[-1]).to(x.dtype), zf.reshape(*batch, order)


def _convolved(x: Tensor, b: Tensor, zi: Tensor) -> tuple[Tensor, Tensor]:
    """Filter without poles, whose state is the part of the output that is still to come."""
    time = x.shape[-1]
    sounding = fft_convolve(nnf.pad(x, (0, zi.shape[-1])), b) + nnf.pad(zi, (0, time))
    return sounding[:, :time], sounding[:, time:]


def _final_state(x: Tensor, y: Tensor, b: Tensor, a: Tensor, zi: Tensor) -> Tensor:
    """The contribution of the samples so far, and of the first state, to later samples."""
    order, time = zi.shape[-1], x.shape[-1]
    if order == 0:
        return zi
    left = nnf.pad(zi, (0, time))[:, time:]
    for signal, taps in ((x, b), (y, -a)):
        newest_first = nnf.pad(signal, (max(0, order - time), 0))[:, -order:].flip(-1)
        later = nnf.pad(taps[:, 1:], (0, order - 1)).unfold(-1, order, 1)
        left = left + (later @ newest_first[..., None])[..., 0]
    return left


def _solve(x: Tensor, b: Tensor, a: Tensor, zi: Tensor) -> Tensor:
    # torch.compile takes no function with a forward-mode rule.
    function = _DirectForm if in_graph() else _DirectFormWithTangent
    return function.apply(x, b, a, zi)


def _from_rest(x: Tensor, b: Tensor, a: Tensor) -> Tensor:
    return _solve(x, b, a, torch.zeros_like(a[:, 1:]))


def _unfiltered(b: Tensor) -> Tensor:
    """The numerator 1, of a filter without zeros."""
    return torch.cat((torch.ones_like(b[:, :1]), torch.zeros_like(b[:, 1:])), -1)


def _heard(x: Tensor, taps: Tensor) -> Tensor:
    """sum_k taps[k] x[n-k]."""
    terms = (
        taps[:, k : k + 1] * nnf.pad(x, (k, 0))[:, : x.shape[-1]] for k in range(taps.shape[-1])
    )
    return reduce(torch.add, terms)


def _correlation(w: Tensor, x: Tensor, lags: int) -> Tensor:
    """sum_n w[n] x[n-k] for every lag k, `(rows, lags)`."""
    time = x.shape[-1]
    return torch.stack([(w * nnf.pad(x, (k, 0))[:, :time]).sum(-1) for k in range(lags)], -1)


class _DirectForm(torch.autograd.Function):
    """The adjoint is the same filter, run backwards in time."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, b, a, zi):
        return _kernel(x, b, a, zi)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, b, a, _ = inputs
        ctx.save_for_backward(x, b, a, output)
        ctx.save_for_forward(x, b, a, output)

    @staticmethod
    def backward(ctx, grad):
        x, b, a, y = ctx.saved_tensors
        taps, time = a.shape[-1], x.shape[-1]
        reversed_grad = grad.flip(-1)
        x_grad = b_grad = a_grad = zi_grad = None
        if ctx.needs_input_grad[0]:
            x_grad = _from_rest(reversed_grad, b, a).flip(-1)
        if any(ctx.needs_input_grad[1:]):
            w = _from_rest(reversed_grad, _unfiltered(b), a).flip(-1)
            b_grad = _correlation(w, x, taps)
            a_grad = -_correlation(w, y, taps)
            zi_grad = nnf.pad(w, (0, max(0, taps - 1 - time)))[:, : taps - 1]
        # The first of a is 1, and is not read.
        a_grad = None if a_grad is None else nnf.pad(a_grad[:, 1:], (1, 0))
        return x_grad, b_grad, a_grad, zi_grad


class _DirectFormWithTangent(_DirectForm):
    @staticmethod
    def jvp(ctx, x_tangent, b_tangent, a_tangent, zi_tangent):
        x, b, a, y = ctx.saved_tensors
        drive = torch.zeros_like(x)
        if x_tangent is not None:
            drive = drive + _heard(x_tangent, b)
        if b_tangent is not None:
            drive = drive + _heard(x, b_tangent)
        if a_tangent is not None:
            drive = drive - _heard(y, nnf.pad(a_tangent[:, 1:], (1, 0)))
        zi = torch.zeros_like(a[:, 1:]) if zi_tangent is None else zi_tangent
        return _solve(drive, _unfiltered(b), a, zi)


_DIRECT_FORM = Kernel(
    direct_form_torch.solve, cpu="direct_form_numba.solve", gpu="direct_form_cuda.solve"
)

_kernel = define_row_operator(
    "direct_form(Tensor x, Tensor b, Tensor a, Tensor zi) -> Tensor",
    _DIRECT_FORM.run,
    lambda: _DirectForm,
)
