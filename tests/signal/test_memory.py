"""Memory for results: kept from one call to the next, and never seen by two at once."""

import gc
import mmap
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from dasp._private import malloc_trim
from dasp.signal.backends import _memory
from dasp.signal.backends._memory import KEPT, LEAST, empty

SINGLE = np.dtype(np.float32)

has_large_pages = pytest.mark.skipif(
    not hasattr(mmap, "MADV_HUGEPAGE"), reason="the system has no large pages to ask for"
)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    gc.collect()
    monkeypatch.setattr(_memory, "_free", [])


def address(array):
    return array.ctypes.data


@pytest.mark.parametrize("shape", [(), (0,), (3, 5), (2, LEAST), (7, 1, LEAST // 8 + 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_an_array_is_what_was_asked_for_and_can_be_written(shape, dtype):
    array = empty(shape, np.dtype(dtype))
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    array[...] = 3
    assert (array == 3).all()


@has_large_pages
def test_what_nobody_holds_is_used_again():
    first = empty((2, LEAST), SINGLE)
    place = address(first)
    assert place % 2**21 == 0
    del first
    assert address(empty((LEAST, 2), SINGLE)) == place


@has_large_pages
@pytest.mark.parametrize("hold", [torch.from_numpy, lambda a: a[3:], lambda a: memoryview(a[:1])])
def test_what_somebody_holds_in_any_way_is_not(hold):
    first = empty((64, LEAST), SINGLE)
    place, held = address(first), hold(first)
    del first
    assert address(empty((64, LEAST), SINGLE)) != place
    del held
    assert address(empty((64, LEAST), SINGLE)) == place


@has_large_pages
def test_no_more_is_kept_than_is_said():
    arrays = [empty((LEAST,), SINGLE) for _ in range(KEPT // LEAST)]
    del arrays
    assert sum(block.size for block in _memory._free) <= KEPT
    large = empty((KEPT // 4 + 1,), SINGLE)
    del large
    assert max(block.size for block in _memory._free) <= KEPT


PEAK_OF_TWO_STEPS = """
import numpy as np, sys
from dasp.signal.backends._memory import empty, let_go
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
begin, single = resident(), np.dtype(np.float32)
kept = [empty((2**20,), single) for _ in range(16)]
small = [np.ones(2**13) for _ in range(4096)]  # the C library keeps what lies under the last
last = np.ones(2**13)
for array in kept: array[:] = 1
del array, kept, small
held = resident() - begin
let_go()
print(held, resident() - begin)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.skipif(malloc_trim() is None, reason="the C library is not GNU's")
def test_what_is_let_go_is_the_systems():
    done = subprocess.run(
        [sys.executable, "-c", PEAK_OF_TWO_STEPS], capture_output=True, text=True, check=True
    )
    held, left = map(int, done.stdout.split())
    assert held > 150 * 2**20  # 64 MB of pages, and 256 MB of the C library
    assert left < held / 4


def test_threads_have_memory_of_their_own():
    def fill(number):
        array = empty((LEAST,), SINGLE)
        array[:] = number
        return (array == number).all()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(fill, range(200)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_does_not_write_into_the_memory_of_its_parent():
    code = """
        import os
        import numpy as np
        from dasp.signal.backends._memory import empty
        empty((2**21,), np.dtype("f4"))[:] = 1  # kept, and found again on both sides
        array = empty((2**21,), np.dtype("f4"))
        array[:] = 2
        if os.fork() == 0:
            array[:] = 3
            empty((2**21,), np.dtype("f4"))[:] = 4
            os._exit(0)
        os.wait()
        print((array == 2).all())
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    assert subprocess.check_output(command, text=True, encoding="utf-8").strip() == "True"


def test_without_large_pages_memory_is_that_of_numpy(monkeypatch):
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    array = empty((LEAST,), SINGLE)
    assert array.base is None


@has_large_pages
def test_where_the_system_has_no_more_mappings_memory_is_that_of_numpy(monkeypatch):
    def refused(*_):
        raise OSError("no")

    monkeypatch.setattr(_memory, "_Block", refused)
    assert empty((LEAST,), SINGLE).base is None


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults, as Linux does")
@pytest.mark.numba
def test_calls_after_the_first_touch_no_fresh_pages():
    """Of the results and of torch's own operations, where others free memory in between."""
    code = """
        import resource, torch
        from dasp.signal import use_kernels
        from dasp.signal.fftconv import fft_convolve
        from dasp.signal.smoothing import linear_recurrence
        torch.set_num_threads(1)
        use_kernels("numba")
        a = torch.full((8, 2**17), 0.9, requires_grad=True)
        h = torch.ones(1000)

        def call():
            y, _ = linear_recurrence(a, a)
            torch.autograd.grad(y, a, a)
            with torch.no_grad():
                fft_convolve(a, h)

        for _ in range(3):
            call()
        calls = 40  # between some, the system takes pages back, or makes large ones of small ones
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(calls):
            call()
        pages = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / calls
        print(pages * resource.getpagesize() / a.nbytes)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    environment = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"}
    fresh = float(subprocess.check_output(command, text=True, encoding="utf-8", env=environment))
    assert fresh < 0.5  # of one signal; there are a dozen
