"""Compiled loops over the rows of tensors, on as many threads as torch uses."""

from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._memory import empty
from dasp.signal.backends._threads import run_together

WORTH_A_THREAD = 50_000
"""Samples for which a thread takes longer than its start."""


def over_rows(loop: Callable, *tensors: Tensor) -> None:
    """Run `loop` on shares of the first dimension of the tensors.

    It writes into some of them, which are contiguous.
    """
    over_lines(loop, *map(array_of, tensors))


def over_lines(loop: Callable, *arrays: np.ndarray) -> None:
    """The same for arrays."""

    def share(first: int, last: int) -> None:
        loop(*(array[first:last] for array in arrays))

    over_range(share, len(arrays[0]), arrays[0].size)


def array_of(t: Tensor) -> np.ndarray:
    """The numbers of a tensor on a CPU, one behind the other; its own memory where they are so."""
    return (t.detach() if t.requires_grad else t).contiguous().numpy()


def over_range(loop: Callable[[int, int], None], count: int, samples: int) -> None:
    """Run `loop(first, last)` on shares of the first `count` numbers, which stand for `samples`."""
    shares = min(threads_for(samples), count)
    if shares <= 1:
        return loop(0, count)
    edges = [count * i // shares for i in range(shares + 1)]
    run_together([partial(loop, *edge) for edge in pairwise(edges)])


def threads_for(samples: int) -> int:
    """How many threads so many samples are worth."""
    return min(torch.get_num_threads(), 1 + samples // WORTH_A_THREAD)


def fresh(x: Tensor, *shape: int) -> Tensor:
    """An empty tensor of the type of `x`, and of its shape if no other is given."""
    return new_empty(x, shape or tuple(x.shape))


def new_empty(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """An empty tensor of the type of `x` on its device."""
    if x.device.type != "cpu":
        return x.new_empty(shape)
    return torch.from_numpy(empty(shape, numpy_type(x.dtype)))


@cache
def numpy_type(dtype: torch.dtype) -> np.dtype:
    """What NumPy calls a type of torch."""
    return torch.empty(0, dtype=dtype).numpy().dtype
