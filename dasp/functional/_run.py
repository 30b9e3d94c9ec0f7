"""How a processor runs: on a whole signal, block by block, and how late."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dasp.functional._memory import Memory


@dataclass(frozen=True)
class Run:
    """Say how a processor runs.

    Args:
        whole: `f(x, sample_rate, **settings)`, from the audio of a whole signal to audio.
        blocks: `f(x, sample_rate, memory=memory, **settings)`, which runs on a block and hands what
            the next one needs to the `Memory`; None runs on whole signals only.
        latency: `f(sample_rate, **settings)`, the number of samples that `blocks` holds back; None
            holds nothing back.

    Raises:
        ValueError: If one of them is no function.

    >>> import torch
    >>> from dasp.functional import low_pass
    >>> Run(low_pass).blocks is None
    True
    """

    whole: Callable[..., Tensor]
    blocks: Callable[..., Tensor] | None = None
    latency: Callable[..., int] | None = None

    def __post_init__(self):
        for name, function in vars(self).items():
            if not callable(function) and (function is not None or name == "whole"):
                raise ValueError(f"{name}: expected a function, got {function!r}")


def in_blocks(function: Callable[..., Tensor], *, latency: Callable[..., int] | None = None) -> Run:
    """Run a function on whole signals, and block by block with its `memory`.

    Args:
        function: `f(x, sample_rate, *, ..., memory=WHOLE)`.
        latency: `f(sample_rate, **settings)`, the number of samples that it holds back in a stream;
            None holds nothing back.

    Returns:
        How the function runs.

    Raises:
        ValueError: If the function takes no `memory`.

    >>> from dasp.functional import low_pass
    >>> in_blocks(low_pass).blocks is low_pass
    True
    """
    if "memory" not in inspect.signature(function).parameters:
        raise ValueError(
            f"function: expected one with the keyword memory, which tells what was before a block; "
            f"{name_of(function)} has none"
        )
    return Run(function, function, latency)


def name_of(function: Callable) -> str:
    """The name of a function, or of the class of what can be called."""
    return str(getattr(function, "__name__", type(function).__name__))


def memoryless(function: Callable[..., Tensor]) -> Run:
    """Run a function whose every output sample depends on the input of that instant alone.

    Args:
        function: `f(x, sample_rate, *, ...)`, for which a block is as good as the whole.

    Returns:
        How the function runs.

    Raises:
        ValueError: If `function` is no function.

    >>> from dasp.functional import gain
    >>> memoryless(gain).blocks is None
    False
    """
    return Run(function, _WithoutMemory(function))


@dataclass(frozen=True)
class _WithoutMemory:
    """The blocks of a function that remembers nothing."""

    function: Callable[..., Tensor]

    def __call__(self, x: Tensor, sample_rate: float, *, memory: Memory, **settings) -> Tensor:
        return self.function(x, sample_rate, **settings)
