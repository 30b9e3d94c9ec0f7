"""Chains of torch operations as one step, with the gradient of the whole chain."""

import functools
import importlib
from collections.abc import Callable, Sequence
from types import ModuleType

import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor

from dasp._private import is_sliced, is_transformed, is_watched
from dasp.signal import backends
from dasp.signal._operator import define_step, gradients_of


def fused(module: str, schema: str, results: Callable[..., Tensor | tuple]) -> Callable:
    """Let one step stand in for a function of torch operations on tensors with a row an item.

    The decorated function defines the answer and every derivative. Where nothing but ordinary
    reverse mode looks on, its value comes from the compiled `<module>_numba.<name>` instead, which
    takes in front of the arguments whether there will be a gradient, and also returns the tensors
    to keep for it; and the first gradient comes from `<name>_adjoint`, which takes the gradient
    and what was kept in front of the arguments, and returns one gradient for each tensor of them.
    Other devices, transforms and higher derivatives see the torch operations, and so does the
    first gradient where there is no adjoint.

    A compiler sees neither: for it, value and gradient are an operator each, whatever the length
    of the signal, within which all of this happens. `schema` tells its arguments, tensors first,
    as in "(Tensor x, int window) -> Tensor"; `results` gives empty tensors of the shapes and types
    of the results.
    """

    def decorate(composition: Callable) -> Callable:
        step = _Step(composition, module, schema, results)

        @functools.wraps(composition)
        def function(*arguments):
            if torch.compiler.is_compiling():
                return step.operator(*arguments)
            if not _is_plain(*arguments):
                return composition(*arguments)
            tensors = [t for t in arguments if isinstance(t, Tensor)]
            if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
                if step.kernel_adjoint is None:
                    return composition(*arguments)
                return _Fused.apply(step, *arguments)
            return step.kernel(False, *arguments)[0]

        return function

    return decorate


class _Step:
    """A function of torch operations, what is compiled of it, and its operators."""

    def __init__(self, composition: Callable, module: str, schema: str, results: Callable):
        self.composition, self.module = composition, module
        self.name = composition.__name__.lstrip("_")
        self.operator, self.adjoint_operator = define_step(
            self.name + schema, composition, results, self._value, self._gradients
        )

    @functools.cached_property
    def kernel(self) -> Callable:
        return getattr(self._kernels, self.name)

    @functools.cached_property
    def kernel_adjoint(self) -> Callable | None:
        return getattr(self._kernels, f"{self.name}_adjoint", None)

    @property
    def _kernels(self) -> ModuleType:
        return importlib.import_module(f"{backends.__name__}.{self.module}_numba")

    def _value(self, *arguments) -> Tensor | tuple[Tensor, ...]:
        if _is_plain(*arguments):
            return self.kernel(False, *arguments)[0]
        return self.composition(*arguments)

    def _gradients(
        self, grads: Sequence[Tensor], tensors: Sequence[Tensor], options: Sequence
    ) -> Sequence[Tensor | None]:
        if not _is_plain(*grads, *tensors) or self.kernel_adjoint is None:
            return gradients_of(self.composition, tensors, options, grads)
        _, kept = self.kernel(True, *tensors, *options)
        return self.kernel_adjoint(*grads, *kept, *tensors, *options)


def _is_plain(*arguments) -> bool:
    """Whether these are tensors in memory that no compiler, transform or forward mode follows."""
    return (
        not torch.compiler.is_compiling()
        and backends.numba_works()
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
        y, kept = step.kernel(True, *arguments)
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
            found = gradients_of(step.composition, tensors, options, grads)
        else:
            found = step.kernel_adjoint(*grads, *kept, *tensors, *options)
        return None, *found, *(None for _ in options)
