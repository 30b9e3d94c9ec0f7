"""Chains of torch operations as one step, with the gradient of the whole chain."""

import functools
from collections.abc import Callable, Sequence

import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor

from dasp._private import is_sliced, is_transformed, is_watched
from dasp.signal._kernel import Kernel
from dasp.signal._operator import define_step, gradients_of, in_graph


def fused(
    module: str,
    schema: str,
    results: Callable[..., Tensor | tuple],
    *,
    adjoint: bool = True,
    waits_from: int = 0,
) -> Callable:
    """Let one step stand in for a function of torch operations on tensors with a row an item.

    The decorated function defines the answer and every derivative. Where nothing but ordinary
    reverse mode looks on, its value comes from the compiled `<module>_numba.<name>` instead, which
    takes in front of the arguments whether there will be a gradient, and also returns the tensors
    to keep for it; and the first gradient comes from `<name>_adjoint`, which takes the gradient
    and what was kept in front of the arguments, and returns one gradient for each tensor of them.
    Other devices, transforms and higher derivatives see the torch operations, and so does the
    first gradient where there is no `adjoint`. `waits_from` is that of the `Kernel`.

    A compiler sees neither: for it, value and gradient are an operator each, whatever the length
    of the signal, within which all of this happens. `schema` tells its arguments, tensors first,
    as in "(Tensor x, int window) -> Tensor"; `results` gives empty tensors of the shapes and types
    of the results.
    """

    def decorate(composition: Callable) -> Callable:
        name = composition.__name__.lstrip("_")
        loop = f"{module}_numba.{name}"
        kernel = Kernel(composition, loop, f"{loop}_adjoint" if adjoint else None, waits_from)
        step = _Step(name, kernel, schema, results)

        @functools.wraps(composition)
        def function(*arguments):
            if in_graph():
                return step.operator(*arguments)
            if not _is_plain(*arguments):
                return composition(*arguments)
            tensors = [t for t in arguments if isinstance(t, Tensor)]
            gradient = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
            if (gradient and not adjoint) or not kernel.is_compiled_for(
                *arguments, gradient=gradient
            ):
                return composition(*arguments)
            if gradient:
                return _Fused.apply(step, *arguments)
            return kernel.compiled(False, *arguments)[0]

        return function

    return decorate


class _Step:
    """A kernel, and its operators."""

    def __init__(self, name: str, kernel: Kernel, schema: str, results: Callable):
        self.kernel = kernel
        self.operator, self.adjoint_operator = define_step(
            name + schema, kernel.portable, results, self._value, self._gradients
        )

    def _value(self, *arguments) -> Tensor | tuple[Tensor, ...]:
        if _is_plain(*arguments) and self.kernel.is_compiled_for(*arguments):
            return self.kernel.compiled(False, *arguments)[0]
        return self.kernel.portable(*arguments)

    def _gradients(
        self, grads: Sequence[Tensor], tensors: Sequence[Tensor], options: Sequence
    ) -> Sequence[Tensor | None]:
        kernel, arguments = self.kernel, (*tensors, *options)
        if (
            kernel.cpu_adjoint is None
            or not _is_plain(*grads, *tensors)
            or not kernel.is_compiled_for(*arguments, gradient=True)
        ):
            return gradients_of(kernel.portable, tensors, options, grads)
        _, kept = kernel.compiled(True, *arguments)
        return kernel.compiled_adjoint(*grads, *kept, *arguments)


def _is_plain(*arguments) -> bool:
    """Whether these are tensors in memory that no compiler, transform or forward mode follows."""
    return (
        not torch.compiler.is_compiling()
        and not is_transformed(*(t for t in arguments if isinstance(t, Tensor)))
        and not is_watched()
        and all(
            type(t) in (Tensor, torch.nn.Parameter)
            and t.device.type == "cpu"
            and t.dtype.itemsize >= 4
            and forward_mode.unpack_dual(t).tangent is None
            for t in arguments
            if isinstance(t, Tensor)
        )
    )


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, step, *arguments):
        tensors = [t for t in arguments if isinstance(t, Tensor)]
        ctx.step, ctx.options = step, arguments[len(tensors) :]
        y, kept = step.kernel.compiled(True, *arguments)
        ctx.kept = len(kept)
        ctx.save_for_backward(*kept, *tensors)
        return y

    @staticmethod
    def backward(ctx, *grads):
        saved, options, step = ctx.saved_tensors, ctx.options, ctx.step
        kept, tensors = saved[: ctx.kept], saved[ctx.kept :]
        if is_sliced(*grads) and not torch.is_grad_enabled():
            wanted = ctx.needs_input_grad[1 : 1 + len(tensors)]
            found = step.adjoint_operator(*grads, *tensors, *options, wanted)
            found = [g if w else None for g, w in zip(found, wanted, strict=True)]
        elif torch.is_grad_enabled() or not _is_plain(*grads):
            found = gradients_of(step.kernel.portable, tensors, options, grads)
        else:
            found = step.kernel.compiled_adjoint(*grads, *kept, *tensors, *options)
        return None, *found, *(None for _ in options)
