"""A pytest plugin that stands for a processor which rounds in another way.

    python -m pytest -p tests.another_processor dasp

While a test runs, torch's functions whose last digit is not the same everywhere give another one,
by up to a unit in the last place: exponentials, sines and the like, which each library of
mathematics approximates in its own way, by a share of the result; sums, products of matrices and
transforms, whose order of additions is free, by a share of what was added up, so that a 0 which is
left of a sum becomes a little more or less. Sums of short binary fractions are exact in any order,
and stay. An example that prints another text, or a test that fails, depends on the processor.
`DASP_ROUNDING=1`, `2`, ... are further processors of this kind.
"""

import os
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

SEED = int(os.environ.get("DASP_ROUNDING", "0"))

APPROXIMATED = {
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "pow", "__pow__", "__rpow__"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinc", "hypot", "rsqrt"),
    *("tanh", "sinh", "cosh", "sigmoid", "softplus", "erf", "softmax", "log_softmax"),
    *("logsumexp", "logaddexp", "cumprod", "prod", "std", "var", "norm", "logspace"),
}
ADDED_UP = {"sum", "mean", "cumsum"}
MULTIPLIED = {
    *("matmul", "__matmul__", "mm", "bmm", "mv", "dot", "einsum", "linear"),
    *("baddbmm", "addmm", "conv1d", "conv_transpose1d"),
}
TRANSFORMED = {"fft_fft", "fft_ifft", "fft_rfft", "fft_irfft", "stft", "istft"}


class AnotherProcessor(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        y = function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        if torch.compiler.is_compiling() or type(y) is not Tensor or not _is_rounded(y):
            return y
        with torch.no_grad():
            scale = _scale(name, function, y.detach(), args, kwargs)
            if scale is None:
                return y
            noise = torch.finfo(y.dtype).eps * _sign_and_share(y) * scale
            noise = torch.where(torch.isfinite(noise), noise, 0)
        return y + noise.to(y.dtype)


@pytest.fixture(autouse=True)
def _another_processor():
    with AnotherProcessor():
        yield


def _is_rounded(y: Tensor) -> bool:
    return (y.is_floating_point() or y.is_complex()) and y.dtype.itemsize >= 4 and y.numel() > 0


def _scale(
    name: str, function: Callable, y: Tensor, args: tuple, kwargs: dict
) -> Tensor | float | None:
    """What the last digit of a result is one of; nothing where all processors agree."""
    if name in TRANSFORMED:  # each row for itself
        return y.abs().square().mean((-2, -1) if name == "stft" else -1, keepdim=True).sqrt()
    if y.is_complex():
        return None
    if name in APPROXIMATED:
        return y.abs()
    if name in ADDED_UP | MULTIPLIED and not _are_short(args):
        terms = (t.detach().abs() if isinstance(t, Tensor) else t for t in args)
        return function(*terms, **kwargs)
    return None


def _are_short(args: tuple) -> bool:
    """Whether sums and products of these numbers fit into a float32."""
    return all(
        bool(((256 * t).frac() == 0).all() and (t.abs() < 4096).all())
        for t in args
        if isinstance(t, Tensor) and t.is_floating_point()
    )


def _sign_and_share(y: Tensor) -> Tensor:
    """Numbers in [-1, 1] that the place and the digits of a result decide alone."""
    digits = torch.frexp(y.abs())[0] * 1618033.98
    place = torch.arange(y.numel(), device=y.device).reshape(y.shape) * (y == 0)
    return torch.sin((1 + SEED) * 12.9898 * (1 + place) + digits)
