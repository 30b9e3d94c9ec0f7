"""Chains of torch operations as one compiled step, with the gradient of the whole chain."""

import functools
import importlib
from collections.abc import Callable

import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor

from dasp.signal import backends


def fused(module: str) -> Callable:
    """Let the compiled `<module>_numba.<name>` stand in for a function of torch operations.

    The decorated function defines the answer and every derivative. Where nothing but ordinary
    reverse mode looks on, its value comes from the kernel instead, which takes in front of the
    arguments whether there will be a gradient, and also returns the tensors to keep for it; and
    the first gradient comes from `<name>_adjoint`, which takes the gradient and what was kept in
    front of the arguments, and returns one gradient for each tensor of them. Other devices,
    compilers, transforms and higher derivatives see the torch operations, and so does the first
    gradient where there is no adjoint.
    """

    def decorate(composition: Callable[..., Tensor]) -> Callable[..., Tensor]:
        @functools.wraps(composition)
        def function(*arguments):
            if not _is_plain(*arguments):
                return composition(*arguments)
            kernels = importlib.import_module(f"{backends.__name__}.{module}_numba")
            tensors = [t for t in arguments if isinstance(t, Tensor)]
            if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
                if not hasattr(kernels, f"{_name(composition)}_adjoint"):
                    return composition(*arguments)
                return _Fused.apply(composition, kernels, *arguments)
            kernel = getattr(kernels, _name(composition))
            return kernel(False, *arguments)[0]

        return function

    return decorate


def _is_plain(*arguments) -> bool:
    """Whether these are tensors in memory that no compiler, transform or forward mode follows."""
    return (
        not torch.compiler.is_compiling()
        and backends.numba_works()
        and not torch._C._are_functorch_transforms_active()
        and not torch._C._len_torch_dispatch_stack()
        and all(
            type(t) in (Tensor, torch.nn.Parameter)
            and t.device.type == "cpu"
            and t.dtype.itemsize >= 4
            and forward_mode.unpack_dual(t).tangent is None
            for t in arguments
            if isinstance(t, Tensor)
        )
    )


def _name(composition: Callable) -> str:
    return composition.__name__.lstrip("_")


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, composition, kernels, *arguments):
        name = _name(composition)
        tensors = [t for t in arguments if isinstance(t, Tensor)]
        ctx.options = arguments[len(tensors) :]
        ctx.composition, ctx.adjoint = composition, getattr(kernels, f"{name}_adjoint")
        y, kept = getattr(kernels, name)(True, *arguments)
        ctx.kept = len(kept)
        ctx.save_for_backward(*kept, *tensors)
        return y

    @staticmethod
    def backward(ctx, *grads):
        kept, tensors = ctx.saved_tensors[: ctx.kept], ctx.saved_tensors[ctx.kept :]
        if torch.is_grad_enabled() or not _is_plain(*grads):
            grads = _by_composition(ctx.composition, tensors, ctx.options, grads)
        else:
            grads = ctx.adjoint(*grads, *kept, *tensors, *ctx.options)
        return None, None, *grads, *(None for _ in ctx.options)


def _by_composition(composition, tensors, options, grads) -> list[Tensor | None]:
    """Gradients that can be differentiated again, or are asked for by a transform."""
    with torch.enable_grad():
        y = composition(*tensors, *options)
    wanted = [t for t in tensors if t.requires_grad]
    grads = torch.autograd.grad(y, wanted, grads, create_graph=True, allow_unused=True)
    grads = iter(grads)
    return [next(grads) if t.requires_grad else None for t in tensors]
