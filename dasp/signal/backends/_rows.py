"""Compiled loops over the rows of tensors, on as many threads as torch uses."""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

WORTH_A_THREAD = 30_000
"""Samples for which a thread takes longer than its start."""


def over_rows(loop: Callable, *tensors: Tensor) -> None:
    """Run `loop` on shares of the first dimension of the tensors.

    It writes into some of them, which are contiguous.
    """
    arrays = [t.detach().contiguous().numpy() for t in tensors]
    rows, size = len(arrays[0]), arrays[0].size
    shares = min(torch.get_num_threads(), rows, 1 + size // WORTH_A_THREAD)
    if shares <= 1:
        return loop(*arrays)
    edges = [rows * i // shares for i in range(shares + 1)]
    parts = [[array[start:end] for array in arrays] for start, end in pairwise(edges)]
    others = [_helpers(shares - 1).submit(loop, *part) for part in parts[1:]]
    loop(*parts[0])
    for other in others:
        other.result()


def fresh(x: Tensor, *shape: int) -> Tensor:
    """An empty tensor of the type of `x`, and of its shape if no other is given.

    NumPy asks the system for large pages. To touch small ones for the first time can take longer
    than the loop that fills them.
    """
    return torch.from_numpy(np.empty(shape or x.shape, x.new_empty(0).numpy().dtype))


@functools.cache
def _helpers(count: int) -> ThreadPoolExecutor:
    """Threads that wait for work, which costs less than to start them for it."""
    return ThreadPoolExecutor(count, thread_name_prefix="dasp")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # threads stay with the parent
