"""Exact recursive filters, as matrix products over blocks of time.

A cascade of sections is a small linear system s' = A s + B u, y = C s + D u. Over a block of
L samples it becomes four matrices: a lower-triangular Toeplitz matrix from the block's input
to its output, and A^L, reach and observability to carry the state across. All blocks are then
one batched product, and only the states at the block edges remain to be chained, which the
same idea does in groups of blocks. Nothing is truncated: the result is the recursion's own, and
its cost does not depend on the number of sections. The adjoint is the same filter backwards in
time, and keeps no more than the input and the states at the block edges.

Source of the block form: C. Burrus, "Block realization of digital filters", IEEE 1972; of the
basis for the states of a section C. W. Barnes and A. T. Fam, "Minimum norm recursive digital
filters that are free of overflow limit cycles", IEEE 1977.
Matrices, states, and what passes between them and the signal are float64 whatever the signal, and
in that basis as exact as the recursion itself, down to the lowest frequency at the highest rate.
On a CPU a compiled loop over the sections, in the same basis, is quicker and stands in for them.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_not_zero, check_real, check_signal
from dasp.signal._fused import fused, on_gpu
from dasp.signal._operator import define_operator, folded, in_graph
from dasp.signal._shapes import broadcast_shapes
from dasp.signal.direct_form import lfilter as lfilter

BLOCK = 64
"""Samples to a block."""

GROUP = 4
"""Blocks to a group, and groups to a group of the next level."""

PIECE = 1024
"""Blocks that are worked on at once: their float64 copy stays in the cache."""


class StateSpace(NamedTuple):
    """A linear system: s[n+1] = A s[n] + B u[n] and y[n] = C s[n] + D u[n].

    Args:
        A: State to state, `(..., order, order)`.
        B: Input to state, `(..., order)`.
        C: State to output, `(..., order)`.
        D: Input to output, `(...)`.
    """

    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor


def sosfilt(x: Tensor, sos: Tensor, zi: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Filter `x` through a cascade of second-order sections.

    The sections, the states (transposed direct form II) and the answer are those of
    `scipy.signal.sosfilt`. Leading dimensions broadcast.

    Args:
        x: Signal `(..., time)`.
        sos: Sections `(..., sections, 6)` in SciPy's order; a0 is not 0.
        zi: States before the first sample, `(..., sections, 2)`; 0 by default.

    Returns:
        The output, in the type of `x`, and the final states in float64, the `zi` of the next block.

    Raises:
        ValueError: If `x` is not floating point, `sos` or `zi` has another shape or is complex, or
            an a0 is 0.

    >>> from dasp.signal.biquad import design_low_pass
    >>> x, sos = torch.randn(2, 1000), design_low_pass(1000.0, 48_000)
    >>> whole, _ = sosfilt(x, sos)
    >>> first, state = sosfilt(x[:, :300], sos)
    >>> second, _ = sosfilt(x[:, 300:], sos, state)
    >>> torch.allclose(torch.cat((first, second), -1), whole, atol=1e-5)
    True
    """
    check_signal("x", x)
    check_real("sos", sos)
    check_real("zi", zi)
    if sos.ndim < 2 or sos.shape[-1] != 6:
        raise ValueError(f"sos: expected shape (..., sections, 6), got {tuple(sos.shape)}")
    check_not_zero("sos", sos[..., 3], because="the a0 of a section, which the rest is divided by")
    n = sos.shape[-2]
    if zi is not None and zi.shape[-2:] != (n, 2):
        raise ValueError(f"zi: expected shape (..., {n}, 2), got {tuple(zi.shape)}")
    return filter_by_sections(x, sections_of(sos), zi)


def filter_by_sections(
    x: Tensor, sections: Tensor, zi: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Filter `x` as `sosfilt` does, through sections that are converted already.

    Args:
        x: Signal `(..., time)`.
        sections: What `sections_of` returns, `(..., sections, 5)`.
        zi: States before the first sample, `(..., sections, 2)`; 0 by default.

    Returns:
        The output and the final states, as `sosfilt` returns them.

    >>> from dasp.signal.biquad import design_low_pass
    >>> x, sos = torch.randn(2, 1000), design_low_pass(1000.0, 48_000)
    >>> torch.equal(filter_by_sections(x, sections_of(sos))[0], sosfilt(x, sos)[0])
    True
    """
    c, state = sections[..., 0], None
    if zi is not None:
        s1, s2 = zi.to(torch.float64).unbind(-1)
        state = torch.stack(torch.broadcast_tensors(s1, s2 + c * s1), -1).flatten(-2)
    y, state = _in_its_basis(x, sections, state)
    s1, v = state.unflatten(-1, (sections.shape[-2], 2)).unbind(-1)
    return y, torch.stack((s1, v - c * s1), -1)


def filter_whole(x: Tensor, sections: Tensor) -> Tensor:
    """Filter `x` as `filter_by_sections` does, where nothing is before it, and nothing follows.

    Args:
        x: Signal `(..., time)`.
        sections: What `sections_of` returns, `(..., sections, 5)`.

    Returns:
        The output, in the type of `x`.

    >>> from dasp.signal.biquad import design_low_pass
    >>> x, sections = torch.randn(2, 1000), sections_of(design_low_pass(1000.0, 48_000))
    >>> torch.equal(filter_whole(x, sections), filter_by_sections(x, sections)[0])
    True
    """
    return _in_its_basis(x, sections)[0]


def _in_its_basis(
    x: Tensor, sections: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The output, and the states `(..., 2 sections)` in the basis of `sections_of`."""
    if state is None:
        state = sections.new_zeros(2 * sections.shape[-2])
    batch = broadcast_shapes(x.shape[:-1], sections.shape[:-2], state.shape[:-1])
    y, state = _filtered(
        _in_rows(x, batch, 1), _in_rows(sections, batch, 2), _in_rows(state, batch, 1)
    )
    return y.reshape(*batch, x.shape[-1]), state.reshape(*batch, state.shape[-1])


def _in_rows(t: Tensor, batch: tuple[int, ...], dims: int) -> Tensor:
    """The last `dims` dimensions of `t`, once for each item of a batch that it broadcasts to."""
    own = t.shape[-dims:]
    return t.expand(*batch, *own).reshape(math.prod(batch), *own)


@fused(
    "cascade",
    "(Tensor x, Tensor sections, Tensor zi) -> (Tensor, Tensor)",
    lambda x, sections, zi: (x.new_empty(x.shape), zi.new_empty(zi.shape)),
    waits_from=500_000_000,
)
def _filtered(x: Tensor, sections: Tensor, zi: Tensor) -> tuple[Tensor, Tensor]:
    """Rows `(rows, time)` through `(rows, sections, 5)` from the states `(rows, 2 sections)`."""
    return filter_by_blocks(x, cascade(sections), zi)


def sections_of(sos: Tensor) -> Tensor:
    """Convert sections to a well-conditioned state-space basis.

    In y = b0 u + s, s' = c s + v + b1 u and v' = d s + c v + b2 u the poles are c +- sqrt(d). The
    state matrix [[c, 1], [d, c]] is normal but for a scale, so that its powers keep the digits of
    poles near 1; those of the direct form do not. The states are SciPy's s1, and s2 + c s1.

    Args:
        sos: Sections `(..., 6)` in SciPy's order.

    Returns:
        The coefficients c, d, b1, b2 and b0, `(..., 5)`, float64.

    >>> from dasp.signal.biquad import design_low_pass
    >>> sections_of(design_low_pass(1000.0, 48_000)).shape
    torch.Size([1, 5])
    """
    return _sections_of(sos.to(torch.float64))


@on_gpu("biquad_cuda.sections", last=1)
def _sections_of(sos: Tensor) -> Tensor:
    b0, b1, b2, _, a1, a2 = (sos / sos[..., 3:4]).unbind(-1)
    c = -a1 / 2
    # d is c^2 - a2, as a sum in which nothing cancels where both poles are near 1, or near -1.
    side = torch.where(a1 > 0, -1.0, 1.0).to(a1)
    d = (1 - side * c).square() - (1 - 2 * side * c + a2)
    drive = b1 - a1 * b0
    return torch.stack((c, d, drive, b2 - a2 * b0 + c * drive, b0), -1)


def cascade(sections: Tensor) -> StateSpace:
    """Build the state-space system of sections in series, with two states to a section.

    Args:
        sections: Coefficients `(..., sections, 5)` as `sections_of` returns them.

    Returns:
        Matrices A, B, C and D of order 2 * sections.

    >>> from dasp.signal.biquad import design_butterworth_low_pass
    >>> cascade(sections_of(design_butterworth_low_pass(1000.0, 48_000, order=6))).A.shape
    torch.Size([6, 6])
    """
    n = sections.shape[-2]
    # A signal inside the system is a row of weights: one for each state, and one for the input.
    rows = torch.eye(2 * n + 1, dtype=sections.dtype, device=sections.device)
    s, v, signal = rows[:-1:2], rows[1::2], rows[-1]
    next_states: list[Tensor] = []
    for i in range(n):
        c, d, b1, b2, b0 = sections[..., i, :, None].unbind(-2)
        next_states += c * s[i] + v[i] + b1 * signal, d * s[i] + c * v[i] + b2 * signal
        signal = b0 * signal + s[i]
    return _from_rows(torch.stack(next_states, -2), signal)


def filter_by_blocks(
    x: Tensor, system: StateSpace, zi: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Filter `x` through any linear system, as matrix products over blocks of time.

    Args:
        x: Signal `(..., time)`.
        system: Matrices A, B, C and D, float64, whose leading dimensions broadcast with `x`.
        zi: State before the first sample, `(..., order)`; 0 by default.

    Returns:
        The output, in the type of `x`, and the final state in float64.

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> delay = StateSpace(A=0 * one[:, None], B=one, C=one, D=0 * one[0])  # of one sample
    >>> filter_by_blocks(torch.tensor([1.0, 2.0, 3.0]), delay)[0]
    tensor([0., 1., 2.])
    """
    order, time = system.A.shape[-1], x.shape[-1]
    state = torch.zeros(order, dtype=torch.float64, device=x.device) if zi is None else zi
    rows = broadcast_shapes(x.shape[:-1], system.A.shape[:-2], state.shape[:-1])
    x, state = x.expand(*rows, time), state.to(torch.float64).expand(*rows, order)
    if time == 0:
        return x.clone(), state.clone()
    length = min(BLOCK, time)
    form = block_form(system, length)
    if time % length == 0:
        return run_blocks(x, form, state)
    whole, rest = x.split((time - time % length, time % length), -1)
    y, state = run_blocks(whole, form, state)
    y_rest, state = run_blocks(rest, _beginning(form, system, time % length), state)
    return torch.cat((y, y_rest), -1), state


class BlockForm(NamedTuple):
    """A system over blocks: s[k+1] = step s[k] + reach u[k], y[k] = observe s[k] + toeplitz u[k].

    Here u[k] and y[k] are blocks of `length` samples.

    Args:
        step: State to state, `(..., order, order)`.
        reach: Input to state, `(..., order, length)`.
        observe: State to output, `(..., length, order)`.
        toeplitz: Input to output, `(..., length, length)`.
    """

    step: Tensor
    reach: Tensor
    observe: Tensor
    toeplitz: Tensor


def block_form(system: StateSpace, length: int) -> BlockForm:
    """Compute the matrices of a system that advance it by a block of samples.

    Args:
        system: Matrices A, B, C and D of one step.
        length: Samples of a block.

    Returns:
        The block form: state to state, input to state, state to output and input to output.
    """
    A, B, C, D = system
    # B, A B, A^2 B, ...: what an input has become later; and C, C A, C A^2, ...: what a state
    # will sound like.
    reach, observe = _krylov(torch.stack((A, A.mT)), torch.stack((B, C))[..., None], length)
    impulse = torch.cat((D[..., None], (C[..., None, :] @ reach).squeeze(-2)[..., :-1]), -1)
    step = torch.linalg.matrix_power(A, length)
    return BlockForm(step, reach.flip(-1), observe.mT, _shifted(impulse, 1).mT)


def _beginning(form: BlockForm, system: StateSpace, length: int) -> BlockForm:
    """What `form` becomes for blocks of fewer samples."""
    return BlockForm(
        torch.linalg.matrix_power(system.A, length),
        form.reach[..., -length:],
        form.observe[..., :length, :],
        form.toeplitz[..., :length, :length],
    )


def run_blocks(x: Tensor, form: BlockForm, state: Tensor) -> tuple[Tensor, Tensor]:
    """Filter one or more whole blocks.

    Args:
        x: Signal `(..., time)`, whose length is a multiple of that of the block.
        form: Matrices of the system over a block.
        state: State before the first sample, `(..., order)`, float64.

    Returns:
        The output, in the type of `x`, and the final state in float64.
    """
    rows, count = x.shape[:-1], math.prod(x.shape[:-1])
    length, order = form.observe.shape[-2:]
    step, reach, observe, toeplitz = (
        m.expand(*rows, -1, -1).reshape(count, *m.shape[-2:]) for m in form
    )
    u = x.reshape(count, x.shape[-1] // length, length)
    state = state.reshape(count, order)
    y, _, last = _blocks(u, None, step, reach, observe, toeplitz.to(x.dtype), state, False)
    return y.reshape(x.shape), last.reshape(*rows, order)


def _blocks(*arguments) -> tuple[Tensor, Tensor, Tensor]:
    function = _Blocks if in_graph() else _BlocksWithTangent
    return function.apply(*arguments)


class _Blocks(torch.autograd.Function):
    """s[k+1] = step s[k] + reach u[k] + drive[k] and y[k] = observe s[k] + toeplitz u[k].

    Of the blocks u `(rows, blocks, length)`, drives `(rows, blocks, order)` and the state
    `(rows, order)`, for matrices `(rows, ., .)`; k runs down from the last block to the first
    where time runs `backwards`. Returns all y, all s[k], and the state after the end. The adjoint
    is another such filter, of transposed matrices, that runs in the other direction.
    """

    @staticmethod
    def forward(*arguments):
        return _kernel(*arguments)

    @staticmethod
    def setup_context(ctx, inputs, output):
        u, drive, *matrices, _, ctx.backwards = inputs
        ctx.driven = drive is not None
        saved = u, *matrices, output[1]
        ctx.save_for_backward(*saved)
        ctx.save_for_forward(*saved)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, grad, states_grad, last_grad):
        u, step, reach, observe, toeplitz, states = ctx.saved_tensors
        grad = torch.zeros_like(u) if grad is None else grad
        last_grad = torch.zeros_like(states[:, 0]) if last_grad is None else last_grad
        transposed = step.mT, observe.mT, reach.mT, toeplitz.mT
        u_grad, adjoint, first = _blocks(
            grad, states_grad, *transposed, last_grad, not ctx.backwards
        )
        if any(ctx.needs_input_grad[2:6]):
            step_grad = adjoint.mT @ states
            pairs = (adjoint, u), (grad, states), (grad, u)
            matrix_grads = step_grad, *(_correlation(*pair) for pair in pairs)
        else:
            matrix_grads = (None,) * 4
        return u_grad, adjoint if ctx.driven else None, *matrix_grads, first, None

    @staticmethod
    def vmap(info, in_dims, *arguments):
        results = _blocks(
            *(
                folded(argument, dim, info.batch_size)
                for argument, dim in zip(arguments, in_dims, strict=True)
            )
        )
        return tuple(result.unflatten(0, (info.batch_size, -1)) for result in results), (0, 0, 0)


class _BlocksWithTangent(_Blocks):
    """With a forward mode too, which `torch.compile` does not accept in a Function."""

    @staticmethod
    def jvp(ctx, *tangents):
        u, step, reach, observe, toeplitz, states = ctx.saved_tensors
        zeros = u, states, step, reach, observe, toeplitz, states[:, 0]
        du, drive, dstep, dreach, dobserve, dtoeplitz, dstate = (
            torch.zeros_like(zero) if tangent is None else tangent
            for zero, tangent in zip(zeros, tangents, strict=False)
        )
        drive = drive + states @ dstep.mT + u.to(dreach) @ dreach.mT
        dy, dstates, dlast = _blocks(
            du, drive, step, reach, observe, toeplitz, dstate, ctx.backwards
        )
        dy = dy + (states @ dobserve.mT).to(u) + u @ dtoeplitz.mT
        return dy, dstates, dlast


def _solved(
    u: Tensor,
    drive: Tensor | None,
    step: Tensor,
    reach: Tensor,
    observe: Tensor,
    toeplitz: Tensor,
    state: Tensor,
    backwards: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    reached = _reached(u, reach)
    drive = reached if drive is None else reached.add_(drive)
    states, last = _chain(step, drive, state, backwards)
    return _heard(u, states, observe, toeplitz), states.contiguous(), last.contiguous()


_kernel = define_operator(
    "filter_by_blocks(Tensor u, Tensor? drive, Tensor step, Tensor reach, Tensor observe, "
    "Tensor toeplitz, Tensor state, bool backwards) -> (Tensor, Tensor, Tensor)",
    _solved,
    lambda u, drive, step, reach, observe, toeplitz, state, _: (
        u.new_empty(u.shape),
        state.new_empty(*u.shape[:2], state.shape[-1]),
        state.new_empty(state.shape),
    ),
    lambda: _Blocks,
)


def _reached(u: Tensor, reach: Tensor) -> Tensor:
    """reach u[k], in float64."""
    drive = reach.new_empty(*u.shape[:2], reach.shape[-2])
    for rows, blocks in _pieces(u):
        drive[rows, blocks] = u[rows, blocks].to(reach.dtype) @ reach[rows].mT
    return drive


def _heard(u: Tensor, states: Tensor, observe: Tensor, toeplitz: Tensor) -> Tensor:
    """observe s[k] + toeplitz u[k], the first product in float64."""
    y = torch.empty_like(u, memory_format=torch.contiguous_format)
    for rows, blocks in _pieces(u):
        y[rows, blocks] = states[rows, blocks] @ observe[rows].mT
        y[rows, blocks].baddbmm_(u[rows, blocks], toeplitz[rows].mT)
    return y


def _pieces(u: Tensor) -> Iterator[tuple[slice, slice]]:
    """Parts of all rows and blocks that stay in the cache in float64; a GPU has none to keep to."""
    if u.device.type != "cpu":
        yield slice(None), slice(None)
        return
    rows, blocks = max(1, PIECE // u.shape[1]), PIECE
    for row in range(0, u.shape[0], rows):
        for block in range(0, u.shape[1], blocks):
            yield slice(row, row + rows), slice(block, block + blocks)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """sum_k a[k] b[k]^T, in the wider type of the two."""
    wide = torch.promote_types(a.dtype, b.dtype)
    return a.to(wide).mT @ b.to(wide)


def _chain(step: Tensor, drive: Tensor, state: Tensor, backwards: bool) -> tuple[Tensor, Tensor]:
    """The states of s[k+1] = step s[k] + drive[k]: before every step, and after the last.

    A group of steps is one step of the same form, so a chain is a shorter chain of groups, and
    within a group the block form over again.
    """
    steps, order = drive.shape[-2:]
    direction = -1 if backwards else 1
    if steps <= 2 * GROUP:
        states = [state]
        for one in drive.unbind(1)[::direction]:
            states.append((step @ states[-1][..., None])[..., 0] + one)
        return torch.stack(states[:-1][::direction], 1), states[-1]
    eye = torch.eye(order, dtype=step.dtype, device=step.device)
    carried = _krylov(step.mT, eye.expand(step.shape), GROUP)
    inner = _shifted(nnf.pad(carried, (order, -order)), order)
    # From now on (rows, earlier step, order, later step, order), with one step for the edge.
    carried = carried.unflatten(-1, (1, GROUP, order)).movedim(1, 2)
    gathered = carried.flip(3).transpose(1, 3)
    inner = inner.unflatten(-1, (GROUP, order)).transpose(1, 2)
    if backwards:
        carried, gathered, inner = carried.flip(3), gathered.flip(1), inner.flip(1, 3)
    carried, gathered, inner = (m.flatten(3, 4).flatten(1, 2) for m in (carried, gathered, inner))

    missing = -steps % GROUP
    before, after = (missing, 0) if backwards else (0, missing)
    padded = nnf.pad(drive, (0, 0, before, after)) if missing else drive
    groups = padded.reshape(len(drive), padded.shape[1] // GROUP, GROUP * order)
    group_step = torch.linalg.matrix_power(step, GROUP)
    edges, last = _chain(group_step, groups @ gathered, state, backwards)
    states = (groups @ inner).baddbmm_(edges, carried).reshape(padded.shape)
    if missing:
        last = states[:, missing - 1] if backwards else states[:, steps]
    return states[:, before : before + steps], last


def _krylov(matrix: Tensor, columns: Tensor, length: int) -> Tensor:
    """The columns V, M V, M^2 V, ..., `length` times as many, twice as many at every step."""
    width = length * columns.shape[-1]
    while columns.shape[-1] < width:
        columns = torch.cat((columns, matrix @ columns), -1)
        matrix = matrix @ matrix
    return columns[..., :width]


def _shifted(row: Tensor, by: int) -> Tensor:
    """`(..., width)` moved to the right by 0, `by`, 2 `by`, ...: `(..., width / by, width)`."""
    width = row.shape[-1]
    count = width // by
    # A row of twice the width is repeated, and cut into rows that are too short by `by`.
    repeated = nnf.pad(row, (0, width))[..., None, :].expand(*row.shape[:-1], count, 2 * width)
    cut = repeated.flatten(-2)[..., : count * (2 * width - by)]
    return cut.unflatten(-1, (count, 2 * width - by))[..., :width]


def _from_rows(states: Tensor, output: Tensor) -> StateSpace:
    output = output.expand(*states.shape[:-2], -1)
    return StateSpace(A=states[..., :-1], B=states[..., -1], C=output[..., :-1], D=output[..., -1])
