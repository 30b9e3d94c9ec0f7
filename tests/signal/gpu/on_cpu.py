"""The kernels for GPUs run on a CPU, compiled as C++ by the compiler of the machine."""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

from torch import Tensor

from dasp.signal import fftconv
from dasp.signal._kernel import Kernel
from dasp.signal.backends import _cuda

HERE = Path(__file__).parent
HEADERS = HERE / "dialect_on_cpu.h", HERE / "taking_turns.h"
OPTIONS = ("-O1", "-std=c++17", "-shared", "-fPIC", "-pthread", "-Wno-unknown-pragmas")
KEPT = HERE / "__pycache__"
"""Beside the bytecode, which is as easily made again."""
COMPILER = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")


@contextmanager
def kernels_on_cpu(*, backwards: bool = False, threads: int = 0) -> Iterator[list[str]]:
    """Let the kernels for GPUs run for tensors on a CPU; gives the names of those launched.

    One thread does what all would, or so many take turns, each up to where they meet.
    """
    launched: list[str] = []

    def run(name, real, constants, items, together, arguments) -> None:
        launched.append(name)
        tensors = [a for a in arguments if isinstance(a, Tensor)]
        assert all(t.is_contiguous() and t.device.type == "cpu" for t in tensors), name
        if threads:
            constants += (("THREADS", threads),)
        elif backwards:
            constants += (("BACKWARDS", 1),)
        file, function = name.split(".")
        library, values = _compiled(file, real, constants), list(map(_as_c, arguments))
        if threads:
            _take_turns(library, getattr(library, function), values, threads, backwards)
        else:
            getattr(library, function)(*values)

    def on_gpu(kernel, *arguments, gradient=False):
        return kernel.on_gpu

    with (
        mock.patch.object(_cuda, "run", run),
        mock.patch.object(Kernel, "form_for", on_gpu),
        mock.patch.object(fftconv, "_has_a_cache", lambda x: False),
    ):
        yield launched


def _take_turns(
    library: ctypes.CDLL, kernel: Callable, arguments: list, threads: int, backwards: bool
) -> None:
    def thread(number: int) -> int:
        library.enter(number)
        kernel(*arguments)
        return library.leave()

    library.begin(backwards)
    with ThreadPoolExecutor(threads) as pool:
        meetings = set(pool.map(thread, range(threads)))
    assert len(meetings) == 1, "some threads of a block met more often than others"


def _as_c(argument: Tensor | int | float):
    if isinstance(argument, Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    return ctypes.c_int(argument) if isinstance(argument, int) else ctypes.c_double(argument)


@functools.cache
def _compiled(file: str, real: str, constants: tuple) -> ctypes.CDLL:
    """All kernels of a file, for one type of signals: kept for other processes and later ones."""
    headers = [path.read_text(encoding="utf-8") for path in HEADERS]
    text = _cuda.source(file, real, constants, headers[0])
    made_of = repr((text, headers, OPTIONS, *_machine()))
    kept = KEPT / f"{hashlib.sha256(made_of.encode()).hexdigest()}.so"
    if kept.exists():
        return ctypes.CDLL(str(kept))
    folder = Path(tempfile.mkdtemp(prefix="dasp-gpu-"))
    source, library = folder / "kernels.cpp", folder / "kernels.so"
    source.write_text(text, encoding="utf-8")
    command = [COMPILER, *OPTIONS, f"-I{HERE}", "-o", library, source]
    subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = ctypes.CDLL(str(library))
    with suppress(OSError):  # where nothing can be written each process compiles for itself
        KEPT.mkdir(exist_ok=True)
        part = shutil.copy(library, kept.with_suffix(f".{os.getpid()}"))
        os.replace(part, kept)  # whole, or not there
    shutil.rmtree(folder)
    return loaded


@functools.cache
def _machine() -> tuple[str, ...]:
    """What decides about the code beside its source."""
    done = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True)
    return COMPILER, done.stdout, platform.system(), platform.machine()
