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
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class State(dict[str, Tensor]):
    """The state of a stream after a block: tensors by name, those of a part as `part.name`."""

    def __init__(self, *tensors):
        super().__init__(*tensors)
        self.made: dict[str, tuple] = {}
        """What depends on settings alone, kept so that no block computes it again."""

    def detach(self) -> "State":
        """The same state without its history: no gradient passes into the blocks before."""
        state = State({name: value.detach() for name, value in self.items()})
        state.made = self.made
        return state


class Memory:
    """Read the state `before` a block and write the state `after` it, for one part.

    `ends` tells that the block is the last. Without `before` it is the first as well.
    """

    def __init__(self, before: State | None = None, *, ends: bool = True):
        self.before, self.after, self.ends, self.prefix = before, State(), ends, ""
        if before is not None:
            self.after.made = dict(before.made)

    def __repr__(self) -> str:
        return "WHOLE" if self.whole else f"Memory(before={list(self.before)}, ends={self.ends})"

    @property
    def whole(self) -> bool:
        """Whether the block is the whole signal."""
        return self.before is None

    def part(self, name: str) -> "Memory":
        """The memory of a part."""
        if self.whole:
            return self
        memory = copy.copy(self)
        memory.prefix = f"{self.prefix}{name}."
        return memory

    def get(self, name: str) -> Tensor | None:
        """The tensor that the block before has kept, or None."""
        return None if self.whole else self.before.get(self.prefix + name)

    def keep(self, name: str, value: Tensor) -> None:
        """Keep a tensor for the next block."""
        if not self.ends:
            self.after[self.prefix + name] = value.clone()  # and not the block that it is part of

    def wait(self) -> None:
        """Keep the state as it is, for a block without samples."""
        for name, value in self.before.items():
            if name.startswith(self.prefix):
                self.after.setdefault(name, value)

    def through(self, name: str, kernel: Callable, x: Tensor, *arguments) -> Tensor:
        """Run a `kernel` that takes an initial state last and returns the final state too."""
        zi = self.get(name)
        y, zf = kernel(x, *arguments, zi)
        if zi is not None and zi.shape != zf.shape:
            raise ValueError(
                f"{self.prefix}{name}: expected audio and settings of the same shapes in all "
                f"blocks of a stream, got a state of shape {tuple(zi.shape)} and then of "
                f"{tuple(zf.shape)}"
            )
        self.keep(name, zf)
        return y

    def exact(self, x: Tensor) -> Tensor:
        """`x`, in float64 in a stream: a state in float32 would lose the digits of long times."""
        return x if self.whole else x.double()

    def keep_past(self, name: str, x: Tensor, longest: Tensor) -> None:
        """Keep as much of a delay line as a delay of `longest` samples reads."""
        if self.ends:
            return
        past = self.get(name)
        line = x if past is None else torch.cat((past, x), -1)
        reach = math.ceil(longest.max().item()) + 3 if longest.numel() else 0
        self.keep(name, line[..., max(0, line.shape[-1] - reach) :])

    def around(
        self, name: str, function: Callable[[Tensor], Tensor], x: Tensor, back: int, ahead: int
    ) -> Tensor:
        """`function(x)`, every sample of which comes from `back` before it to `ahead` after it."""
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
        """`x`, each sample held back until `ahead` more samples have come."""
        return self.around(name, lambda signal: signal, x, 0, ahead) if ahead else x

    def position(self, x: Tensor) -> Tensor:
        """How many samples were before each sample of `x`, `(time,)`."""
        n = torch.arange(x.shape[-1], device=x.device)
        before = self.get("position")
        if before is not None:
            n = n + before.to(n.device)
        if not self.ends:
            start = n.new_zeros(()) if before is None else before
            self.keep("position", start + x.shape[-1])
        return n

    def once(self, name: str, make: Callable[[], Any], *made_from) -> Any:
        """`make()`, or what it gave for an earlier block if `made_from` is still the same."""
        if self.whole or any(isinstance(t, Tensor) and t.requires_grad for t in made_from):
            return make()
        made = self.after.made
        known = made.get(self.prefix + name)
        if known is None or not _same(known[0], made_from):
            copies = [t.clone() if isinstance(t, Tensor) else t for t in made_from]
            known = made[self.prefix + name] = copies, make()
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
