"""The same work as `in_processes` on a Ray cluster, whose machines see the same files.

Each job is a task of Ray, and not a row of Ray Data: a task that kills its process, or never
ends, is one that failed, where a row would end the whole of its data set.
"""

import faulthandler
import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any

from dasp.batch.job import Job, Work, attempt, failed


def in_ray(
    work: Work, jobs: Iterable[Job], *, workers: int, timeout_s: float | None = None
) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Every job with what came of it, in the order in which they end; `workers` at a time.

    Joins the cluster of RAY_ADDRESS, or starts one on this machine with so many CPUs.
    """
    ray = import_ray()
    started = not ray.is_initialized()
    if started:
        here = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers}
        ray.init(log_to_driver=False, include_dashboard=False, configure_logging=False, **here)
    task = ray.remote(num_cpus=1, max_retries=0)(_attempt)
    shared = ray.put(work)
    todo, running = iter(jobs), {}
    try:
        while True:
            for job in itertools.islice(todo, workers - len(running)):
                running[task.remote(shared, job.to_json(), timeout_s)] = job
            if not running:
                return
            ready, _ = ray.wait(list(running))
            for reference in ready:
                job = running.pop(reference)
                yield job, _outcome(ray, reference, job, timeout_s)
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
        if started:
            ray.shutdown()


def import_ray():
    """Ray, or how to get it."""
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            "the engine ray needs Ray, which is not installed: pip install 'dasp-audio[ray]'"
        ) from error
    return ray


def _attempt(work: Work, job: bytes, timeout_s: float | None) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    with open(os.devnull, "w") as nowhere:
        if timeout_s is not None:  # Ends the process, also where Python does not get its turn.
            faulthandler.dump_traceback_later(timeout_s, exit=True, file=nowhere)
        try:
            return attempt(work, Job.from_json(job))
        finally:
            faulthandler.cancel_dump_traceback_later()


def _outcome(ray, reference, job: Job, timeout_s: float | None) -> dict[str, Any]:
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        or_slow = "" if timeout_s is None else f", or took longer than {timeout_s:g} s"
        return failed(f"{job.source}: its process died ({type(error).__name__}){or_slow}")
