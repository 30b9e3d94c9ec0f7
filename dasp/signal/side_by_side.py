"""Many short pieces of audio, as the tracks of a song are, worked on side by side."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import chain
from typing import Any, TypeVar

import torch
from torch import Tensor

from dasp._private import is_watched
from dasp.signal.backends._threads import one_thread

Result = TypeVar("Result")

SHORT = 2**22
"""Samples of a piece, at most: longer ones are shared out by themselves, and two at once would take
twice the memory."""


def side_by_side(function: Callable[..., Result], *items: Sequence[Any]) -> list[Result]:
    """Compute a function of each item, on as many threads as torch computes on.

    To share the samples of one short piece among threads takes longer than to give each thread a
    piece of its own. In inference mode alone: gradients and transformations of torch belong to
    their thread, and there the items come one after the other, as long ones do anywhere.

    Args:
        function: The function.
        *items: Its arguments, sequences of one length.

    Returns:
        Its results, in the order of the items.

    >>> with torch.inference_mode():
    ...     side_by_side(pow, [1, 2, 3], [2, 2, 2])
    [1, 4, 9]
    """
    workers = min(torch.get_num_threads(), len(items[0]))
    alone_at_work = not torch.is_inference_mode_enabled() or is_watched()
    if workers < 2 or alone_at_work or any(map(is_long, chain(*items))):
        return list(map(function, *items))

    def alone(*item: Any) -> Result:
        with torch.inference_mode():  # which belongs to a thread as well
            return function(*item)

    with one_thread(), ThreadPoolExecutor(workers) as pool:
        begun = [pool.submit(copy_context().run, alone, *item) for item in zip(*items, strict=True)]
        return [one.result() for one in begun]


def is_long(item: Any) -> bool:
    """Tell whether an item is a piece of audio of more than `SHORT` samples.

    Args:
        item: Anything.

    Returns:
        Whether it is.
    """
    return isinstance(item, Tensor) and item.ndim > 0 and item.shape[-1] > SHORT
