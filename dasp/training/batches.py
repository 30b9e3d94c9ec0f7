"""What is heard at which step: a pure function of the seed and the step.

Item `i` of step `s` is drawn with a generator of its own, whose seed comes from the seed of the
training, `s` and `i`. So nothing has to be stored to go on at any step; the number of workers
changes nothing; and several processes share a batch by taking every n-th item of it.
"""

import pickle
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import count
from multiprocessing import get_all_start_methods
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dasp.training.processes import Processes
from dasp.training.task import Task


def seed_of(*place: int | str) -> int:
    """Compute a seed for a place such as `(seed, "item", step, i)`, unlike that of any other.

    Args:
        *place: Numbers and words that tell the place.

    Returns:
        The seed.

    >>> seed_of(0, "item", 1, 2) == seed_of(0, "item", 2, 1)
    False
    """
    digest = blake2b(repr(place).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def training_batches(
    task: Task, *, seed: int, batch_size: int, after: int, processes: Processes, workers: int = 0
) -> Iterator[Any]:
    """Draw this process's part of the batch of each step, for ever.

    Args:
        task: What is drawn, and how items become a batch.
        seed: Of the training.
        batch_size: Items in a step, of all processes together.
        after: The step that is done already.
        processes: Which of the processes this is.
        workers: Processes that draw.

    Returns:
        The batches, on the device.
    """
    own = range(processes.rank, batch_size, processes.count)
    places = ([(step, i) for i in own] for step in count(after + 1))
    loader = DataLoader(
        _Items(task, seed),
        batch_sampler=places,
        collate_fn=task.collate,
        num_workers=workers,
        multiprocessing_context=_started_by() if workers else None,
        pin_memory=processes.device.type == "cuda",
    )
    return (to_device(batch, processes.device) for batch in loader)


def _started_by() -> str:
    """How workers start. A fork copies locks that other threads hold, of torch say, for ever."""
    return "forkserver" if "forkserver" in get_all_start_methods() else "spawn"


class _Items(Dataset):
    def __init__(self, task: Task, seed: int):
        self._draw, self._seed = task.draw, seed

    def __getstate__(self) -> bytes:
        # As bytes: torch would keep a file open in every process for each tensor of every song.
        try:
            return pickle.dumps((self._draw, self._seed))
        except Exception as error:
            raise ValueError(
                "draw: expected what another process can be sent, since there are workers: a "
                "function at the top of a module, or a value of such a class with a __call__; "
                f"got {self._draw!r} ({error})"
            ) from error

    def __setstate__(self, state: bytes) -> None:
        self._draw, self._seed = pickle.loads(state)

    def __getitem__(self, place: tuple[int, int]) -> Any:
        return self._draw(torch.Generator().manual_seed(seed_of(self._seed, "item", *place)))


def to_device(batch: Any, device: torch.device) -> Any:
    """Move the tensors of a batch to a device.

    Args:
        batch: Tensors, in tuples, lists and dictionaries or not.
        device: The device.

    Returns:
        The same with all tensors on the device.
    """
    return each_tensor(lambda x: x.to(device, non_blocking=True), batch)


def each_tensor(change: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """Change every tensor in tuples, lists and dictionaries.

    Args:
        change: What is done to a tensor.
        tree: What has the tensors.

    Returns:
        The same tuples, lists and dictionaries with other tensors.
    """
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return {key: each_tensor(change, value) for key, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(each_tensor(change, value) for value in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(each_tensor(change, value) for value in tree)
    return tree
