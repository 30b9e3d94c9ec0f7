"""How time and memory of dasp grow with the work, forward without gradients.

Every series has a process of its own: `python -m benchmarks.scaling SERIES [--quick]`.
"""

import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.common import THREADS, alternate, peak_memory, use_threads
from benchmarks.settings import (
    SAMPLE_RATE,
    bursts,
    compressor_settings,
    eq_settings,
    noise,
)
from dasp.functional import compressor, parametric_eq
from dasp.signal.biquad import design_peak
from dasp.signal.fftconv import fft_convolve
from dasp.signal.iir import sosfilt

LINEAR_FROM_S = 10
"""From this length on, time and memory are to grow in proportion to it."""

SET_BYTES = 2**27
"""Audio in a set that is worked through: more than a cache holds."""

SET_ROUNDS = 5


def _eq(x: Tensor) -> Tensor:
    return parametric_eq(x, SAMPLE_RATE, **eq_settings(len(x)))


def _compressor(x: Tensor) -> Tensor:
    return compressor(x, SAMPLE_RATE, **compressor_settings(len(x)))


def _convolution(response: Tensor, x: Tensor) -> Tensor:
    return fft_convolve(x, response)


def _sections(count: int, x: Tensor) -> Tensor:
    freq_hz = torch.logspace(2, 4, count)
    sos = design_peak(freq_hz, SAMPLE_RATE, gain_db=1.0, q=2.0)
    return sosfilt(x, sos.flatten(0, 1))[0]


KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "six-band EQ": _eq,
    "compressor": _compressor,
    "convolution, 65,536 taps": partial(_convolution, noise(65_536, seed=4)),
}


def series(quick: bool) -> dict[str, dict]:
    """What grows, in which unit, over which values, and the work at each value."""
    second = SAMPLE_RATE // 100 if quick else SAMPLE_RATE
    lengths, batches = (1, 10, 60, 600, 3600), (1, 4, 16, 64, 256)
    found = {}
    for name, kernel in KERNELS.items():
        found |= {
            f"{name} / length": {
                "values": lengths, "unit": "s of mono audio",
                "work": lambda n, k=kernel: partial(k, bursts(1, 1, n * second)),
            },
            f"{name} / batch": {
                "values": batches, "unit": "items of 1 s stereo",
                "work": lambda n, k=kernel: partial(k, bursts(n, 2, second)),
            },
            f"{name} / channels": {
                "values": (1, 2, 8, 32), "unit": "channels of 10 s",
                "work": lambda n, k=kernel: partial(k, bursts(1, n, 10 * second)),
            },
            f"{name} / threads": {
                "values": (1, THREADS), "unit": "threads, 8 items of 10 s stereo",
                "work": lambda n, k=kernel: partial(_with_threads, n, k, bursts(8, 2, 10 * second)),
            },
        }  # fmt: skip
    found["filter cascade / sections"] = {
        "values": (1, 2, 4, 8, 16, 32), "unit": "sections on 8 items of 3 s stereo",
        "work": lambda n: partial(_sections, n, bursts(8, 2, 3 * second)),
    }  # fmt: skip
    return found


def _with_threads(threads: int, kernel: Callable, x: Tensor) -> None:
    use_threads(threads)
    kernel(x)
    use_threads(THREADS)


def measure_series(name: str, quick: bool) -> dict:
    """Time and peak memory at every value of a series."""
    one = series(quick)[name]
    points = []
    for value in one["values"]:
        call = torch.inference_mode()(work := one["work"](value))
        call()
        points.append(
            {
                "value": value,
                "peak_bytes": peak_memory(call),
                "signal_bytes": work.args[-1].nbytes,
                "page_faults": page_faults(call),
            }
        )
    keep_free_memory()
    for point in points:
        value = point["value"]
        call = torch.inference_mode()(one["work"](value))
        call()
        rounds, seconds = (3, 0.1) if quick else (9, 1.0)
        point["median_s"] = statistics.median(alternate({"dasp": call}, rounds, seconds)["dasp"])
        if is_linear(name, value):
            point["in_a_set_s"] = time_in_a_set(lambda n=value: one["work"](n), quick)
    return {"name": name, "unit": one["unit"], "points": points}


def keep_free_memory() -> None:
    """Let the process keep what is free, so that large results use old memory as small ones do."""
    if hasattr(c_library := ctypes.CDLL(None), "mallopt"):
        trim_threshold, mmap_max = -1, -4
        c_library.mallopt(trim_threshold, 2**31 - 1)
        c_library.mallopt(mmap_max, 0)


def time_in_a_set(make_work: Callable[[], partial], quick: bool) -> float:
    """The median time of a call that works through audio of its own and whose result is kept.

    The set is as large whatever the calls are, so that small ones do not find in the cache what
    the call before has left there.
    """
    works = [make_work()]
    while not quick and sum(work.args[-1].nbytes for work in works) < SET_BYTES:
        works.append(make_work())
    results, times = [None] * len(works), []
    with torch.inference_mode():
        for _ in range(1 + SET_ROUNDS):
            for i, work in enumerate(works):
                begin = time.perf_counter()
                results[i] = work()
                times.append(time.perf_counter() - begin)
    return statistics.median(times[len(works) :])


def page_faults(call: Callable) -> float:
    """Pages that the system hands out during a call: new memory for what is large."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def is_linear(name: str, value: int) -> bool:
    """Whether the cost of a point is to be in proportion to its value."""
    return name.endswith((" / length", " / batch")) and value >= LINEAR_FROM_S


def measure_all(quick: bool) -> list[dict]:
    """All series, each in its process, so that none has the memory of another."""
    options = ["--quick"] if quick else []
    found = []
    for name in series(quick):
        print(f"  {name} ...", flush=True)
        command = [sys.executable, "-m", "benchmarks.scaling", name, *options]
        environment = {**os.environ, "GLIBC_TUNABLES": ""}  # what is small would fill a large page
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def growth(points: list[dict], field: str) -> float:
    """The most that a unit of work costs, against its cost in the first point: 1 is linear."""
    costs = [point[field] / point["value"] for point in points]
    return max(costs) / costs[0]


if __name__ == "__main__":
    use_threads(THREADS)
    print(json.dumps(measure_series(sys.argv[1], "--quick" in sys.argv)))
