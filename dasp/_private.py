"""Every name that torch, numba and OpenMP do not promise to keep, each with an answer without it.

A name is looked up once. On the day it is gone, what needs it takes the way that is right and
slow: the portable form of a kernel, or machine code that is made anew in every process.
"""

import ctypes
import functools
import importlib
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor


def _found(module: Any, *path: str) -> Any:
    """What is found from a module along some names, or None."""
    for name in path:
        module = getattr(module, name, None)
    return module


# -- torch: who looks on -----------------------------------------------------------------------

_transforms_are_active = _found(torch, "_C", "_are_functorch_transforms_active")
_is_wrapped = _found(torch, "_C", "_functorch", "is_functorch_wrapped_tensor")
_is_slices = _found(torch, "_C", "_functorch", "is_legacy_batchedtensor")
_count_of_modes = _found(torch, "_C", "_len_torch_dispatch_stack")


def is_transformed(*tensors: Tensor) -> bool:
    """Whether a transform of `torch.func` is at work, or, without a way to tell, on a tensor."""
    if _transforms_are_active is not None:
        return _transforms_are_active()
    return any(is_wrapped(t) for t in tensors)


def is_wrapped(tensor: Tensor) -> bool:
    """Whether a tensor stands for others within a transform, so that it has no numbers to read."""
    return has_no_memory(tensor) if _is_wrapped is None else _is_wrapped(tensor)


def has_no_memory(tensor: Tensor) -> bool:
    """Whether nobody can look at the numbers of a tensor."""
    try:
        tensor.data_ptr()
    except RuntimeError:
        return True
    return False


def is_sliced(*tensors: Tensor) -> bool:
    """Whether any is a batch of `torch.autograd.grad(is_grads_batched=True)`.

    Nothing can look into such a tensor, but torch calls an operator once for each slice of it.
    """
    if _is_slices is not None:
        return any(map(_is_slices, tensors))
    return not is_transformed(*tensors) and any(map(has_no_memory, tensors))


def is_watched() -> bool:
    """Whether a mode of `__torch_dispatch__` follows every operation; yes, if nobody can tell."""
    return _count_of_modes is None or _count_of_modes() > 0


def is_in_dual_level() -> bool:
    """Whether forward mode is at work; no, if nobody can tell."""
    return getattr(forward_mode, "_current_level", -1) >= 0


def may_be_in_dual_level() -> bool:
    """Whether forward mode may be at work; yes, if nobody can tell."""
    return getattr(forward_mode, "_current_level", 0) >= 0


def constant_in_graphs(function: Callable[[], Any]) -> Callable[[], Any]:
    """Let `torch.compile` call a function while it looks, and take what it returns for constant.

    `torch.compiler.assume_constant_result` does this, but loads all of the compiler for it.
    """
    marked: Any = function
    marked._dynamo_marked_constant = True
    return function


# -- torch: the threads that it computes on ----------------------------------------------------

CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@functools.cache
def gomp_parallel() -> Callable | None:
    """GNU's `GOMP_parallel(work, data, threads, flags)`, if that is how torch computes.

    It calls `work(data)` on every thread of the caller's team.
    """
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        parallel = ctypes.CDLL(str(library)).GOMP_parallel
    except (OSError, AttributeError):  # another system, or torch with other threads
        return None
    parallel.argtypes = CALLBACK, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint
    parallel.restype = None
    return parallel


# -- the C library: memory that is free ---------------------------------------------------------


@functools.cache
def malloc_trim() -> Callable[[int], int] | None:
    """GNU's `malloc_trim(pad)`, which gives free memory back to the system, or None elsewhere."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library, or none to be asked
        return None


# -- torch: the compiler of kernels for a GPU --------------------------------------------------


def cuda_compiler() -> Callable | None:
    """`compile(source, name)` of torch, which makes a function of a kernel in CUDA C, or None."""
    return _found(torch, "cuda", "_compile_kernel") if torch.cuda.is_available() else None


# -- numba: machine code as bytes --------------------------------------------------------------


class CodeFormat:
    """How a function that numba compiled becomes bytes, and a function again."""

    def __init__(self, dumps: Callable, result: Any):
        self._dumps, self._result = dumps, result

    def write(self, compiled: Any) -> bytes | None:
        """The bytes of a compile result; None if it depends on addresses of this process."""
        if compiled.library.has_dynamic_globals:
            return None
        return self._dumps(compiled._reduce())

    def read(self, target: Any, code: bytes) -> Any:
        """The compile result that such bytes are of."""
        target.refresh()
        return self._result._rebuild(target, *pickle.loads(code))


def code_format() -> CodeFormat | None:
    """How machine code is written, or None where numba does not tell."""
    try:
        dumps = _found(importlib.import_module("numba.core.serialize"), "dumps")
        result = _found(importlib.import_module("numba.core.compiler"), "CompileResult")
    except ImportError:
        return None
    if dumps is None or not hasattr(result, "_reduce") or not hasattr(result, "_rebuild"):
        return None
    return CodeFormat(dumps, result)


def put_cache(dispatcher: Any, cache: Any) -> None:
    """Let numba ask `cache` for machine code before it compiles, and give it what it compiled."""
    if _found(dispatcher, "_cache") is not None:
        dispatcher._cache = cache


def jit_is_disabled() -> bool:
    """Whether numba was told to leave functions as they are, for debuggers and coverage."""
    return bool(_found(sys.modules.get("numba"), "config", "DISABLE_JIT"))
