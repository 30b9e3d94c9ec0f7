"""Kernels as torch operators, which compilers and transforms treat as one opaque step."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from dasp._private import constant_in_graphs, is_in_dual_level, is_transformed


class Operator(Protocol):
    """A registered operator of torch."""

    def __call__(self, *arguments) -> Any: ...

    def name(self) -> str:
        """Its name with its library, "dasp::double"."""


# `torch.library.custom_op` does the same, but loads all of torch's compiler at the first call,
# which takes seconds.
_LIBRARY = torch.library.Library("dasp", "FRAGMENT")


def define_operator(
    schema: str,
    kernel: Callable,
    fake: Callable,
    gradient: Callable[[], type[torch.autograd.Function]] | None = None,
) -> Operator:
    """The operator `dasp::schema`, such as "double(Tensor x) -> Tensor", that runs `kernel`.

    `fake` returns an empty tensor of the shape and type of the result. `gradient()` is the
    `autograd.Function` that calls the operator: a program that was exported has no functions
    left, and then the operator has the gradient of its function.
    """
    operator = _define(schema, kernel, fake)
    if gradient is None:
        torch.library.register_autograd(operator.name(), _no_gradient, lib=_LIBRARY)
    else:
        torch.library.register_autograd(
            operator.name(),
            lambda ctx, *grads: gradient().backward(ctx, *grads),
            setup_context=lambda ctx, inputs, output: gradient().setup_context(ctx, inputs, output),
            lib=_LIBRARY,
        )
    return operator


def _define(schema: str, kernel: Callable, fake: Callable) -> Operator:
    name = schema.split("(")[0]
    _LIBRARY.define(schema)
    _LIBRARY.impl(name, kernel, "CompositeExplicitAutograd")
    torch.library.register_fake(f"dasp::{name}", fake, lib=_LIBRARY)
    return getattr(torch.ops.dasp, name).default


def _no_gradient(ctx, *grads):
    raise NotImplementedError("this kernel of dasp has no gradient by itself")


def define_row_operator(
    schema: str,
    kernel: Callable[..., Tensor],
    gradient: Callable[[], type[torch.autograd.Function]] | None = None,
) -> Operator:
    """An operator on tensors whose first dimension is rows, which knows `vmap`: more rows.

    The result has the shape of the first tensor.
    """
    operator = define_operator(schema, kernel, lambda x, *_: x.new_empty(x.shape), gradient)
    _map_over_rows(operator)
    return operator


def opaque(schema: str, results: Callable[..., Tensor | tuple]) -> Callable:
    """Let compilers see one operator in place of a function, and another for its gradient.

    Then one graph is for signals of any length, also where the function chooses its operations
    by the length. `schema` tells its arguments, tensors first, as in "(Tensor x, int taps) ->
    Tensor"; `results` gives empty tensors of the shapes and types of the results.
    """

    def decorate(composition: Callable) -> Callable:
        name = composition.__name__.lstrip("_")
        operator, _ = define_step(name + schema, composition, results)

        @functools.wraps(composition)
        def function(*arguments):
            if in_graph() and not is_transformed_in_graph():
                return operator(*arguments)
            return composition(*arguments)

        return function

    return decorate


def define_step(
    schema: str,
    composition: Callable,
    results: Callable,
    value: Callable | None = None,
    gradients: Callable | None = None,
) -> tuple[Callable, Callable]:
    """An operator for a function of torch operations, and one for its gradient, `name_adjoint`.

    The second takes the gradients by the results, the arguments, and for which tensors of them a
    gradient is wanted; it returns one for each tensor. `value(*arguments)` and
    `gradients(grads, tensors, options)` may compute them quicker than the `composition` does.
    """
    name, _, described = schema.partition("(")
    arguments, _, returned = described.partition(") -> ")
    count, outputs = arguments.count("Tensor "), returned.count("Tensor")

    def run(*arguments):
        y = (value or composition)(*_with_tuples(arguments))
        return y.contiguous() if outputs == 1 else tuple(t.contiguous() for t in y)

    def adjoint(*arguments):
        grads, given = arguments[:outputs], arguments[outputs : outputs + count]
        *options, wanted = _with_tuples(arguments[outputs + count :])
        tensors = [t.detach().requires_grad_(w) for t, w in zip(given, wanted, strict=True)]
        if gradients is None:
            found = gradients_of(composition, tensors, options, grads)
        else:
            found = gradients(grads, tensors, options)
        return as_returned(
            (torch.zeros_like(t) if g is None else g.detach()).contiguous() if w else t.new_empty(0)
            for g, t, w in zip(found, tensors, wanted, strict=True)
        )

    def adjoint_results(*arguments):
        tensors, wanted = arguments[outputs : outputs + count], arguments[-1]
        return as_returned(
            t.new_empty(t.shape if w else 0) for t, w in zip(tensors, wanted, strict=True)
        )

    def as_returned(found: Iterable[Tensor]) -> Tensor | tuple[Tensor, ...]:
        found = tuple(found)
        return found if count > 1 else found[0]

    grads = "".join(f"Tensor grad_{i}, " for i in range(outputs))
    found = ", ".join(["Tensor"] * count)
    adjoint_operator = _define(
        f"{name}_adjoint({grads}{arguments}, bool[] wanted) -> ({found})", adjoint, adjoint_results
    )
    operator = _define(schema, run, results)

    def gradients_by_operator(*arguments) -> tuple[Tensor, ...]:
        found = adjoint_operator(*arguments)
        return found if count > 1 else (found,)

    def remember(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:count])
        ctx.options = inputs[count:]

    def backward(ctx, *grads):
        tensors, options = ctx.saved_tensors, _with_tuples(ctx.options)
        wanted = list(ctx.needs_input_grad[:count])
        if torch.is_grad_enabled():
            found = gradients_of(composition, tensors, options, grads)
        else:
            found = list(gradients_by_operator(*grads, *tensors, *options, wanted))
        asked = (g if w else None for g, w in zip(found, wanted, strict=True))
        return *asked, *(None for _ in options)

    torch.library.register_autograd(operator.name(), backward, setup_context=remember, lib=_LIBRARY)
    return operator, gradients_by_operator


def in_graph() -> bool:
    """Whether a compiler looks on.

    In forward mode it would drop the tangents without a word, so that is refused.
    """
    if not torch.compiler.is_compiling():
        return False
    if _is_in_forward_mode():
        raise NotImplementedError("forward mode within a compiled graph: call jvp uncompiled")
    return True


@constant_in_graphs
def is_transformed_in_graph() -> bool:
    """Whether what is compiled is within `torch.func.grad` or `vmap`."""
    return is_transformed()


@constant_in_graphs
def _is_in_forward_mode() -> bool:
    return is_in_dual_level()


def gradients_of(
    composition: Callable, tensors: Sequence[Tensor], options: Sequence, grads: Sequence[Tensor]
) -> list[Tensor | None]:
    """Gradients by torch operations, which can be differentiated again and mapped over."""
    with torch.enable_grad():
        # One tensor may be made from another: by itself, not through those that follow from it.
        tensors = [t.view_as(t) if t.requires_grad else t for t in tensors]
        y = composition(*tensors, *options)
    wanted = [t for t in tensors if t.requires_grad]
    found = iter(torch.autograd.grad(y, wanted, grads, create_graph=True, allow_unused=True))
    return [next(found) if t.requires_grad else None for t in tensors]


def _map_over_rows(operator: Operator) -> None:
    """`vmap` of an operator on rows is the operator on more rows."""

    def over_batch(info, in_dims, *arguments):
        rows = [
            folded(argument, dim, info.batch_size)
            for argument, dim in zip(arguments, in_dims, strict=True)
        ]
        return operator(*rows).unflatten(0, (info.batch_size, -1)), 0

    torch.library.register_vmap(operator.name(), over_batch, lib=_LIBRARY)


def folded(argument, dim: int | None, batch_size: int):
    """A tensor with its mapped axis folded into the rows; anything else as it is."""
    if not isinstance(argument, Tensor):
        return argument
    if dim is None:
        return argument.expand(batch_size, *argument.shape).flatten(0, 1)
    return argument.movedim(dim, 0).flatten(0, 1)


def _with_tuples(options: Sequence) -> tuple:
    """Options as they were given: an operator makes lists of tuples."""
    return tuple(tuple(option) if isinstance(option, list) else option for option in options)
