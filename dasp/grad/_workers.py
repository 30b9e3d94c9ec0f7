"""Processes that may crash or hang without harm to the one that asked them."""

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

# Copying a process that has threads, as torch has, can leave the copy waiting for ever.
_processes = multiprocessing.get_context("spawn")


class Workers:
    """A function in several processes, which start at the first call and end with this one.

    A process that crashed, or is later than `timeout_s`, is ended: the call is an error, and the
    next one starts another process. The function goes there by its name, so that it must stand in
    a module; a script needs `if __name__ == "__main__":` around what it runs.
    """

    def __init__(self, function: Callable, workers: int, timeout_s: float | None):
        self.function, self.workers, self.timeout_s = function, workers, timeout_s
        self._idle: SimpleQueue[_Worker | None] = SimpleQueue()
        for _ in range(workers):
            self._idle.put(None)

    def __reduce__(self):
        return Workers, (self.function, self.workers, self.timeout_s)  # with processes of its own

    def map(self, calls: Iterable[tuple[tuple, dict]]) -> list[Any]:
        """`function(*args, **keywords)` of every call, in order; the first error is raised."""
        # One thread waits for each process.
        with ThreadPoolExecutor(self.workers) as threads:
            try:
                return list(threads.map(self._call, calls))
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _call(self, call: tuple[tuple, dict]) -> Any:
        worker = self._idle.get()
        try:
            worker = worker or _Worker(self.function)
            result = worker.call(call, self.timeout_s)
        except BaseException:
            if worker:
                worker.end()
            self._idle.put(None)
            raise
        self._idle.put(worker)
        if isinstance(result, Exception):
            raise result
        return result


class _Worker:
    def __init__(self, function: Callable):
        self.connection, theirs = _processes.Pipe()
        self.process = _processes.Process(target=_serve, args=(function, theirs), daemon=True)
        self.process.start()
        theirs.close()  # Or the end of the process would not be noticed.
        self.is_ready = False

    def call(self, call: tuple[tuple, dict], timeout_s: float | None) -> Any:
        try:
            if not self.is_ready:  # Its start does not count.
                self.connection.recv()
                self.is_ready = True
            self.connection.send(call)
            if not self.connection.poll(timeout_s):
                raise TimeoutError(f"no answer within {timeout_s:g} s")
            return self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            code = self.process.exitcode or 0
            how = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
            raise ChildProcessError(f"its process ended ({how})") from None

    def end(self) -> None:
        self.process.kill()
        self.connection.close()


def _serve(function: Callable, connection) -> None:
    connection.send(None)
    while True:
        try:
            args, keywords = connection.recv()
        except EOFError:
            return
        try:
            result = function(*args, **keywords)
        except Exception as error:
            # As text: an exception of a foreign library may not survive the journey.
            result = RuntimeError(f"{type(error).__name__}: {error}")
        connection.send(result)
