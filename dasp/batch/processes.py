"""Work in processes of its own: one that dies, or never ends, costs one job and no more."""

import json
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from dasp.batch.job import Job, Work, attempt, failed

START_S = 300.0
"""A process that has not come up after so many seconds never will."""

_NO_START = "the processes of the batch do not start"


def in_processes(
    work: Work, jobs: Iterable[Job], *, workers: int, timeout_s: float | None = None
) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Every job with what came of it, in the order in which they end.

    A job whose process is killed, crashes, or takes longer than `timeout_s` has failed; another
    process takes its place. Closing the iterator, also by Ctrl-C, ends all of them. Jobs are
    taken from the iterable only when a worker is free.
    """
    todo = iter(jobs)
    limit_s = math.inf if timeout_s is None else timeout_s
    pool = [_Worker(work, limit_s) for _ in range(workers)]
    try:
        for worker in pool:
            worker.begin(next(todo, None))
        while busy := [worker for worker in pool if worker.job is not None]:
            until = min(worker.until for worker in busy)
            patience = None if until == math.inf else max(0.0, until - time.monotonic())
            wait([worker.pipe for worker in busy], patience)
            for worker in busy:
                if (outcome := worker.outcome()) is not None:
                    job = worker.job
                    worker.begin(next(todo, None))  # before anyone looks at what came of the last
                    yield job, outcome
    finally:
        for worker in pool:
            worker.close()


class _Worker:
    """A process, started when there is work, and again when it has died; and its job."""

    def __init__(self, work: Work, limit_s: float):
        self._work, self._limit_s = work, limit_s
        self._process, self._is_up = None, False
        self.pipe: Connection | None = None
        self.job: Job | None = None
        self.until = math.inf
        """When the process is given up."""

    def begin(self, job: Job | None) -> None:
        """Give the process a job, or none."""
        self.job = job
        if job is None:
            return
        if self._process is None or not self._process.is_alive():
            self._start()
        self.until = time.monotonic() + (self._limit_s if self._is_up else START_S)
        with suppress(ConnectionError):  # It has died just now, and its end of the pipe will tell.
            self.pipe.send_bytes(job.to_json())

    def outcome(self) -> dict[str, Any] | None:
        """What came of the job, if that is known already."""
        try:
            message = self.pipe.recv_bytes() if self.pipe.poll() else None
        except (EOFError, OSError):  # OSError: in the middle of a message.
            if not self._is_up:
                raise OSError(f"{_NO_START} ({self._how_it_ended()})") from None
            return self._given_up(f"its process died ({self._how_it_ended()})")
        if message and self._is_up:
            return json.loads(message)
        if message:
            self._is_up, self.until = True, time.monotonic() + self._limit_s
        elif time.monotonic() > self.until:
            self.close()
            if not self._is_up:
                raise OSError(f"{_NO_START} in {START_S:g} s")
            return self._given_up(f"took longer than {self._limit_s:g} s")
        return None

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()

    def _start(self) -> None:
        # Children of a server that has imported torch, and run nothing yet, are up at once.
        server = "forkserver" in multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if server else "spawn")
        context.set_forkserver_preload(["torch"])
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._work, theirs), daemon=True)
        self._process.start()
        self._is_up = False
        theirs.close()

    def _given_up(self, reason: str) -> dict[str, Any]:
        self._process = None
        return failed(f"{self.job.source}: {reason}")

    def _how_it_ended(self) -> str:
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
