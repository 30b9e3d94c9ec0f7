"""Several processes that train one model, on one machine or many, as `torchrun` starts them.

Every process holds the whole model and hears its part of each batch. The gradients are averaged,
so all make the same step, and it is the step that one process makes with the whole batch.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Processes:
    """Which of the processes this is; by default there is one.

    Args:
        rank: Its number, from 0.
        count: How many there are.
        device: Where it computes.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = CPU

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def sum(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Add tensors up over the processes, in one message.

        Args:
            tensors: The tensors.

        Returns:
            Their sums.
        """
        if self.count == 1:
            return list(tensors)
        message = torch.cat([x.flatten() for x in tensors])
        dist.all_reduce(message)
        parts = message.split([x.numel() for x in tensors])
        return [part.view_as(x).to(x) for part, x in zip(parts, tensors, strict=True)]

    def mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Average tensors over the processes.

        Args:
            tensors: The tensors.

        Returns:
            Their means.
        """
        return [x / self.count for x in self.sum(tensors)] if self.count > 1 else list(tensors)

    def as_the_first(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes what the first has.

        Args:
            tensors: The tensors, which are changed.
        """
        if self.count > 1:
            for x in tensors:
                message = x.detach().contiguous()
                dist.broadcast(message, 0)
                x.detach().copy_(message)

    def wait(self) -> None:
        """Go on when all are here."""
        if self.count > 1:
            self.sum([torch.zeros(1, device=self.device)])


@contextmanager
def processes(device: str = "auto") -> Iterator[Processes]:
    """Join the processes that `torchrun` has started; without it there is one.

    Args:
        device: Such as "cpu" or "cuda:0"; "auto" is a GPU where there is one.

    Returns:
        Which of the processes this is.

    Raises:
        ValueError: If there is no such device.
    """
    rank, count, local = (
        int(os.environ.get(name, default))
        for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
    )
    here = _device(device, local)
    if count == 1:
        yield Processes(device=here)
        return
    dist.init_process_group("nccl" if here.type == "cuda" else "gloo")
    try:
        yield Processes(rank, count, here)
    finally:
        dist.destroy_process_group()


def _device(name: str, local_rank: int) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device: expected such as 'cpu' or 'cuda:0', got {name!r}") from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"device: there is no {name!r} here")
        if device.index is None:
            device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
    return device
