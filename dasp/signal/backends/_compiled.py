"""Loops in machine code, which is made once for a machine and kept."""

import uuid
from collections.abc import Callable

from numba import njit


def compiled(**options) -> Callable[[Callable], Callable]:
    """A decorator: `numba.njit` with `options`, without the interpreter's lock, and cached.

    numba keeps the machine code beside the source, or in a folder of the user's where the
    package cannot be written, or in NUMBA_CACHE_DIR where that is set. Where nothing can be
    written, every process compiles for itself.
    """

    def decorated(function: Callable) -> Callable:
        try:
            kernel = njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # no place for a cache
            return njit(nogil=True, **options)(function)
        _keep_apart(kernel)
        return kernel

    return decorated


def _keep_apart(kernel: Callable) -> None:
    """Let no two processes write machine code under one name.

    Files are numbered by an index that each process reads, extends and writes whole. Of two that
    do so at once for two types, one would else find the other's code under its own number.
    """
    files = kernel._cache._cache_file
    files._data_name_pattern = files._data_name_pattern.replace(".nbc", f".{uuid.uuid4().hex}.nbc")
