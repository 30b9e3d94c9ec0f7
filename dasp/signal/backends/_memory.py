"""Memory for results, which keeps its pages from one call to the next.

A C library gives large memory back to the system as soon as it is free, and the system clears every
page of it that is touched again, which can take longer than the loop that fills it. What the
kernels return comes from here: it lies on large pages where the system has them, and some of it is
kept when nobody holds the result any more.

What torch's own operations return comes from the C library. That of GNU keeps as much as it has
seen come and go (mallopt(3), M_MMAP_THRESHOLD): one array that nobody touches, as large as counts,
and what is no larger is kept from then on, up to twice as much.
"""

import math
import mmap
import weakref

import numpy as np

from dasp._private import malloc_trim

LEAST = 2**20
"""Bytes from which on memory comes from here: below, that of the C library is as quick."""

KEPT = 2**27
"""Bytes that are kept for the next results, at most. What is larger by itself never is."""

SPARE = 1.25
"""So many times as large as needed may be what was kept."""

LARGE_PAGE = 2**21

SEEN = 2**25 - 2**16
"""The largest piece that the C library takes note of, less what it adds."""

np.empty(SEEN, np.uint8)  # and away with it

_free: list["_Block"] = []


class _Block:
    """Pages of the system, of which the first large one begins where the block does."""

    def __init__(self, size: int):
        self.size = size
        private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}
        self.pages = mmap.mmap(-1, size + LARGE_PAGE, **private)  # touched nowhere else
        address = np.frombuffer(self.pages, np.uint8).ctypes.data
        self.offset = -address % LARGE_PAGE
        whole = size - size % LARGE_PAGE
        if whole:
            self.pages.madvise(mmap.MADV_HUGEPAGE, self.offset, whole)


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array of any numbers, as `numpy.empty` gives it."""
    size = math.prod(shape) * dtype.itemsize
    if not LEAST <= size <= KEPT or not _has_large_pages():
        return np.empty(shape, dtype)
    block = _kept(size)
    if block is None:
        try:
            block = _Block(size)
        except (OSError, ValueError):  # as many mappings as the system allows
            return np.empty(shape, dtype)
    array = np.ndarray(shape, dtype, block.pages, block.offset)
    weakref.finalize(array, _keep, block).atexit = False  # views, and tensors, hold the array
    return array


def _has_large_pages() -> bool:
    return hasattr(mmap, "MADV_HUGEPAGE")  # on Linux, unless the system was built without


def _kept(size: int) -> _Block | None:
    """The smallest block that is kept and large enough, and is not any more."""
    for block in sorted(_free.copy(), key=lambda block: block.size):
        if size <= block.size <= SPARE * size:
            try:
                _free.remove(block)
            except ValueError:  # another thread has it
                continue
            return block
    return None


def let_go() -> None:
    """Give what is kept back to the system, and what the C library keeps."""
    _free.clear()
    if trim := malloc_trim():
        trim(0)


def _keep(block: _Block) -> None:
    """Put a block by, and let those go that have lain the longest."""
    _free.append(block)
    while sum(block.size for block in _free.copy()) > KEPT:
        try:
            _free.pop(0)
        except IndexError:  # another thread has it
            return
