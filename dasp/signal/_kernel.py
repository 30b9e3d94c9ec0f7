"""A kernel is a value: the forms of one computation, and what decides between them."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from dasp.signal import backends
from dasp.signal._choice import AUTO, CUDA, NUMBA, chosen
from dasp.signal.backends import _cuda, _readiness

KERNELS: dict[str, "Kernel"] = {}
"""All that were made, by their names."""


@dataclass(frozen=True)
class Form:
    """A computation for one kind of device, and its gradient: imported when they are needed."""

    name: str
    """As in "cascade_numba.filtered", of `dasp.signal.backends`."""
    adjoint_name: str | None = None

    @cached_property
    def value(self) -> Callable:
        """The function."""
        return _resolved(self.name)

    @cached_property
    def adjoint(self) -> Callable:
        """The function of its gradient."""
        assert self.adjoint_name is not None, self.name
        return _resolved(self.adjoint_name)


@dataclass(frozen=True)
class Kernel:
    """One computation in forms that give the same answer.

    `portable` is made of torch operations: it defines the answer and every derivative, and runs on
    any device. `cpu` names the loop that stands in for it on a CPU, as in
    "cascade_numba.filtered", and `cpu_adjoint` the one for its gradient; `gpu` and `gpu_adjoint`
    name what stands in on a GPU. Where there is none the portable form runs, and without an adjoint
    the gradient is that of the portable form.
    """

    portable: Callable
    cpu: str | None = None
    cpu_adjoint: str | None = None
    waits_from: int = 0
    """For so many samples the portable form takes longer than the loop takes to compile."""
    gpu: str | None = None
    gpu_adjoint: str | None = None

    def __post_init__(self):
        KERNELS[self.name] = self

    @property
    def name(self) -> str:
        """Without the device: "cascade.filtered"."""
        name = self.cpu or self.gpu
        assert name is not None, "a kernel without a form"
        return name.replace("_numba", "").replace("_cuda", "")

    @property
    def title(self) -> str:
        """For people: "cascade filtered"."""
        return " ".join(dict.fromkeys(self.name.replace(".", " ").replace("_", " ").split()))

    @cached_property
    def on_cpu(self) -> Form | None:
        """The form for a CPU."""
        return None if self.cpu is None else Form(self.cpu, self.cpu_adjoint)

    @cached_property
    def on_gpu(self) -> Form | None:
        """The form for a GPU."""
        return None if self.gpu is None else Form(self.gpu, self.gpu_adjoint)

    def form_for(self, *arguments, gradient: bool = False) -> Form | None:
        """The form that is to run now in place of the portable one; that may change with time."""
        if arguments[0].is_cpu:
            ready = (
                self.cpu is not None
                and chosen() in (AUTO, NUMBA)
                and backends.numba_works()
                and _readiness.is_ready(self.cpu, arguments, gradient, self.waits_from)
            )
            return self.on_cpu if ready else None
        works = chosen() in (AUTO, CUDA) and _cuda.works_on(arguments[0].device)
        return self.on_gpu if works else None

    def run(self, *arguments) -> Tensor:
        """The best form for tensors on this device, without a gradient."""
        form = self.form_for(*arguments)
        return (self.portable if form is None else form.value)(*arguments)


def _resolved(name: str) -> Callable:
    module, function = name.split(".")
    return getattr(importlib.import_module(f"{backends.__name__}.{module}"), function)
