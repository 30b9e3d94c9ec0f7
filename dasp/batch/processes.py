"""Work in processes of its own: one that dies, or never ends, costs one job and no more."""

import gc
import json
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from dasp.batch.job import Job, Outcome, Work, attempt, failed

START_S = 300.0
"""A process that has not come up after so many seconds never will."""

_NO_START = "the processes of the batch do not start"


def in_processes(
    work: Work, jobs: Iterable[Job], *, workers: int, timeout_s: float | None = None
) -> Generator[Outcome, None, None]:
    """Every job with what came of it, in the order in which they end.

    A job whose process is killed, crashes, or takes longer than `timeout_s` has failed; another
    process takes its place. Closing the iterator, also by Ctrl-C, ends all of them. Jobs are
    taken from the iterable when a worker is free, but for one, which is at hand by then: what the
    iterable does for it, and its text, do not keep the worker waiting.
    """
    todo = _Todo(jobs)
    limit_s = math.inf if timeout_s is None else timeout_s
    started: list[_Process] = []
    running: dict[_Process, Job] = {}

    def begin(process: _Process | None = None) -> None:
        """Give a process the next job, if there is one; another, if this one is lost."""
        following = todo.take()
        if following is None:
            return
        if process is None or not process.is_fit():
            process = _Process(work, limit_s)
            started.append(process)
        running[process], text = following
        process.begin(text)

    try:
        for _ in range(workers):
            begin()
        while running:
            todo.look_ahead()
            until = min(process.until for process in running)
            patience = None if until == math.inf else max(0.0, until - time.monotonic())
            heard = wait([process.pipe for process in running], patience)
            for process, job in list(running.items()):
                if (outcome := process.outcome(job, process.pipe in heard)) is not None:
                    del running[process]
                    begin(process)  # before anyone looks at what came of the last
                    yield job, outcome
    finally:
        for process in started:
            process.kill()


class _Todo:
    """Jobs that nobody has begun, with their texts, of which one is at hand."""

    def __init__(self, jobs: Iterable[Job]):
        self._jobs = iter(jobs)
        self._at_hand: tuple[Job, bytes] | None = None

    def look_ahead(self) -> None:
        """Have the next job at hand, if there is one."""
        if self._at_hand is None and (job := next(self._jobs, None)) is not None:
            self._at_hand = job, job.to_json()

    def take(self) -> tuple[Job, bytes] | None:
        """The next job; None where there is none left."""
        self.look_ahead()
        following, self._at_hand = self._at_hand, None
        return following


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
        self._limit_s, self._is_up, self._is_lost = limit_s, False, False
        self._process: BaseProcess = context.Process(
            target=_serve, args=(work, theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    def is_fit(self) -> bool:
        """Whether it can have another job."""
        return not self._is_lost and self._process.is_alive()

    def begin(self, job: bytes) -> None:
        """Give the process a job, as a text."""
        self.until = time.monotonic() + (self._limit_s if self._is_up else START_S)
        with suppress(ConnectionError):  # It has died just now, and its end of the pipe will tell.
            self.pipe.send_bytes(job)

    def outcome(self, job: Job, is_heard: bool) -> dict[str, Any] | None:
        """What came of the job, if that is known already: something `is_heard` in the pipe."""
        try:
            message = self.pipe.recv_bytes() if is_heard else None
        except (EOFError, OSError):  # OSError: in the middle of a message.
            ended = self._how_it_ended()
            if not self._is_up:
                raise OSError(f"{_NO_START} ({ended})") from None
            return self._lost(job, f"its process died ({ended})")
        if message and self._is_up:
            return json.loads(message)
        if message:
            self._is_up, self.until = True, time.monotonic() + self._limit_s
        elif time.monotonic() > self.until and not self.pipe.poll():
            self.kill()
            if not self._is_up:
                raise OSError(f"{_NO_START} in {START_S:g} s")
            return self._lost(job, f"took longer than {self._limit_s:g} s")
        return None

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()

    def _lost(self, job: Job, reason: str) -> dict[str, Any]:
        self._is_lost = True
        return failed(f"{job.source}: {reason}")

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
