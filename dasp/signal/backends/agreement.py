"""How far a form of a kernel is from the portable one, on the examples of the kernel."""

import torch
from torch import Tensor

from dasp.signal._choice import use_kernels
from dasp.signal._kernel import Form, Kernel
from dasp.signal.backends.examples import RECURSIONS, examples


def value_difference(
    kernel: Kernel, form: Form, real: torch.dtype = torch.float32, device: str = "cpu"
) -> float:
    """The largest difference between results, over the peak of each."""
    step = form.value
    if kernel.cpu not in RECURSIONS:
        step = lambda *arguments: form.value(False, *arguments)[0]  # noqa: E731
    return max(
        _difference(_all(step(*arguments)), _portable(kernel, arguments))
        for arguments in _examples(kernel, real, device)
    )


def gradient_difference(
    kernel: Kernel, form: Form, real: torch.dtype = torch.float32, device: str = "cpu"
) -> float | None:
    """The same for the gradients by all tensors; None where the form has none."""
    if form.adjoint_name is None:
        return None
    return max(
        _difference(_gradients_of(form, arguments), _portable_gradients(kernel, arguments))
        for arguments in _examples(kernel, real, device)
    )


def _examples(kernel: Kernel, real: torch.dtype, device: str) -> list[tuple]:
    assert kernel.cpu is not None, kernel.name
    return [
        tuple(a.to(device) if isinstance(a, Tensor) else a for a in arguments)
        for arguments in examples(kernel.cpu, real)
    ]


def _portable(kernel: Kernel, arguments: tuple) -> list[Tensor]:
    with use_kernels("torch"):
        return _all(kernel.portable(*arguments))


def _gradients_of(form: Form, arguments: tuple) -> list[Tensor]:
    tensors, options = _parts(arguments)
    with torch.no_grad():
        y, kept = form.value(True, *tensors, *options)
        grads = [_cotangent(t) for t in _all(y)]
        return list(form.adjoint(*grads, *kept, *tensors, *options))


def _portable_gradients(kernel: Kernel, arguments: tuple) -> list[Tensor]:
    tensors, options = _parts(arguments)
    with use_kernels("torch"):
        y = _all(kernel.portable(*tensors, *options))
        return list(torch.autograd.grad(y, tensors, [_cotangent(t) for t in y]))


def _parts(arguments: tuple) -> tuple[list[Tensor], tuple]:
    tensors = [a.detach().requires_grad_() for a in arguments if isinstance(a, Tensor)]
    return tensors, arguments[len(tensors) :]


def _cotangent(y: Tensor) -> Tensor:
    return torch.cos(torch.arange(float(y.numel()), device=y.device)).to(y).view(y.shape)


def _all(y: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return [y] if isinstance(y, Tensor) else list(y)


def _difference(found: list[Tensor], expected: list[Tensor]) -> float:
    return max(
        ((f.double() - e.double()).abs().max() / e.double().abs().max()).item()
        for f, e in zip(found, expected, strict=True)
    )
