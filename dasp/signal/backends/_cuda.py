"""Kernels on a GPU: sources in CUDA C, which NVRTC compiles when they are first asked for.

NVRTC comes with torch, and asks for no compiler on the machine. The sources are in `cuda/`, written
in what `cuda/dialect.h` says, which is C++ as well: so they also run on a CPU, to be tried there.
"""

import functools
import importlib.resources
import re
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from dasp._private import cuda_compiler

THREADS = 128
"""Threads of a block, where each works by itself."""

FEWEST = 128
"""Samples to a chunk of a row: for fewer the way between chunks takes longer than the chunks."""

MOST = 32_768
"""Chunks of all rows, which fill a GPU of any size."""

REALS = {torch.float32: "float", torch.float64: "double"}


def launch(
    name: str,
    items: int,
    *arguments: Tensor | int | float,
    together: int = 0,
    **constants: int | str,
) -> None:
    """Run the kernel `name`, as in "cascade.run", for so many items.

    Each item is that of one thread, or of a block of so many threads where they work `together`.
    Tensors are contiguous, and the first of them has the type of the signals. `constants` are
    numbers that the kernel is compiled for.
    """
    if items:
        real = REALS[next(a for a in arguments if isinstance(a, Tensor)).dtype]
        run(name, real, tuple(constants.items()), items, together, arguments)


def run(
    name: str, real: str, constants: tuple, items: int, together: int, arguments: tuple
) -> None:
    """`launch` on the device of the tensors, with what the code is compiled for."""
    device = next(a.device for a in arguments if isinstance(a, Tensor))
    blocks = items if together else -(-items // THREADS)
    with torch.cuda.device(device):
        _compiled(name, real, constants, device.index)(
            grid=(min(blocks, 2**30), 1, 1),
            block=(together or THREADS, 1, 1),
            args=list(arguments),
        )


@functools.cache
def _compiled(name: str, real: str, constants: tuple, device: int) -> Callable:
    """For one device, since code is loaded into each."""
    compiler = cuda_compiler()
    assert compiler is not None, "asked for without a compiler"
    with torch.cuda.device(device):
        file, function = name.split(".")
        return compiler(source(file, real, constants), function)


def source(file: str, real: str, constants: tuple, dialect: str | None = None) -> str:
    """All that a compiler is to read for the kernels of a file."""
    defined = (f"#define {constant} {value}\n" for constant, value in constants)
    dialect = _with_included("dialect.h") if dialect is None else dialect
    kernels = _with_included(f"{file}.cu")
    return "".join((f"typedef {real} real;\n", *defined, dialect, kernels))


def _with_included(file: str) -> str:
    text = (importlib.resources.files(__package__) / "cuda" / file).read_text(encoding="utf-8")
    return re.sub(r'#include "(.*)"', lambda found: _with_included(found[1]), text)


@functools.cache
def works_on(device: torch.device) -> bool:
    """Whether kernels can be compiled and run on a device. If not, that is told once."""
    return device.type == "cuda" and why_not(device) is None


@functools.cache
def why_not(device: torch.device) -> str | None:
    """What keeps kernels from running on a GPU, or None."""
    if cuda_compiler() is None:
        reason = "this torch has no compiler of CUDA sources"
    else:
        try:
            a = torch.ones(1, 1, device=device)
            y = torch.empty_like(a)
            starts = torch.ones(1, 1, dtype=torch.float64, device=device)
            launch("recurrence.run", 1, a, a, starts, y, 1, 1, 1, 1)
            if y.item() == 2:
                return None
            reason = "a kernel gave a wrong answer"
        except Exception as error:  # of a driver or of a compiler, which may raise anything
            reason = f"{type(error).__name__}: {error}"
    warnings.warn(
        f"the kernels of dasp for GPUs do not run on {device} ({reason.splitlines()[0]}): filters, "
        "dynamics, delays and reverbs run there in their portable form, which is right and slower",
        RuntimeWarning,
        stacklevel=2,
    )
    return reason


def chunks_of(rows: int, time: int) -> tuple[int, int]:
    """How many chunks a row is cut into, and how many samples are in each but the last."""
    length = max(FEWEST, -(-time * rows // MOST))
    chunks = max(1, -(-time // length))
    return chunks, -(-time // chunks)
