"""A batch from its plan to its end."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path

from dasp._suggestion import did_you_mean
from dasp.batch.job import Job, Outcome, Work, failed, fingerprints
from dasp.batch.journal import Journal
from dasp.batch.paths import Found, check_apart, inside, remove_unfinished
from dasp.batch.processes import in_processes
from dasp.batch.settings import Table
from dasp.file_names import as_found, in_one_form


def plan(
    found: Sequence[Found],
    folder: Path,
    *,
    name: str = "{stem}",
    suffixes: Sequence[str] = (),
    table: Table | None = None,
) -> list[Job]:
    """The jobs for what was found: each to its own place in the folder, with its own settings.

    `name` is a template of the name without its ending, where {stem} stands for the old name;
    `suffixes` are the endings of the new files, one or several for each; without any, the old.
    """
    _check_template(name)
    sources = [item for item in found if not _is_output(item, folder)]
    settings = _by_source(table or {}, sources)
    jobs: dict[Path, Job] = {}
    for item in sources:
        stem, suffix = item.path.stem, item.path.suffix
        if item.path.is_dir():
            stem, suffix = item.path.name, ""
        new = name.replace("{stem}", stem)
        targets = tuple(
            inside(folder, item.relative.with_name(new + ending)) for ending in suffixes or [suffix]
        )
        job = Job(item.path, targets, settings.get(item.relative.as_posix(), {}))
        if targets[0] in jobs:
            raise ValueError(
                f"{targets[0]}: both {jobs[targets[0]].source} and {item.path} would be written "
                f"to this file"
            )
        jobs[targets[0]] = job
    check_apart(list(jobs))
    _check_no_source_is_written(list(jobs.values()))
    return list(jobs.values())


def unfinished(work: Work, jobs: Iterable[Job], journal: Journal) -> list[Job]:
    """The jobs that no earlier run has made whole from the same sources and settings."""
    fingerprint = fingerprints(work)
    return [job for job in jobs if not journal.is_whole(job, fingerprint(job))]


def strangers(jobs: Iterable[Job], journal: Journal) -> list[Path]:
    """Files in the way that no run of the journal has written."""
    targets = [target for job in jobs for target in job.targets]
    return [target for target in targets if os.path.exists(target) and not journal.is_ours(target)]


def run(
    work: Work,
    jobs: Sequence[Job],
    journal: Journal,
    *,
    workers: int = 1,
    timeout_s: float | None = None,
    engine: Callable[..., Generator[Outcome, None, None]] = in_processes,
) -> Generator[Outcome, None, None]:
    """Do all jobs; each comes back with what came of it, in the order in which they end."""
    made_from: dict[Path, str] = {}
    fingerprint = fingerprints(work)

    def claimed() -> Iterator[Job]:
        for job in jobs:
            made_from[job.targets[0]] = fingerprint(job)
            journal.started(job)
            yield job

    remove_unfinished(target for job in jobs for target in job.targets)
    outcomes = engine(work, claimed(), workers=workers, timeout_s=timeout_s)
    try:
        for job, outcome in outcomes:
            if outcome["status"] != "ok":
                remove_unfinished(job.targets)
            elif None in outcome["digests"]:
                outcome = failed(f"{job.targets[0]}: was gone as soon as it was written")
            journal.ended(job, outcome, made_from.pop(job.targets[0]))
            yield job, outcome
    finally:
        outcomes.close()
        remove_unfinished(made_from)


def _is_output(item: Found, folder: Path) -> bool:
    """Whether a glob has found what an earlier run wrote into a folder beneath the input."""
    folder = as_found(folder)
    if not folder.is_dir() or not item.root.exists() or folder.samefile(item.root):
        return False
    return any(folder.samefile(above) for above in item.path.resolve().parents)


def _check_template(name: str) -> None:
    fixed = name.replace("{stem}", "")
    if "{" in fixed or "}" in fixed:
        raise ValueError(f"{name!r}: a template of names has no other field than {{stem}}")
    if "/" in name or not name:
        raise ValueError(f"{name!r}: expected the name of a file, without a folder")


def _by_source(table: Table, found: Sequence[Found]) -> Table:
    """The table by the names of the inputs, in which accents may be composed in another way."""
    names = {item.relative.as_posix() for item in found}
    in_other_form = {in_one_form(name): name for name in names}
    by_source: Table = {}
    for written, settings in table.items():
        name = written if written in names else in_other_form.get(in_one_form(written))
        if name is None:
            raise ValueError(
                f"the settings name {written!r}, which is no input{did_you_mean(written, names)}"
            )
        if name in by_source:
            raise ValueError(f"the settings name {written!r} twice, in two forms")
        by_source[name] = settings
    return by_source


def _check_no_source_is_written(jobs: Sequence[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    for job in jobs:
        for target in job.targets:
            if os.path.exists(target) and target.resolve() in sources:
                raise ValueError(f"{target}: is an input, and would be written over")
