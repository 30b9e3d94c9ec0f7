"""Exact recursive filters, as matrix products over blocks of time.

A filter of any order is a small linear system s' = A s + B u, y = C s + D u. Over a block of
L samples it becomes four matrices: a lower-triangular Toeplitz matrix from the block's input
to its output, and A^L, reach and observability to carry the state across. All blocks are then
one batched product, and only the states at the block edges remain to be chained, which the
same idea does in pairs. Nothing is truncated: the result is the recursion's own, its cost does
not depend on the number of sections, and ordinary automatic differentiation is exact.

Source of the block form: C. Burrus, "Block realization of digital filters", IEEE 1972; of the
basis for the states of a section C. W. Barnes and A. T. Fam, "Minimum norm recursive digital
filters that are free of overflow limit cycles", IEEE 1977.
Matrices and states are float64 whatever the signal, and in that basis as exact as the recursion
itself, down to the lowest frequency at the highest rate.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

BLOCK = 64


class StateSpace(NamedTuple):
    """s[n+1] = A s[n] + B u[n] and y[n] = C s[n] + D u[n], each with any leading dimensions."""

    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor


def sosfilt(x: Tensor, sos: Tensor, zi: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Filter `x` through a cascade of second-order sections.

    `x` is `(..., time)`, `sos` `(..., sections, 6)` and `zi` `(..., sections, 2)`, whose leading
    dimensions broadcast. Returns the output, in the type of `x`, and the final states in
    float64, which are the `zi` of the next block. Sections and states are SciPy's (transposed
    direct form II), and so is the answer.

    >>> from dasp.signal.biquad import design_low_pass
    >>> x, sos = torch.randn(2, 1000), design_low_pass(1000.0, 48_000)
    >>> whole, _ = sosfilt(x, sos)
    >>> first, state = sosfilt(x[:, :300], sos)
    >>> second, _ = sosfilt(x[:, 300:], sos, state)
    >>> torch.allclose(torch.cat((first, second), -1), whole, atol=1e-6)
    True
    """
    if sos.ndim < 2 or sos.shape[-1] != 6:
        raise ValueError(f"sos: expected shape (..., sections, 6), got {tuple(sos.shape)}")
    sections = sos.shape[-2]
    if zi is not None and zi.shape[-2:] != (sections, 2):
        raise ValueError(f"zi: expected shape (..., {sections}, 2), got {tuple(zi.shape)}")
    c, _ = _poles(sos[..., 4:].to(torch.float64) / sos[..., 3:4])
    if zi is not None:
        s1, s2 = zi.unbind(-1)
        zi = torch.stack((s1, s2 + c * s1), -1).flatten(-2)
    y, zf = filter_by_blocks(x, cascade(sos), zi)
    s1, v = zf.unflatten(-1, (sections, 2)).unbind(-1)
    return y, torch.stack((s1, v - c * s1), -1)


def lfilter(x: Tensor, b: Tensor, a: Tensor, zi: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Filter `x` by the transfer function b / a, of any order.

    `x` is `(..., time)`, `b` and `a` `(..., taps)`, and `zi` `(..., max(taps) - 1)`, whose
    leading dimensions broadcast. Returns the output and the final state, as
    `scipy.signal.lfilter` does. For more than two poles prefer `sosfilt`: polynomials of a
    high order are ill-conditioned.
    """
    taps = max(b.shape[-1], a.shape[-1], 2)
    b, a = (nnf.pad(c, (0, taps - c.shape[-1])) for c in (b, a))
    if zi is not None and zi.shape[-1] != taps - 1:
        raise ValueError(f"zi: expected shape (..., {taps - 1}), got {tuple(zi.shape)}")
    return filter_by_blocks(x, direct_form(b, a), zi)


def cascade(sos: Tensor) -> StateSpace:
    """The system of sections `(..., sections, 6)` in series, two states to a section.

    A section with the poles c +- sqrt(d) has the state matrix [[c, 1], [d, c]], which is normal
    but for a scale, so that its powers keep the digits of poles near 1; those of the direct form
    do not. Its states are the s1 of the direct form, and s2 + c s1.
    """
    sos = sos.to(torch.float64)
    sos = sos / sos[..., 3:4]
    order = 2 * sos.shape[-2]
    # A signal inside the system is a row of weights: one for each state, and one for the input.
    rows = torch.eye(order + 1, dtype=sos.dtype, device=sos.device)
    signal, next_states = rows[-1], []
    for i, section in enumerate(sos.unbind(-2)):
        b0, b1, b2, _, a1, a2 = section[..., None].unbind(-2)
        c, d = _poles(section[..., None, 4:])
        s1, v = rows[2 * i], rows[2 * i + 1]
        drive = b1 - a1 * b0
        next_states += [
            c * s1 + v + drive * signal,
            d * s1 + c * v + (b2 - a2 * b0 + c * drive) * signal,
        ]
        signal = b0 * signal + s1
    return _from_rows(next_states, signal)


def _poles(a: Tensor) -> tuple[Tensor, Tensor]:
    """c and d of the poles c +- sqrt(d), from a1 and a2 `(..., 2)`.

    d is c^2 - a2, as a sum in which nothing cancels where both poles are near 1, or near -1.
    """
    a1, a2 = a.unbind(-1)
    c = -a1 / 2
    side = torch.where(a1 > 0, -1.0, 1.0).to(a1)
    return c, (1 - side * c).square() - (1 - 2 * side * c + a2)


def direct_form(b: Tensor, a: Tensor) -> StateSpace:
    """The system of b / a, both `(..., taps)`, in transposed direct form II."""
    b, a = b.to(torch.float64), a.to(torch.float64)
    b, a = b / a[..., :1], a / a[..., :1]
    order = a.shape[-1] - 1
    rows = torch.eye(order + 1, dtype=b.dtype, device=b.device)
    output = b[..., :1] * rows[-1] + rows[0]
    next_states = [
        b[..., i : i + 1] * rows[-1] - a[..., i : i + 1] * output
        + (rows[i] if i < order else 0)
        for i in range(1, order + 1)
    ]  # fmt: skip
    return _from_rows(next_states, output)


def filter_by_blocks(
    x: Tensor, system: StateSpace, zi: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Run any linear system over `x` `(..., time)` from the state `zi` `(..., order)`."""
    order = system.A.shape[-1]
    state = torch.zeros(order, dtype=torch.float64, device=x.device) if zi is None else zi
    rows = torch.broadcast_shapes(x.shape[:-1], system.A.shape[:-2], state.shape[:-1])
    x, state = x.expand(*rows, -1), state.to(torch.float64).expand(*rows, order)
    whole_blocks = x.shape[-1] // BLOCK * BLOCK
    y, state = _run(x[..., :whole_blocks], system, state, BLOCK)
    y_tail, state = _run(x[..., whole_blocks:], system, state, x.shape[-1] - whole_blocks)
    return torch.cat((y, y_tail), -1), state


def _run(x: Tensor, system: StateSpace, state: Tensor, length: int) -> tuple[Tensor, Tensor]:
    if x.shape[-1] == 0:
        return x, state
    return run_blocks(x, block_form(system, length), state)


class BlockForm(NamedTuple):
    """A system over blocks: s[k+1] = step s[k] + reach u[k], y[k] = observe s[k] + toeplitz u[k].

    u[k] and y[k] are blocks of samples.
    """

    step: Tensor
    reach: Tensor
    observe: Tensor
    toeplitz: Tensor


def block_form(system: StateSpace, length: int) -> BlockForm:
    """The matrices of `system` over blocks of `length` samples."""
    A, B, C, D = system
    reach = _krylov(A, B, length)  # B, A B, A^2 B, ...: what an input has become later
    observe = _krylov(A.mT, C, length)  # C, C A, C A^2, ...: what a state will sound like
    impulse = torch.cat((D[..., None], (C[..., None, :] @ reach).squeeze(-2)[..., :-1]), -1)
    step = torch.linalg.matrix_power(A, length)
    return BlockForm(step, reach.flip(-1), observe.mT, _toeplitz(impulse))


def run_blocks(x: Tensor, form: BlockForm, state: Tensor) -> tuple[Tensor, Tensor]:
    """Filter `x`, one or more whole blocks, from the float64 `state` `(..., order)`."""
    u = x.unflatten(-1, (-1, form.toeplitz.shape[-1]))
    states = _chain(form.step, u.to(form.reach.dtype) @ form.reach.mT, state)
    heard = (states[..., :-1, :] @ form.observe.mT).to(x.dtype)
    y = u @ form.toeplitz.mT.to(x.dtype) + heard
    return y.flatten(-2), states[..., -1, :]


def _chain(step: Tensor, drive: Tensor, state: Tensor) -> Tensor:
    """All states of s[k+1] = step s[k] + drive[k] from s[0] = state on, `(..., steps + 1, order)`.

    Two steps are one step of the same form, so half the states come from half the problem.
    """
    steps = drive.shape[-2]
    if steps == 1:
        return torch.stack((state, (step @ state[..., None])[..., 0] + drive[..., 0, :]), -2)
    drive = nnf.pad(drive, (0, 0, 0, steps % 2))
    first, second = drive[..., 0::2, :], drive[..., 1::2, :]
    even = _chain(step @ step, first @ step.mT + second, state)
    odd = even[..., :-1, :] @ step.mT + first
    pairs = torch.stack((even[..., :-1, :], odd), -2).flatten(-3, -2)
    return torch.cat((pairs, even[..., -1:, :]), -2)[..., : steps + 1, :]


def _krylov(matrix: Tensor, vector: Tensor, length: int) -> Tensor:
    """The columns v, M v, M^2 v, ... `(..., order, length)`, twice as many at every step."""
    columns = vector[..., None]
    while columns.shape[-1] < length:
        columns = torch.cat((columns, matrix @ columns), -1)
        matrix = matrix @ matrix
    return columns[..., :length]


def _toeplitz(impulse: Tensor) -> Tensor:
    """The matrix that convolves a block with `impulse` `(..., length)`."""
    n = torch.arange(impulse.shape[-1], device=impulse.device)
    lag = n[:, None] - n
    return impulse[..., lag.clamp(min=0)].tril()


def _from_rows(next_states: list[Tensor], output: Tensor) -> StateSpace:
    states = torch.stack(next_states, -2)
    return StateSpace(A=states[..., :-1], B=states[..., -1], C=output[..., :-1], D=output[..., -1])
