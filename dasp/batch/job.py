"""A job: what is read, what is written, and what makes the one of the other."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Protocol

from dasp.audio_io import AudioFileError
from dasp.signal import compile_first


@dataclass(frozen=True)
class Job:
    """One file, or one folder, that becomes one file or several."""

    source: Path
    targets: tuple[Path, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What this job has of its own, beside what the work does to all."""

    def to_json(self) -> bytes:
        """The job as a text, for another process."""
        targets = [str(target) for target in self.targets]
        return json.dumps([str(self.source), targets, dict(self.settings)]).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Job":
        """The job of `to_json`."""
        source, targets, settings = json.loads(text)
        return cls(Path(source), tuple(map(Path, targets)), settings)


Outcome = tuple[Job, dict[str, Any]]
"""A job with what came of it, as `attempt` and `failed` tell it."""


class Work(Protocol):
    """What is done to every job, a dataclass. It can be sent to another process.

    The targets depend on its fields but for `overwrite`, on what is read and on the job's settings.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __call__(self, job: Job) -> dict[str, Any]:
        """Write the targets, whole or not at all, and tell what a person may want to know."""

    def reads(self, job: Job) -> list[Path]:
        """The files that a job is made from."""


def attempt(work: Work, job: Job) -> dict[str, Any]:
    """What came of a job: "ok" with the digests of its targets, or "failed" with the reason."""
    try:
        with compile_first():
            facts = work(job)
        return {"status": "ok", "digests": [digest(target) for target in job.targets], **facts}
    except AudioFileError as error:
        return failed(str(error))
    except (ValueError, OSError) as error:
        return failed(f"{job.source}: {error}")
    except Exception as error:  # One file's trouble, of whatever kind, is not the next one's.
        return failed(f"{job.source}: {type(error).__name__}: {error}")


def failed(reason: str) -> dict[str, Any]:
    """What came of a job that was not done."""
    return {"status": "failed", "reason": reason}


def fingerprints(work: Work) -> Callable[[Job], str]:
    """A number for each job, that changes with anything that its targets are made from."""
    fields = {key: value for key, value in asdict(work).items() if key != "overwrite"}
    in_order = json.JSONEncoder(sort_keys=True)
    shared = in_order.encode([_version(), fields])

    def fingerprint(job: Job) -> str:
        sources = [(str(file), *_size_and_time(file)) for file in work.reads(job)]
        own = in_order.encode([dict(job.settings), sources])
        return hashlib.sha256(f"{shared}{own}".encode()).hexdigest()

    return fingerprint


def digest(path: Path) -> str | None:
    """The size of a file and the SHA-256 of its content; None where there is no file."""
    try:
        with open(path, "rb", buffering=0) as file:
            sha = hashlib.sha256()
            while block := file.read(2**18):
                sha.update(block)
            return f"{file.tell()}:{sha.hexdigest()}"
    except OSError:
        return None


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:  # It cannot be read either, and the work will say so.
        return (0, 0)
    return status.st_size, status.st_mtime_ns


@cache
def _version() -> str:
    try:
        return version("dasp-audio")
    except PackageNotFoundError:
        return "not installed"
