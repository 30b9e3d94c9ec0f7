"""The same work as `in_processes` on Ray Data, over a cluster whose machines see the same files.

Every job is a row and a block of its own, is tried once, and blocks that are lost are left out:
so a job that kills its process, or never ends, is the one that failed.
"""

import faulthandler
import json
import logging
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from dasp.batch.job import Job, Outcome, Work, attempt, failed


def in_ray(
    work: Work, jobs: Iterable[Job], *, workers: int, timeout_s: float | None = None
) -> Generator[Outcome, None, None]:
    """Every job with what came of it, in the order in which they end; `workers` at a time.

    Joins the cluster of RAY_ADDRESS, or starts one on this machine with so many CPUs. Jobs that
    were lost come last.
    """
    left = dict(enumerate(jobs))
    with _cluster(workers) as data:
        rows = [{"number": number, "job": job.to_json()} for number, job in left.items()]
        outcomes = data.from_items(rows, override_num_blocks=len(rows)).map(
            partial(_attempt, work, timeout_s), num_cpus=1, concurrency=workers, max_retries=0
        )
        for row in outcomes.iter_rows() if rows else ():
            yield left.pop(row["number"]), json.loads(row["outcome"])
    or_slow = "" if timeout_s is None else f", or took longer than {timeout_s:g} s"
    for job in left.values():
        yield job, failed(f"{job.source}: its process died{or_slow}")


def import_ray():
    """Ray Data, or how to get it."""
    try:
        import ray.data
    except ImportError as error:
        raise ValueError(
            "the engine ray needs Ray Data, which is not installed: pip install 'dasp-audio[ray]'"
        ) from error
    return ray


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    """`ray.data`, which goes on when a block is lost, and says nothing."""
    ray = import_ray()
    started = not ray.is_initialized()
    if started:
        here = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers}
        ray.init(log_to_driver=False, include_dashboard=False, configure_logging=False, **here)
    context, log = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    before = context.max_errored_blocks, context.enable_progress_bars, log.level
    context.max_errored_blocks, context.enable_progress_bars = -1, False
    log.setLevel(logging.CRITICAL)
    try:
        yield ray.data
    finally:
        context.max_errored_blocks, context.enable_progress_bars = before[:2]
        log.setLevel(before[2])
        if started:
            ray.shutdown()


def _attempt(work: Work, timeout_s: float | None, row: dict[str, Any]) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    with open(os.devnull, "w") as nowhere:
        if timeout_s is not None:  # Ends the process, also where Python does not get its turn.
            faulthandler.dump_traceback_later(timeout_s, exit=True, file=nowhere)
        try:
            outcome = attempt(work, Job.from_json(row["job"]))
        finally:
            faulthandler.cancel_dump_traceback_later()
    return {"number": row["number"], "outcome": json.dumps(outcome)}
