"""Work shared out among the threads that torch computes on.

After an operation they go on spinning for some milliseconds, in wait for the next. Threads of our
own would have to share the processor with them, and take up to twice as long.

Where other programs want the processor, each also spins while the system lets another wait, and
work costs up to twice what it costs on a quiet machine. There the threads are our own, which sleep
in wait for each other. What torch's operations cost, nobody can change who has not started the
program; many small ones, as descents are made of, belong on one thread (`one_thread`).
"""

import functools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import torch

from dasp._private import CALLBACK, gomp_parallel

LOADS = "/proc/loadavg"
"""On Linux: three means of the load, and how many threads want a processor now, "3/512"."""

LOOK_EVERY_S = 0.01

_is_fork = False
_busy, _look_again_s = False, 0.0


def run_together(tasks: list[Callable[[], None]]) -> None:
    """Run each task on a thread, one of them the caller's, and wait for all.

    The first exception of any is raised.
    """
    todo, errors = list(tasks), []

    def work(_: None) -> None:
        try:
            while True:
                try:
                    task = todo.pop()
                except IndexError:
                    return
                task()
        except BaseException as error:  # there is C between here and the caller
            errors.append(error)

    parallel = None if _is_fork or is_crowded() else gomp_parallel()
    if parallel:
        parallel(CALLBACK(work), None, len(tasks), 0)
    else:
        others = [_helpers(len(tasks) - 1).submit(work, None) for _ in tasks[1:]]
        work(None)
        wait(others)
    if errors:
        raise errors[0]


def is_crowded() -> bool:
    """Whether more threads of all programs want a processor than there are; no, if none can tell.

    The threads of torch that spin in wait for work are some of them, but no more than processors.
    """
    global _busy, _look_again_s
    now_s = time.monotonic()
    if now_s >= _look_again_s:
        _look_again_s = now_s + LOOK_EVERY_S
        try:
            with open(LOADS, encoding="ascii") as file:
                _busy = int(file.read().split()[3].split("/")[0]) > (os.cpu_count() or 1)
        except (OSError, ValueError, IndexError):
            _busy = False
    return _busy


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on the caller's thread alone, and as before at the end.

    No thread spins in wait for another, and sums do not depend on how many there would be.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def _helpers(count: int) -> ThreadPoolExecutor:
    """Threads of Python's that wait for work, which costs less than to start them for it."""
    return ThreadPoolExecutor(count, thread_name_prefix="dasp")


def _begin_fork() -> None:
    """Threads stay with the parent; OpenMP does not know, and would wait for its own for ever."""
    global _is_fork
    _is_fork = True
    _helpers.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_fork)
