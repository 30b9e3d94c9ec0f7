"""Work in processes of its own: one that dies, or never ends, costs one job and no more."""

import gc
import json
import math
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from dasp.batch.job import Job, Outcome, Work, attempt, failed

START_S = 300.0
"""A process that has not come up after so many seconds never will."""

QUICK_S = 0.1
"""For jobs that take no longer, it matters that a process waits for the next one."""

_IN_A_PIPE = 2**12
"""Bytes of a text that a pipe takes on every system, beside another, before anyone reads it."""

_NO_START = "the processes of the batch do not start"


def in_processes(
    work: Work, jobs: Iterable[Job], *, workers: int, timeout_s: float | None = None
) -> Generator[Outcome, None, None]:
    """Every job with what came of it, in the order in which they end.

    A job whose process is killed, crashes, or takes longer than `timeout_s` has failed; another
    process takes its place. Closing the iterator, also by Ctrl-C, ends all of them. Jobs are
    taken from the iterable when a worker is free, but for one, which is at hand by then: what the
    iterable does for it, and its text, do not keep the worker waiting. A worker whose jobs are
    quick has the next one already when it ends the last, and does not wait at all.
    """
    todo = _Todo(jobs)
    limit_s = math.inf if timeout_s is None else timeout_s
    processes: list[_Process] = []

    def start() -> None:
        """Have a process for the next job, if there is one."""
        if (following := todo.take()) is not None:
            processes.append(_Process(work, limit_s))
            processes[-1].begin(following)

    def feed(process: _Process) -> None:
        """Give a process as many of the next jobs as it can have."""
        while process.has_room() and (following := todo.look_ahead()) is not None:
            if process.is_busy() and len(following.text) > _IN_A_PIPE:
                return
            process.begin(following)
            todo.take()

    try:
        for _ in range(workers):
            start()
        while busy := [process for process in processes if process.is_busy()]:
            if not all(process.has_next() for process in busy):
                todo.look_ahead()
            until = min(process.until for process in busy)
            patience = None if until == math.inf else max(0.0, until - time.monotonic())
            heard = wait([process.pipe for process in busy], patience)
            for process in busy:
                if (ended := process.ended(process.pipe in heard)) is None:
                    continue
                if process.is_fit():
                    feed(process)  # before anyone looks at what came of the last
                else:
                    todo.put_back(process.dismiss())
                    start()
                yield ended
    finally:
        for process in processes:
            process.kill()


class _Given(NamedTuple):
    """A job, with its text."""

    job: Job
    text: bytes


class _Todo:
    """Jobs that nobody has begun, of which one is at hand."""

    def __init__(self, jobs: Iterable[Job]):
        self._jobs = iter(jobs)
        self._at_hand: deque[_Given] = deque()

    def look_ahead(self) -> _Given | None:
        """Have the next job at hand; None where there is none left."""
        if not self._at_hand and (job := next(self._jobs, None)) is not None:
            self._at_hand.append(_Given(job, job.to_json()))
        return self._at_hand[0] if self._at_hand else None

    def take(self) -> _Given | None:
        """The next job; None where there is none left."""
        return None if self.look_ahead() is None else self._at_hand.popleft()

    def put_back(self, given: Iterable[_Given]) -> None:
        """Have jobs again that were given to a process, and never begun."""
        self._at_hand.extendleft(given)


class _Process:
    """A process that does one job after the other, as long as it lives."""

    def __init__(self, work: Work, limit_s: float):
        # Children of a server that has imported torch, and run nothing yet, are up at once.
        server = "forkserver" in multiprocessing.get_all_start_methods()
        # Of any kind: what all kinds have in common, as their types tell it, lacks `Process`.
        context: Any = multiprocessing.get_context("forkserver" if server else "spawn")
        context.set_forkserver_preload(["torch"])
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self.until = math.inf
        """When the process is given up."""
        self._jobs: deque[_Given] = deque()  # the first is under way
        self._since, self._last_s = time.monotonic(), math.inf
        self._limit_s, self._is_up, self._is_lost = limit_s, False, False
        self._process: BaseProcess = context.Process(
            target=_serve, args=(work, theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    def is_busy(self) -> bool:
        """Whether it has a job."""
        return bool(self._jobs)

    def has_next(self) -> bool:
        """Whether it has a job beside that under way."""
        return len(self._jobs) > 1

    def is_fit(self) -> bool:
        """Whether it can have another job."""
        return not self._is_lost and (self.is_busy() or self._process.is_alive())

    def has_room(self) -> bool:
        """Whether it has no job, or is quick and has no other than that under way."""
        return len(self._jobs) < (2 if self._last_s < QUICK_S else 1)

    def begin(self, given: _Given) -> None:
        """Give the process a job, as a text."""
        if not self._jobs:
            self._go_on(self._limit_s if self._is_up else START_S)
        self._jobs.append(given)
        with suppress(ConnectionError):  # It has died just now, and its end of the pipe will tell.
            self.pipe.send_bytes(given.text)

    def ended(self, is_heard: bool) -> Outcome | None:
        """The job under way and what came of it, if that is known: something is in the pipe."""
        try:
            message = self.pipe.recv_bytes() if is_heard else None
        except (EOFError, OSError):  # OSError: in the middle of a message.
            ended = self._how_it_ended()
            if not self._is_up:
                raise OSError(f"{_NO_START} ({ended})") from None
            return self._lost(f"its process died ({ended})")
        if message and self._is_up:
            self._last_s = time.monotonic() - self._since
            self._go_on(self._limit_s)
            return self._jobs.popleft().job, json.loads(message)
        if message:
            self._is_up = True
            self._go_on(self._limit_s)
        elif time.monotonic() > self.until and not self.pipe.poll():
            self.kill()
            if not self._is_up:
                raise OSError(f"{_NO_START} in {START_S:g} s")
            return self._lost(f"took longer than {self._limit_s:g} s")
        return None

    def dismiss(self) -> Iterable[_Given]:
        """The jobs that it has not begun, the last first; it has none any more."""
        left, self._jobs = self._jobs, deque()
        return reversed(left)

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()

    def _go_on(self, limit_s: float) -> None:
        """Begin to count the time of a job."""
        self._since = time.monotonic()
        self.until = self._since + limit_s

    def _lost(self, reason: str) -> Outcome:
        self._is_lost = True
        job = self._jobs.popleft().job
        return job, failed(f"{job.source}: {reason}")

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
    is_first = True
    while True:
        try:
            job = Job.from_json(pipe.recv_bytes())
        except EOFError:
            return
        pipe.send_bytes(json.dumps(attempt(work, job)).encode())
        if is_first:  # All is imported now, and need not be looked through for garbage again.
            gc.collect()
            gc.freeze()
            is_first = False


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
