"""What a processor remembers from one block of audio to the next.

A processor is one function of a whole signal. In a stream it is called for every block, with a
`Memory` between what the block before has left and what the next one will need; a whole signal is
a block that is the first and the last, and needs none. So there is one copy of every algorithm,
and the memory only hands over: initial and final states of kernels, the past of delay lines, and
samples that wait until enough of what follows them is known.

A processor that looks ahead gives every sample as soon as it can, which is later than it comes.
It holds back as many as its latency says, and gives them with the last block.
"""

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


class State(dict[str, Tensor]):
    """What a processor keeps between two blocks: tensors by name, those of a part as `part.name`.

    `step` returns one, and takes it for the next block.

    Args:
        *tensors: A mapping of names to tensors; without one the state is empty, that of a start.

    >>> from dasp.processors.catalogue import LOW_PASS
    >>> _, state = LOW_PASS.step(torch.ones(1, 10), 44_100, freq_hz=500.0)
    >>> list(state)
    ['sections']
    """

    def __init__(self, *tensors: Mapping[str, Tensor]):
        super().__init__(*tensors)
        self.made: dict[str, tuple[list, Any]] = {}
        """What depends on settings alone, kept so that no block computes it again."""

    def detach(self) -> "State":
        """Cut off the history: no gradient passes into the blocks before.

        Returns:
            The same state without its history.
        """
        state = State({name: value.detach() for name, value in self.items()})
        state.made = self.made
        return state


class Memory:
    """Read the state before a block, and write the state after it.

    A processor that runs block by block takes one, and uses it in the same way whether it is
    called for a block or for a whole signal, for which the memory is empty and keeps nothing.

    Args:
        before: The state before the block; None for a whole signal.
        ends: Whether the block is the last.

    >>> def running_sum(x: Tensor, memory: Memory) -> Tensor:
    ...     before = memory.get("sum")
    ...     y = x.cumsum(-1) + (0 if before is None else before)
    ...     memory.keep("sum", y[..., -1:])
    ...     return y
    >>> first = Memory(State(), ends=False)
    >>> running_sum(torch.ones(1, 2), first)
    tensor([[1., 2.]])
    >>> running_sum(torch.ones(1, 2), Memory(first.after))
    tensor([[3., 4.]])
    """

    def __init__(self, before: State | None = None, *, ends: bool = True):
        self._before = before
        self.after = State()
        """The state after the block."""
        self.ends = ends
        """Whether the block is the last."""
        self._prefix = ""
        if before is not None:
            self.after.made = dict(before.made)

    def __repr__(self) -> str:
        if self._before is None:
            return "WHOLE"
        return f"Memory(before={list(self._before)}, ends={self.ends})"

    @property
    def whole(self) -> bool:
        """Whether the block is the whole signal."""
        return self._before is None

    def part(self, name: str) -> "Memory":
        """Name what a part of the processor keeps.

        Args:
            name: Name of the part, which no other part has.

        Returns:
            The memory of the part.
        """
        if self.whole:
            return self
        memory = copy.copy(self)
        memory._prefix = f"{self._prefix}{name}."
        return memory

    def get(self, name: str) -> Tensor | None:
        """Look up what the block before has kept.

        Args:
            name: Name of the tensor.

        Returns:
            The tensor, or None where there is none.
        """
        return None if self._before is None else self._before.get(self._prefix + name)

    def keep(self, name: str, value: Tensor) -> None:
        """Keep a tensor for the next block.

        Args:
            name: Name of the tensor.
            value: The tensor, of which a copy is kept.
        """
        if not self.ends:
            self.after[self._prefix + name] = value.clone()  # and not the block it is part of

    def wait(self) -> None:
        """Keep the state as it is, for a block without samples."""
        for name, value in (self._before or {}).items():
            if name.startswith(self._prefix):
                self.after.setdefault(name, value)

    def through(self, name: str, kernel: Callable, x: Tensor, *arguments: Any) -> Tensor:
        """Run a kernel that takes an initial state and returns the final one.

        Args:
            name: Name of the state.
            kernel: `kernel(x, *arguments, zi)`, which returns its output and the final state `zf`;
                `zi` is None at the start.
            x: What the kernel runs on.
            *arguments: Its other arguments.

        Returns:
            The output of the kernel.

        Raises:
            ValueError: If the state has another shape than in the block before.
        """
        zi = self.get(name)
        y, zf = kernel(x, *arguments, zi)
        if zi is not None and zi.shape != zf.shape:
            raise ValueError(
                f"{self._prefix}{name}: expected audio and settings of the same shapes in all "
                f"blocks of a stream, got a state of shape {tuple(zi.shape)} and then of "
                f"{tuple(zf.shape)}"
            )
        self.keep(name, zf)
        return y

    def exact(self, x: Tensor) -> Tensor:
        """Widen to float64 in a stream: a state in float32 loses the digits of long times.

        Args:
            x: Any tensor.

        Returns:
            `x` in float64, or as it is for a whole signal.
        """
        return x if self.whole else x.double()

    def keep_past(self, name: str, x: Tensor, longest: Tensor) -> None:
        """Keep as much of a delay line as its longest delay reads.

        Args:
            name: Name of the line.
            x: What the block has written into it, `(..., time)`.
            longest: Delays in samples, of any shape.
        """
        if self.ends:
            return
        past = self.get(name)
        line = x if past is None else torch.cat((past, x), -1)
        reach = math.ceil(longest.max().item()) + 3 if longest.numel() else 0
        self.keep(name, line[..., max(0, line.shape[-1] - reach) :])

    def around(
        self, name: str, function: Callable[[Tensor], Tensor], x: Tensor, back: int, ahead: int
    ) -> Tensor:
        """Run a function whose every sample comes from a few samples around it.

        Args:
            name: Name of what is kept.
            function: From a signal `(..., time)` to one of that length.
            x: The block `(..., time)`.
            back: How many samples before a sample it comes from.
            ahead: How many samples after a sample it comes from; so many are held back.

        Returns:
            The samples of the output that are known by now.
        """
        if self.whole:
            return function(x)
        past = self.get(name)
        past = x[..., :0] if past is None else past
        signal = torch.cat((past, x), -1)
        given = max(0, past.shape[-1] - ahead)
        done = max(given, signal.shape[-1] - (0 if self.ends else ahead))
        self.keep(name, signal[..., max(0, done - back) :])
        return function(signal)[..., given:done]

    def held(self, name: str, x: Tensor, ahead: int) -> Tensor:
        """Hold every sample back until more samples have come.

        Args:
            name: Name of what is kept.
            x: The block `(..., time)`.
            ahead: How many more samples a sample waits for.

        Returns:
            The samples that have waited; all that are left in the last block.
        """
        return self.around(name, lambda signal: signal, x, 0, ahead) if ahead else x

    def position(self, x: Tensor) -> Tensor:
        """Count the samples before each sample of a block.

        Args:
            x: The block `(..., time)`.

        Returns:
            Numbers of samples since the start of the stream, `(time,)`.
        """
        n = torch.arange(x.shape[-1], device=x.device)
        before = self.get("position")
        if before is not None:
            n = n + before.to(n.device)
        if not self.ends:
            start = n.new_zeros(()) if before is None else before
            self.keep("position", start + x.shape[-1])
        return n

    def once(self, name: str, make: Callable[[], Any], *made_from: Any) -> Any:
        """Make what depends on settings alone in the first block, and again when they change.

        Args:
            name: Name of what is made.
            make: Makes it.
            *made_from: The settings that it is made from.

        Returns:
            What `make` returns, now or in an earlier block.
        """
        if self.whole or any(isinstance(t, Tensor) and t.requires_grad for t in made_from):
            return make()
        made = self.after.made
        known = made.get(self._prefix + name)
        if known is None or not _same(known[0], made_from):
            copies = [t.clone() if isinstance(t, Tensor) else t for t in made_from]
            known = made[self._prefix + name] = copies, make()
        return known[1]


WHOLE = Memory()
"""The memory of a signal that is one block."""


def _same(these, those) -> bool:
    return len(these) == len(those) and all(
        a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)
        if isinstance(a, Tensor) and isinstance(b, Tensor)
        else type(a) is type(b) and a == b
        for a, b in zip(these, those, strict=True)
    )
