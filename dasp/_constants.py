"""Numbers as tensors where a signal is.

What is copied from the memory of a CPU makes a program wait for its GPU. So one number is written
there by the device itself, and several are copied once and kept.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Numbers = float | int | bool | Sequence | np.ndarray


def constant(values: Numbers, like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """A number, or nested sequences of numbers, on the device of a tensor.

    It has the type `dtype`, by default that of the tensor, and must not be written to.
    """
    dtype = dtype or like.dtype
    values = values.tolist() if isinstance(values, np.ndarray) else values
    if isinstance(values, float | int):
        return torch.full((), values, dtype=dtype, device=like.device)
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if like.device.type == "cpu" or torch.compiler.is_compiling():
        return torch.tensor(values, dtype=dtype, device=like.device)
    return _kept(_hashable(values), dtype, like.device)


@functools.lru_cache(1024)
@torch.inference_mode(False)  # what is kept may meet gradients later
def _kept(values: tuple, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=device)


def _hashable(values: Any) -> Any:
    return tuple(map(_hashable, values)) if isinstance(values, list | tuple) else values
