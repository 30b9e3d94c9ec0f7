"""Kernels as torch operators, which compilers and transforms treat as one opaque step."""

from collections.abc import Callable

import torch
from torch import Tensor

# `torch.library.custom_op` does the same, but loads all of torch's compiler at the first call,
# which takes seconds.
_LIBRARY = torch.library.Library("dasp", "FRAGMENT")


def define_operator(schema: str, kernel: Callable, fake: Callable) -> Callable:
    """The operator `dasp::schema`, such as "double(Tensor x) -> Tensor", that runs `kernel`.

    `fake` returns an empty tensor of the shape and type of the result. The operator has no
    gradient: that is for the `autograd.Function` around it, which an exported program leaves out.
    """
    name = schema.split("(")[0]
    _LIBRARY.define(schema)
    _LIBRARY.impl(name, kernel, "CompositeExplicitAutograd")
    torch.library.register_fake(f"dasp::{name}", fake, lib=_LIBRARY)
    torch.library.register_autograd(f"dasp::{name}", _no_gradient, lib=_LIBRARY)
    return getattr(torch.ops.dasp, name).default


def _no_gradient(ctx, *grads):
    raise NotImplementedError("an exported program has no gradient through the kernels of dasp")


def define_row_operator(schema: str, kernel: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An operator on tensors whose first dimension is rows, which knows `vmap`: more rows.

    The result has the shape of the first tensor.
    """

    def fake(x: Tensor, *_) -> Tensor:
        return torch.empty_like(x, memory_format=torch.contiguous_format)

    operator = define_operator(schema, kernel, fake)

    def over_batch(info, in_dims, *arguments):
        rows = [
            folded(argument, dim, info.batch_size)
            for argument, dim in zip(arguments, in_dims, strict=True)
        ]
        return operator(*rows).unflatten(0, (info.batch_size, -1)), 0

    torch.library.register_vmap(operator._schema.name, over_batch, lib=_LIBRARY)
    return operator


def folded(argument, dim: int | None, batch_size: int):
    """A tensor with its mapped axis folded into the rows; anything else as it is."""
    if not isinstance(argument, Tensor):
        return argument
    if dim is None:
        return argument.expand(batch_size, *argument.shape).flatten(0, 1)
    return argument.movedim(dim, 0).flatten(0, 1)
