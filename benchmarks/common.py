"""What all benchmarks share: a piece of work, its contenders in turn, and what is recorded."""

import ctypes
import gc
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dasp.signal.backends._memory import let_go

THREADS = 2
PEERS = ("dasp-pytorch", "diffFx-pytorch", "torchcomp", "torchlpc", "philtorch", "pedalboard")
LIBRARIES = ("torch", "numpy", "scipy", "numba", *PEERS)

ROUNDS, LEAST_ROUNDS = 21, 3
SECONDS_EACH = 3.0
"""A contender that has used up its seconds sits out the rounds after the first `LEAST_ROUNDS`."""

Call = Callable[[], object]


@dataclass(frozen=True)
class Contender:
    """One way to do a piece of work.

    `prepare` imports what it needs and makes its inputs; what it returns is timed, and gives the
    signal that is compared with the reference. `note` says where the work is not the same.
    """

    name: str
    prepare: Callable[[], Call]
    note: str = ""


@dataclass(frozen=True)
class Work:
    """Something that several libraries can do, and its answer in float64 if there is one.

    `signals` counts how often a signal of the size of the input has at least to be read or
    written, each time `signal_bytes`: the time of that is the floor under every implementation.
    `operations` are those of arithmetic that the work cannot do without.
    """

    name: str
    title: str
    contenders: tuple[Contender, ...]
    reference: Callable[[], np.ndarray] | None = None
    signal_bytes: int = 0
    signals: int = 2
    operations: float = 0
    memory: bool = False


def measure(module: str, work: Work, quick: bool) -> dict:
    """The record of a piece of work: every contender's times, error, and memory if asked for."""
    reference = work.reference() if work.reference else None
    rows, calls = {}, {}
    for contender in work.contenders:
        row = rows[contender.name] = {"name": contender.name, "note": contender.note}
        try:
            call = contender.prepare()
            result = call()
        except Exception as error:  # whatever a peer throws is its result
            row["status"] = failure(error)
            continue
        row["status"] = "ok"
        if reference is not None and result is not None:
            row["error_db"] = error_db(as_array(result), reference)
        calls[contender.name] = call
    for name, seconds in alternate(calls, *((3, 0.2) if quick else (ROUNDS, SECONDS_EACH))).items():
        rows[name] |= summary(seconds)
    if work.memory:
        for name in calls:
            rows[name]["peak_bytes"] = peak_memory_alone(module, work.name, name, quick)
    return {
        "name": work.name,
        "title": work.title,
        "least_bytes": work.signals * work.signal_bytes,
        "least_operations": work.operations,
        "results": list(rows.values()),
    }


def alternate(calls: dict[str, Call], rounds: int, seconds_each: float) -> dict[str, list[float]]:
    """Times of each call, in rounds in which all have a turn; each round starts one place later."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            start = turn % max(len(names), 1)
            for name in names[start:] + names[:start]:
                if len(times[name]) < LEAST_ROUNDS or sum(times[name]) < seconds_each:
                    begin = time.perf_counter()
                    calls[name]()
                    times[name].append(time.perf_counter() - begin)
    finally:
        gc.enable()
    return times


def summary(seconds: list[float]) -> dict:
    """The median, and the quartiles around it."""
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return {
        "median_s": statistics.median(seconds),
        "quartiles_s": [low, high],
        "rounds": len(seconds),
    }


def error_db(y: np.ndarray, reference: np.ndarray) -> float:
    """Energy of the error over that of the reference, in dB."""
    error = np.sum((y.astype(np.float64) - reference) ** 2) / np.sum(reference**2)
    return 10 * np.log10(max(error, 1e-40)).item()


def as_array(result: object) -> np.ndarray:
    """A peer's result as NumPy has it."""
    return result.detach().numpy() if isinstance(result, torch.Tensor) else np.asarray(result)


def failure(error: Exception) -> str:
    """Why a contender has no time, without the paths of this machine."""
    if isinstance(error, ModuleNotFoundError):
        return f"not installed ({error.name})"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "refused: " + re.sub(r"(?:/[^\s/'\":]+)+/", "", lines[0])[:120]


def use_threads(threads: int) -> None:
    """Let torch, and the peers that numba compiles, run on so many threads."""
    import numba

    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))


# Memory


def peak_memory(call: Call) -> int | None:
    """Bytes by which `call` raises the resident set above what it was, at most; on Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    gc.collect()
    let_go()
    ctypes.CDLL(None).malloc_trim(0)  # or what earlier work has left would hide the new
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts from here

    def kilobytes(field: str) -> int:
        return int(re.search(rf"{field}:\s+(\d+) kB", status.read_text())[1])

    before = kilobytes("VmRSS")
    call()
    return 1024 * (kilobytes("VmHWM") - before)


def peak_memory_alone(module: str, work: str, contender: str, quick: bool) -> int | None:
    """The peak memory of one contender in a process of its own."""
    arguments = [module, work, contender, *(["--quick"] if quick else [])]
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.peak_memory", *arguments]
    environment = {**os.environ, "GLIBC_TUNABLES": ""}  # what is small would fill a large page
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


# Where and with what


def environment() -> dict:
    """Versions and machine. Nothing in it names a person, a host or a place."""
    return {
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.system(),
        "threads": torch.get_num_threads(),
        "load_before": round(os.getloadavg()[0], 1),
        "copy_bytes_per_s": copy_bandwidth(),
        "peak_operations_per_s": peak_arithmetic(),
    }


def version(distribution: str) -> str:
    """The installed version, or that there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def cpu_model() -> str:
    """The processor in words."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def copy_bandwidth(size: int = 2**26) -> float:
    """Bytes that are read and written in a second by copying float32 too large for a cache."""
    source, target = torch.zeros(size), torch.zeros(size)
    seconds = alternate({"copy": lambda: target.copy_(source)}, 7, 1.0)["copy"]
    return 2 * 4 * size / statistics.median(seconds)


def peak_arithmetic(size: int = 2048) -> float:
    """Operations in a second of a matrix product in float64: as many as arithmetic can do."""
    a = torch.rand(size, size, dtype=torch.float64)
    seconds = alternate({"product": lambda: a @ a}, 7, 2.0)["product"]
    return 2 * size**3 / statistics.median(seconds)
