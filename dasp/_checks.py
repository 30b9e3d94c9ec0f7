"""Argument checks: each error says what was expected, what came, and in which argument."""

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dasp._private import is_wrapped
from dasp._suggestion import did_you_mean
from dasp._typing import Value

MOST_CHANNELS = 64
"""More channels than this, and fewer samples than channels, is taken for a transposed signal."""


def check_audio(x: Tensor, name: str = "x") -> None:
    """Refuse what is not floating-point audio of shape `(*batch, channels, time)`."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a torch.Tensor, got {type(x).__name__}")
    if not x.is_floating_point():
        raise ValueError(f"{name}: expected floating-point audio, got {x.dtype}")
    if x.ndim < 2:
        raise ValueError(
            f"{name}: expected shape (*batch, channels, time), got {tuple(x.shape)}; "
            f"a mono signal is {name}[None]"
        )
    channels, time = x.shape[-2:]
    if channels > MOST_CHANNELS and channels > time:
        raise ValueError(
            f"{name}: expected shape (*batch, channels, time), got {tuple(x.shape)}, "
            f"which has {channels} channels of {time} samples; are the two swapped?"
        )


def check_signal(name: str, x: Tensor) -> None:
    """Refuse what is no tensor of floating-point numbers, of any shape."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        came = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"{name}: expected a tensor of floating-point numbers, got {came}")


def check_real(name: str, value: Value | None) -> None:
    """Refuse complex numbers: no parameter has an imaginary part, and no gradient is a conjugate.

    Integers and booleans are numbers. None is an argument that was not given.
    """
    if isinstance(value, Tensor):
        if not value.is_complex():
            return
        came = str(value.dtype)
    else:
        several = value if isinstance(value, (list, tuple)) else (value,)
        came = next((repr(n) for n in several if isinstance(n, complex)), "")
        if not came:
            return
    raise ValueError(f"{name}: expected real numbers, got {came}")


def check_channels(x: Tensor, channels: int, name: str = "x") -> None:
    """Refuse audio that has another number of channels."""
    if x.shape[-2] != channels:
        raise ValueError(
            f"{name}: expected {channels} channels, got {x.shape[-2]} (shape {tuple(x.shape)})"
        )


def checked_sample_rate(sample_rate: float | Tensor | np.ndarray) -> float:
    """A sample rate as a plain number; what is no positive, finite number of hertz is refused.

    A tensor or an array of one number is that number.
    """
    rate = sample_rate
    if isinstance(rate, float | int) and not isinstance(rate, bool) and 0 < rate < math.inf:
        return rate
    if isinstance(rate, Tensor | np.ndarray | np.generic) and math.prod(rate.shape) == 1:
        rate = rate.item()
    if not isinstance(rate, Real) or isinstance(rate, bool) or not 0 < rate < math.inf:
        raise ValueError(f"sample_rate: expected a positive number of Hz, got {sample_rate!r}")
    return rate


def check_range(
    name: str,
    value: Value,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    because: str = "",
) -> None:
    """Refuse a value that has no meaning: outside [low, high] or (above, below), or not a number.

    Only floats and tensors that can be read for free are looked at: never one on another
    device, under `torch.compile` or under a `torch.func` transform.
    """
    value = without_numpy(value)
    if not isinstance(value, float):
        check_real(name, value)
    if not _is_readable(value):
        return
    if not is_of_numbers(value):
        raise ValueError(f"{name}: expected a number, got {value!r}")
    lowest, highest = _extremes(value)
    if low <= lowest and above < lowest and highest <= high and highest < below:
        return
    limits = [
        f"{word} {limit:g}"
        for word, limit in (
            ("at least", low), ("above", above), ("at most", high), ("below", below)
        )
        if math.isfinite(limit)
    ]  # fmt: skip
    expected = " and ".join(limits) or "a number"
    came = f"{lowest:g}" if lowest == highest or lowest != lowest else f"{lowest:g} to {highest:g}"
    raise ValueError(f"{name}: expected {expected}{because and f' ({because})'}, got {came}")


def check_not_zero(name: str, value: Tensor, *, because: str) -> None:
    """Refuse a tensor with a 0 in it, where it can be read for free."""
    if _is_readable(value) and (value.detach() == 0).any():
        raise ValueError(f"{name}: expected no 0 ({because}), got {value.tolist()}")


def check_frequency(name: str, value: Value, sample_rate: float) -> None:
    """Refuse a frequency that is not between 0 and half the sample rate, both excluded."""
    check_range(
        name, value, above=0.0, below=sample_rate / 2, because=f"Nyquist at {sample_rate:g} Hz"
    )


def check_choice(name: str, value: object, choices: Iterable) -> None:
    """Refuse a value that is not one of the choices."""
    choices = list(choices)
    if value not in choices:
        raise ValueError(
            f"{name}: expected one of {', '.join(map(repr, choices))}, got {value!r}"
            f"{did_you_mean(value, choices)}"
        )


def without_numpy(value: Any) -> Any:
    """Arrays of NumPy as tensors, and its numbers and words as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return torch.as_tensor(np.ascontiguousarray(value).reshape(value.shape))
    return value


def is_of_numbers(value: Any) -> bool:
    """Whether it is a number, a tensor, or a list of such."""
    if isinstance(value, (list, tuple)):
        return all(is_of_numbers(v) for v in value)
    return isinstance(value, (Tensor, float, int, Real, np.generic))


def _is_readable(value: Value) -> bool:
    if not isinstance(value, Tensor):
        return not isinstance(value, (list, tuple)) or len(value) > 0
    return (
        not torch.compiler.is_compiling()
        and not is_wrapped(value)
        and value.device.type == "cpu"
        and value.numel() > 0
    )


def is_plain(value: Tensor) -> bool:
    """Whether a tensor holds numbers, and nothing that stands for them within a transform."""
    return type(value) is Tensor and not is_wrapped(value)


def _extremes(value: Value) -> tuple[float, float]:
    if isinstance(value, Tensor):
        lowest, highest = torch.aminmax(value.detach())
        return lowest.item(), highest.item()
    if isinstance(value, float):
        return value, value
    numbers = [float(n) for n in (value if isinstance(value, (list, tuple)) else (value,))]
    if any(n != n for n in numbers):  # which min and max may pass over
        return math.nan, math.nan
    return min(numbers), max(numbers)
