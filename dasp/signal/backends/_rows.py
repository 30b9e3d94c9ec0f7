"""Compiled loops over the rows of tensors, on as many threads as torch uses."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import torch
from torch import Tensor

WORTH_A_THREAD = 30_000
"""Samples for which a thread takes longer than its start."""


def over_rows(loop: Callable, *tensors: Tensor) -> None:
    """Run `loop` on shares of the first dimension of the tensors.

    It writes into some of them, which are contiguous.

    The threads live as long as the call, so that nothing is left behind that a fork could break.
    """
    arrays = [t.contiguous().numpy() for t in tensors]
    rows, size = len(arrays[0]), arrays[0].size
    shares = min(torch.get_num_threads(), rows, 1 + size // WORTH_A_THREAD)
    if shares <= 1:
        return loop(*arrays)
    edges = [rows * i // shares for i in range(shares + 1)]
    parts = [[array[start:end] for array in arrays] for start, end in pairwise(edges)]
    with ThreadPoolExecutor(shares - 1) as pool:
        others = [pool.submit(loop, *part) for part in parts[1:]]
        loop(*parts[0])
        for other in others:
            other.result()
