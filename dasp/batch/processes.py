"""Work in processes of its own: one that dies, or never ends, costs one job and no more."""

import json
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from dasp.batch.job import Job, Work, attempt, failed

START_S = 300.0
"""A process that has not come up after so many seconds never will."""

_STARTING = threading.Lock()
"""multiprocessing keeps a list of processes that only one thread at a time may work on."""


def in_processes(
    work: Work, jobs: Iterable[Job], *, workers: int, timeout_s: float | None = None
) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Every job with what came of it, in the order in which they end.

    A job whose process is killed, crashes, or takes longer than `timeout_s` has failed; another
    process takes its place. Closing the iterator, also by Ctrl-C, ends all of them. Jobs are
    taken from the iterable only when a worker is free, and by one thread at a time.
    """
    todo, lock = iter(jobs), threading.Lock()
    results: queue.SimpleQueue = queue.SimpleQueue()
    pool = [_Worker(work) for _ in range(workers)]

    def serve(worker: _Worker) -> None:
        try:
            while not worker.closed and (job := _next(todo, lock)) is not None:
                results.put((job, worker.do(job, timeout_s)))
            results.put(None)
        except BaseException as error:  # For the thread that is waiting.
            results.put(error)

    threads = [threading.Thread(target=serve, args=(worker,), daemon=True) for worker in pool]
    try:
        for thread in threads:
            thread.start()
        running = len(threads)
        while running:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                running -= 1
            else:
                yield result
    finally:
        for worker in pool:
            worker.close()
        for thread in threads:
            thread.join(5)


def _next(todo: Iterator[Job], lock: threading.Lock) -> Job | None:
    with lock:
        return next(todo, None)


class _Worker:
    """A process, started when there is work, and again when it has died."""

    def __init__(self, work: Work):
        self._work = work
        self._process = self._pipe = None
        self.closed = False

    def do(self, job: Job, timeout_s: float | None) -> dict[str, Any]:
        """What came of a job."""
        try:
            self._ensure_running()
            self._pipe.send_bytes(job.to_json())
            if self._pipe.poll(timeout_s):
                return json.loads(self._pipe.recv_bytes())
            reason = f"took longer than {timeout_s:g} s"
            self._process.kill()
        except (EOFError, BrokenPipeError, ConnectionError):
            reason = f"its process died ({self._how_it_ended()})"
        self._process = None
        return failed(f"{job.source}: {reason}")

    def close(self) -> None:
        """End the process, whatever it is doing."""
        with _STARTING:
            self.closed = True
            if self._process is not None:
                self._process.kill()

    def _ensure_running(self) -> None:
        with _STARTING:
            if self.closed:
                raise EOFError
            if self._process is not None and self._process.is_alive():
                return
            # Children of a server that has imported torch, and run nothing yet, are up at once.
            server = "forkserver" in multiprocessing.get_all_start_methods()
            context = multiprocessing.get_context("forkserver" if server else "spawn")
            context.set_forkserver_preload(["torch"])
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(self._work, theirs), daemon=True)
            self._process.start()
            theirs.close()
        try:
            is_up = self._pipe.poll(START_S) and self._pipe.recv_bytes()
        except (EOFError, ConnectionError):
            is_up = False
        if not is_up and not self.closed:
            raise OSError(f"the processes of the batch do not start ({self._how_it_ended()})")

    def _how_it_ended(self) -> str:
        with _STARTING:
            if self._process is None:
                return "stopped"
            self._process.join(5)
            code = self._process.exitcode
        if code is None or code >= 0:
            return f"exit status {code}"
        return signal.Signals(-code).name


def _serve(work: Work, pipe: Connection) -> None:
    """What a process does with its life."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started all.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)  # The cores are for files; and sums do not depend on their number.
    pipe.send_bytes(b"up")
    while True:
        try:
            job = Job.from_json(pipe.recv_bytes())
        except EOFError:
            return
        pipe.send_bytes(json.dumps(attempt(work, job)).encode())


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
