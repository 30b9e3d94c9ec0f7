"""Work that leaves Python for most of its time, on several cores of one process."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> list[Result]:
    """The results in the order of the items; what is allowed here is allowed in each thread."""
    with ThreadPoolExecutor(workers) as pool:
        begun = [pool.submit(copy_context().run, function, item) for item in items]
        return [one.result() for one in begun]
