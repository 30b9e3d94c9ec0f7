"""Work for batches in tests: it writes what it is told, and some jobs do not survive it."""

import ctypes
import os
import signal
import time
from dataclasses import dataclass

from dasp.audio_io import UNFINISHED, whole
from dasp.batch.job import Job


@dataclass(frozen=True)
class Upper:
    """Writes the text of the source in capitals; a text that is the name of a fault has it."""

    style: str = "plain"
    overwrite: bool = False

    def __call__(self, job: Job) -> dict:
        text = job.source.read_text()
        target = job.targets[0]
        target.parent.mkdir(parents=True, exist_ok=True)
        if text in FAULTS:
            target.with_name(f".{target.name}.0123{UNFINISHED}").write_text("half of a")
            FAULTS[text]()
        with whole(target) as unfinished:
            unfinished.write_text(text.upper())
        return {"length": len(text), "over": 0, "gain_db": 0.0}

    def reads(self, job: Job) -> list:
        return [job.source]


def _raise(error):
    raise error


FAULTS = {
    "is killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crashes": lambda: ctypes.string_at(0),
    "ends": lambda: os._exit(3),
    "is stuck": lambda: time.sleep(1000),
    "is mistaken": lambda: _raise(KeyError("a mistake in the code")),
    "has no memory": lambda: _raise(MemoryError()),
    "is refused": lambda: _raise(ValueError("no good")),
}


def jobs_for(folder, texts) -> list[Job]:
    """A job for each text."""
    (folder / "in").mkdir()
    jobs = []
    for number, text in enumerate(texts):
        source = folder / "in" / f"{number:03}.txt"
        source.write_text(text)
        jobs.append(Job(source, (folder / "out" / source.name,)))
    return jobs
