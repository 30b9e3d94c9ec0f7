"""The journal of a batch: a line of JSON for all that happens, so that it can go on after a crash.

A line "started" claims files before they are written, and a line "done" has the digest of each.
So a file is whole where its last line is "done" with the same digest; it may be replaced where it
was ever claimed; and any other file is somebody else's.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dasp.batch.job import Job, digest
from dasp.file_names import as_found, in_any_locale


class Journal:
    """A file that lines are added to, and what the lines of earlier runs say."""

    def __init__(self, path: Path, folder: Path, earlier: Iterable[Path] = ()):
        self._path, self._folder = path, folder
        self._within = os.path.join(folder, "")
        self._file: int  # while the journal is open
        self._claimed: set[str] = set()
        self._done: dict[str, dict] = {}
        for file in earlier:
            for event in _events(file):
                self._remember(event)

    def __enter__(self) -> "Journal":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":  # The last writer was killed.
            os.write(self._file, b"\n")
        return self

    def __exit__(self, *_) -> None:
        os.close(self._file)

    def is_whole(self, job: Job, fingerprint: str) -> bool:
        """Whether an earlier run has made the files of a job, from the same, and they are there."""
        done = self._done.get(self._key(job.targets[0]), {})
        targets = done.get("targets", {})
        return (
            done.get("fingerprint") == fingerprint
            and targets.keys() == {self._key(target) for target in job.targets}
            and all(
                known == digest(as_found(self._folder / name)) for name, known in targets.items()
            )
        )

    def is_ours(self, target: Path) -> bool:
        """Whether an earlier run may have written a file."""
        return self._key(target) in self._claimed

    def started(self, job: Job) -> None:
        """Claim the files of a job."""
        self._write("started", job, targets=[self._key(target) for target in job.targets])

    def ended(self, job: Job, outcome: dict[str, Any], fingerprint: str) -> None:
        """What came of a job."""
        facts = {key: value for key, value in outcome.items() if key not in ("status", "digests")}
        if outcome["status"] == "ok":
            names = map(self._key, job.targets)
            targets = dict(zip(names, outcome["digests"], strict=True))
            self._write("done", job, targets=targets, fingerprint=fingerprint, **facts)
        else:
            self._write("failed", job, **facts)

    def _write(self, event: str, job: Job, **facts) -> None:
        line = {"event": event, "source": str(job.source), **facts}
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def _remember(self, event: dict) -> None:
        targets = event.get("targets", ())
        self._claimed.update(targets)
        for target in targets:
            self._done.pop(target, None)
        if event.get("event") == "done":
            self._done |= {target: event for target in targets}

    def _key(self, target: Path) -> str:
        name = str(target).removeprefix(self._within)
        return in_any_locale(name.replace(os.sep, "/"))


def _events(path: Path) -> Iterator[dict]:
    """The lines of a journal; one that was cut off by a crash says nothing."""
    with path.open("rb") as file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and isinstance(event.get("targets", []), dict | list):
                yield event
