"""A kernel is a value: the forms of one computation, and what decides between them."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from dasp.signal import backends
from dasp.signal._choice import TORCH, chosen
from dasp.signal.backends import _readiness

KERNELS: dict[str, "Kernel"] = {}
"""All that were made, by the names of their compiled forms."""


@dataclass(frozen=True)
class Kernel:
    """One computation in forms that give the same answer.

    `portable` is made of torch operations: it defines the answer and every derivative, and runs on
    any device. `cpu` names the loop that stands in for it on a CPU, as in
    "cascade_numba.filtered", and `cpu_adjoint` the one for its gradient; both are in
    `dasp.signal.backends`, and imported when they are needed. Without `cpu_adjoint` the gradient is
    that of the portable form.
    """

    portable: Callable
    cpu: str
    cpu_adjoint: str | None = None
    waits_from: int = 0
    """For so many samples the portable form takes longer than the loop takes to compile."""

    def __post_init__(self):
        KERNELS[self.cpu] = self

    @property
    def title(self) -> str:
        """For people: "cascade filtered"."""
        words = self.cpu.replace("_numba", "").replace(".", " ").replace("_", " ").split()
        return " ".join(dict.fromkeys(words))

    @cached_property
    def compiled(self) -> Callable:
        """The form for a CPU."""
        return _resolved(self.cpu)

    @cached_property
    def compiled_adjoint(self) -> Callable:
        """The form for a CPU of the gradient."""
        if self.cpu_adjoint is None:
            raise ValueError(f"{self.title}: has no compiled gradient")
        return _resolved(self.cpu_adjoint)

    def is_compiled_for(self, *arguments, gradient: bool = False) -> bool:
        """Whether the compiled form is to run now; if not, that may change with time."""
        return (
            chosen() != TORCH
            and backends.numba_works()
            and _readiness.is_ready(self.cpu, arguments, gradient, self.waits_from)
        )

    def run(self, *arguments) -> Tensor:
        """The best form for tensors on this device, without a gradient."""
        if arguments[0].device.type == "cpu" and self.is_compiled_for(*arguments):
            return self.compiled(*arguments)
        return self.portable(*arguments)


def _resolved(name: str) -> Callable:
    module, function = name.split(".")
    return getattr(importlib.import_module(f"{backends.__name__}.{module}"), function)
