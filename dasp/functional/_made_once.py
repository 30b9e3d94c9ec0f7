"""What follows from settings alone, which is made once for settings that are plain numbers.

A filter is designed, and the pole of a smoother found, by dozens of operations of torch on a few
numbers each. Of a signal of a second they take as long as the filter itself; and of a batch of
files, or of the blocks of a stream, every one has the same settings.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import Tensor

from dasp.signal._fused import is_plain

Made = TypeVar("Made")

MOST = 512
"""Results that are kept; they are small."""


def made_once(make: Callable[..., Made], x: Tensor, *settings: Any) -> Made:
    """Return `make(x, *settings)`, kept from an earlier call where that can be.

    That is for plain numbers and words, and lists of them, where no compiler or transform looks on,
    on a CPU: memory of a GPU may be that of a graph that was captured.

    Args:
        make: A function, not a lambda, of which all calls are one. Of `x` it may look at the type,
            the device and the batch alone, not at channels and time.
        x: Audio `(*batch, channels, time)`.
        *settings: What is made from.

    Returns:
        Tensors, or what holds them, which must not be written to.

    >>> def double(x: Tensor, number: float) -> Tensor:
    ...     return x.new_tensor(2 * number)
    >>> x = torch.zeros(1, 2)
    >>> made_once(double, x, 3.0) is made_once(double, x + 1, 3.0)
    True
    """
    if x.is_cpu and all(map(_is_plain, settings)) and is_plain(x):
        hashable = (tuple(s) if isinstance(s, list) else s for s in settings)
        return _kept(make, x.dtype, x.shape[:-2], *hashable)
    return make(x, *settings)


_PLAIN = (float, int, bool, str, type(None))


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or (
        type(value) in (list, tuple) and all(type(number) in (float, int) for number in value)
    )


@lru_cache(MOST, typed=True)
def _kept(make: Callable, dtype: torch.dtype, batch: torch.Size, *settings: Any) -> Any:
    # Tensors of inference mode would not do for a gradient later.
    with torch.inference_mode(False), torch.no_grad():
        return make(torch.empty((*batch, 1, 0), dtype=dtype, device="cpu"), *settings)
