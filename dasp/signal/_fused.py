"""Chains of torch operations as one step, with the gradient of the whole chain."""

import functools
import math
from collections.abc import Callable, Sequence

import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor

from dasp._private import is_sliced, is_transformed, is_watched, may_be_in_dual_level
from dasp.signal._kernel import Kernel
from dasp.signal._operator import define_step, gradients_of, in_graph
from dasp.signal._shapes import broadcast_shapes


def fused(
    module: str,
    schema: str,
    results: Callable[..., Tensor | tuple],
    *,
    adjoint: bool = True,
    gpu: bool = True,
    waits_from: int = 0,
) -> Callable:
    """Let one step stand in for a function of torch operations on tensors with a row an item.

    The decorated function defines the answer and every derivative. Where nothing but ordinary
    reverse mode looks on, its value comes from the compiled `<module>_numba.<name>` instead, or
    with a `gpu` form there from `<module>_cuda.<name>`. It takes in front of the arguments whether
    there will be a gradient, and also returns the tensors to keep for it; and the first gradient
    comes from `<name>_adjoint`, which takes the gradient and what was kept in front of the
    arguments, and returns one gradient for each tensor of them. Other devices, transforms and
    higher derivatives see the torch operations, and so does the first gradient where there is no
    `adjoint`. `waits_from` is that of the `Kernel`.

    A compiler sees neither: for it, value and gradient are an operator each, whatever the length
    of the signal, within which all of this happens. `schema` tells its arguments, tensors first,
    as in "(Tensor x, int window) -> Tensor"; `results` gives empty tensors of the shapes and types
    of the results.
    """

    def decorate(composition: Callable) -> Callable:
        name = composition.__name__.lstrip("_")
        loops = (f"{module}_numba.{name}", f"{module}_cuda.{name}" if gpu else None)
        cpu_adjoint, gpu_adjoint = (f"{n}_adjoint" if adjoint and n else None for n in loops)
        kernel = Kernel(composition, loops[0], cpu_adjoint, waits_from, loops[1], gpu_adjoint)
        step = _Step(kernel, name + schema, results)

        @functools.wraps(composition)
        def function(*arguments):
            if in_graph():
                return step.operator(*arguments)
            if not is_plain(*arguments):
                return composition(*arguments)
            tensors = [t for t in arguments if isinstance(t, Tensor)]
            gradient = needs_gradient(*tensors)
            if gradient and not adjoint:
                return composition(*arguments)
            form = kernel.form_for(*arguments, gradient=gradient)
            if form is None:
                return composition(*arguments)
            if gradient:
                return _Fused.apply(step, form, *arguments)
            return form.value(False, *arguments)[0]

        return function

    return decorate


def on_gpu(form: str, *, last: int = 0, adjoint: bool = True) -> Callable:
    """Let a kernel on a GPU stand in for a function of torch operations, with its gradient.

    As `fused`, for what takes no time but there, where every operation is a launch: a compiler, and
    all other devices, see the torch operations. `form` is as in "biquad_cuda.designed". The tensors
    have `last` axes behind those of a batch, to which all broadcast; the kernel takes a row for
    each item of the batch. Without an `adjoint` the result has no gradient by nature.
    """

    def decorate(composition: Callable) -> Callable:
        kernel = Kernel(composition, gpu=form, gpu_adjoint=f"{form}_adjoint" if adjoint else None)
        step = _Step(kernel)

        @functools.wraps(composition)
        def function(*arguments):
            if in_graph() or not is_plain(*arguments):
                return composition(*arguments)
            found = kernel.form_for(*arguments)
            if found is None:
                return composition(*arguments)
            tensors = [t for t in arguments if isinstance(t, Tensor)]
            options = arguments[len(tensors) :]
            batch = broadcast_shapes(*(t.shape[: t.ndim - last] for t in tensors))
            rows = [_in_rows(t, batch, t.shape[t.ndim - last :]) for t in tensors]
            if adjoint and needs_gradient(*tensors):
                y = _Fused.apply(step, found, *rows, *options)
            else:
                y = found.value(False, *rows, *options)[0]
            return y.reshape((*batch, *y.shape[1:]))

        return function

    return decorate


def _in_rows(t: Tensor, batch: tuple[int, ...], own: tuple[int, ...]) -> Tensor:
    return t.expand((*batch, *own)).reshape(math.prod(batch), *own).contiguous()


class _Step:
    """A kernel, and its operators."""

    def __init__(self, kernel: Kernel, schema: str = "", results: Callable | None = None):
        self.kernel = kernel
        self.operator: Callable = kernel.portable
        self.adjoint_operator: Callable | None = None
        if results is not None:
            self.operator, self.adjoint_operator = define_step(
                schema, kernel.portable, results, self._value, self._gradients
            )

    def _value(self, *arguments) -> Tensor | tuple[Tensor, ...]:
        form = self.kernel.form_for(*arguments) if is_plain(*arguments) else None
        if form is None:
            return self.kernel.portable(*arguments)
        return form.value(False, *arguments)[0]

    def _gradients(
        self, grads: Sequence[Tensor], tensors: Sequence[Tensor], options: Sequence
    ) -> Sequence[Tensor | None]:
        kernel, arguments = self.kernel, (*tensors, *options)
        form = None
        if kernel.cpu_adjoint is not None and is_plain(*grads, *tensors):
            form = kernel.form_for(*arguments, gradient=True)
        if form is None:
            return gradients_of(kernel.portable, tensors, options, grads)
        _, kept = form.value(True, *arguments)
        return form.adjoint(*grads, *kept, *arguments)


def is_plain(*arguments) -> bool:
    """Whether these are tensors in memory that no compiler, transform or forward mode follows."""
    if torch.compiler.is_compiling() or is_watched():
        return False
    tensors = [t for t in arguments if isinstance(t, Tensor)]
    if is_transformed(*tensors) or (may_be_in_dual_level() and any(map(_has_tangent, tensors))):
        return False
    for t in tensors:
        if type(t) not in _PLAIN or t.dtype.itemsize < 4 or not (t.is_cpu or t.is_cuda):
            return False
    return True


_PLAIN = (Tensor, torch.nn.Parameter)


def _has_tangent(tensor: Tensor) -> bool:
    return forward_mode.unpack_dual(tensor).tangent is not None


def needs_gradient(*tensors: Tensor) -> bool:
    """Whether what is made of these tensors has a gradient."""
    return torch.is_grad_enabled() and any(t.requires_grad for t in tensors)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, step, form, *arguments):
        tensors = [t for t in arguments if isinstance(t, Tensor)]
        ctx.step, ctx.form, ctx.options = step, form, arguments[len(tensors) :]
        y, kept = form.value(True, *arguments)
        ctx.kept = len(kept)
        ctx.save_for_backward(*kept, *tensors)
        return y

    @staticmethod
    def backward(ctx, *grads):
        saved, options, step = ctx.saved_tensors, ctx.options, ctx.step
        kept, tensors = saved[: ctx.kept], saved[ctx.kept :]
        by_slices = step.adjoint_operator is not None and is_sliced(*grads)
        if by_slices and not torch.is_grad_enabled():
            wanted = ctx.needs_input_grad[2 : 2 + len(tensors)]
            found = step.adjoint_operator(*grads, *tensors, *options, wanted)
            found = [g if w else None for g, w in zip(found, wanted, strict=True)]
        elif torch.is_grad_enabled() or not is_plain(*grads):
            found = gradients_of(step.kernel.portable, tensors, options, grads)
        else:
            found = ctx.form.adjoint(*grads, *kept, *tensors, *options)
        return None, None, *found, *(None for _ in options)
