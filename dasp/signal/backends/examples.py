"""What each kernel is compiled, warmed and tried out on: signals that it changes.

An example goes through every loop of its kernel. Types are those of use: parameters and states that
are float64 whatever the signal are so here.
"""

import importlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dasp.signal.backends.dynamics_values import Curve, Output, Smoother

TIME = 4200
"""Samples: more than the loops take at a time, and not a multiple."""


def _filtered(real: torch.dtype) -> Iterator[tuple]:
    sections = torch.tensor([[[0.9, -0.05, 0.3, -0.1, 0.8], [0.5, 0.2, 0.4, 0.3, 1.1]]])
    yield (
        _noise(1, TIME).to(real),
        sections.double(),
        torch.tensor([[0.1, 0.2, -0.3, 0.0]]).double(),
    )


def _curve(rows: int, real: torch.dtype) -> Curve:
    return Curve(
        threshold_db=torch.full((rows,), -24.0, dtype=real),
        slope=torch.full((rows,), 0.7, dtype=real),
        knee_db=torch.full((rows,), 6.0, dtype=real),
        range_db=torch.full((rows,), 40.0, dtype=real),
    )


def _smoother(rows: int, real: torch.dtype) -> Smoother:
    return Smoother(
        attack=torch.full((rows,), 0.9).double(),
        release=torch.full((rows,), 0.99).double(),
        start=torch.full((rows,), 1.5, dtype=real),
    )


def _output(rows: int, real: torch.dtype) -> Output:
    return Output(
        makeup_gain_db=torch.full((rows,), 3.0, dtype=real),
        mix=torch.full((rows,), 0.8, dtype=real),
    )


def _followed(real: torch.dtype) -> Iterator[tuple]:
    yield _noise(5, TIME).to(real), *_smoother(5, real)


def _reduced(real: torch.dtype) -> Iterator[tuple]:
    yield _noise(5, 2, TIME).to(real), *_curve(5, real), *_smoother(5, real), 20.0, 1.0


def _amplified(real: torch.dtype) -> Iterator[tuple]:
    yield _noise(2, 2, TIME).to(real), 9 * _noise(2, TIME).abs().to(real), *_output(2, real)


def _compressed(real: torch.dtype) -> Iterator[tuple]:
    yield _noise(5, 2, TIME).to(real), *_curve(5, real), *_smoother(5, real), *_output(5, real), 1.0


def _limited(real: torch.dtype) -> Iterator[tuple]:
    yield (
        _noise(2, 2, TIME).to(real),
        torch.full((2,), -12.0, dtype=real),
        torch.full((2,), 0.99).double(),
        64,
    )


def _network(real: torch.dtype) -> Iterator[tuple]:
    sections = torch.tensor([0.6, 0.01, 0.2, -0.05, 0.7]).double().expand(1, 8, 2, 5)
    level, lengths = torch.tensor([0.5], dtype=real), (67, 71, 83, 97, 103, 127, 139, 151)
    yield _noise(1, 2, TIME).to(real), sections, level, lengths, (1, 2), (4, 5)


def _network_between(real: torch.dtype) -> Iterator[tuple]:
    for x, sections, level, lengths, *rows in _network(real):
        lines, states = _noise(1, 8, max(lengths)).to(real), _noise(1, 8, 4)
        yield x, sections, level, lines, states, lengths, *rows


def _rounded(real: torch.dtype) -> Iterator[tuple]:
    for bits in (16, 24):
        yield _noise(2, TIME).to(real), torch.tensor([1, 2]), bits, True


def _linear_recurrence(real: torch.dtype) -> Iterator[tuple]:
    yield 0.9 * _noise(5, TIME).abs().to(real), _noise(5, TIME).to(real), _noise(5).to(real)


def _linear_gradients(real: torch.dtype) -> Iterator[tuple]:
    for a, b, zi in _linear_recurrence(real):
        yield b.flip(1), a, zi, b.cos()


def _branching(real: torch.dtype) -> Iterator[tuple]:
    yield _noise(2, TIME).to(real), *(torch.full((2,), n, dtype=real) for n in (0.9, 0.99, 0.1))


def _direct_form(real: torch.dtype) -> Iterator[tuple]:
    b, a = torch.tensor([[0.2, 0.3, 0.1]]), torch.tensor([[1.0, -0.9, 0.4]])
    zi = torch.tensor([[0.1, -0.1]])
    yield _noise(1, TIME).to(real), *(t.to(real) for t in (b, a, zi))


def _all_pass(real: torch.dtype) -> Iterator[tuple]:
    q, a = _noise(1, 600, 5).to(real), 0.9 * _noise(1, 600).to(real)
    for transposed in (False, True):
        yield q, a, 0.5 * _noise(1, 600).to(real), transposed


def _delayed(real: torch.dtype) -> Iterator[tuple]:
    x, weights = _noise(1, TIME).to(real), 0.2 * _noise(1, TIME, 4).to(real)
    for transposed in (False, True):
        yield x, weights, 40 + torch.arange(TIME)[None] % 60, transposed


STEPS = {
    "cascade_numba.filtered": _filtered,
    "dynamics_numba.ballistics": _followed,
    "dynamics_numba.reduction_db": _reduced,
    "dynamics_numba.amplified": _amplified,
    "dynamics_numba.compressed": _compressed,
    "limiter_numba.limiting_db": _limited,
    "network_numba.network": _network,
    "network_numba.network_between": _network_between,
    "quantise_numba.rounded": _rounded,
}
"""Examples of kernels that keep something for their gradient, for a type of signal."""

RECURSIONS = {
    "recurrence_numba.linear_recurrence": _linear_recurrence,
    "recurrence_numba.linear_gradients": _linear_gradients,
    "recurrence_numba.ballistics": _branching,
    "direct_form_numba.solve": _direct_form,
    "allpass_numba.solve": _all_pass,
    "delay_numba.solve": _delayed,
}
"""Those of recursions, whose gradients are recursions of the same kind."""


def examples(kernel: str, real: torch.dtype) -> list[tuple]:
    """Arguments for a kernel, which is named by its compiled form."""
    return list((STEPS.get(kernel) or RECURSIONS[kernel])(real))


def run_examples(kernel: str, gradient: bool, types: tuple[torch.dtype, ...]) -> None:
    """Run the compiled form of a kernel, with its gradient or without, for types of signals."""
    module, name = kernel.split(".")
    loops = importlib.import_module(f"{__package__}.{module}")
    for arguments in examples(kernel, types[0]):
        tensors = _in_types([a for a in arguments if isinstance(a, Tensor)], types)
        options = arguments[len(tensors) :]
        if kernel in RECURSIONS:
            getattr(loops, name)(*tensors, *options)
        else:
            _run_step(
                getattr(loops, name),
                getattr(loops, f"{name}_adjoint", None),
                gradient,
                tensors,
                options,
            )


@torch.no_grad()
def _run_step(
    step: Callable, adjoint: Callable | None, gradient: bool, tensors: list, options: tuple
):
    if not gradient or adjoint is None:
        step(False, *tensors, *options)
        return
    tensors = [t.detach().requires_grad_() if t.is_floating_point() else t for t in tensors]
    y, kept = step(True, *tensors, *options)
    grads = [torch.ones_like(t) for t in (y if isinstance(y, tuple) else (y,))]
    adjoint(*grads, *kept, *tensors, *options)


def _in_types(tensors: list[Tensor], types: tuple[torch.dtype, ...]) -> list[Tensor]:
    """Signals, which have more than an axis of rows, in the types asked for."""
    wanted = iter(types)
    return [t if t.ndim < 2 else t.to(next(wanted)) for t in tensors]


def _noise(*shape: int) -> Tensor:
    """The same whenever it is asked for, and of no generator that others draw from."""
    return torch.sin(torch.arange(1.0, 1 + torch.Size(shape).numel()).double().square()).view(shape)
