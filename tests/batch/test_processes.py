"""Processes that die, crash or hang cost the job that they had, whatever runs beside it."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dasp.batch.processes import in_processes
from tests.batch.works import Upper, jobs_for

ROOT = Path(__file__).resolve().parents[2]


def _reasons(results) -> dict[str, str]:
    return {job.source.stem: r["reason"].split(": ", 1)[1] for job, r in results if "reason" in r}


def test_every_job_is_done_once(tmp_path):
    jobs = jobs_for(tmp_path, [f"text {n}" for n in range(40)])
    results = list(in_processes(Upper(), jobs, workers=2))
    assert sorted(job.source for job, _ in results) == [job.source for job in jobs]
    assert all(outcome["status"] == "ok" for _, outcome in results)
    assert [job.targets[0].read_text() for job in jobs] == [f"TEXT {n}" for n in range(40)]


def test_a_fault_costs_one_job(tmp_path):
    texts = ["is killed", "fine", "crashes", "is stuck", "fine", "ends", "fine", "is mistaken",
             "has no memory", "is refused", "fine"]  # fmt: skip
    jobs = jobs_for(tmp_path, texts)
    results = list(in_processes(Upper(), jobs, workers=2, timeout_s=2.0))
    assert len(results) == len(jobs)
    assert _reasons(results) == {
        "000": "its process died (SIGKILL)",
        "002": "its process died (SIGSEGV)",
        "003": "took longer than 2 s",
        "005": "its process died (exit status 3)",
        "007": "KeyError: 'a mistake in the code'",
        "008": "MemoryError: ",
        "009": "no good",
    }
    end = time.monotonic() + 10
    while multiprocessing.active_children():
        assert time.monotonic() < end, "a process that was given up goes on"
        time.sleep(0.05)
    assert sorted(os.listdir(tmp_path / "out"))[-4:] == ["001.txt", "004.txt", "006.txt", "010.txt"]


def test_a_job_that_waits_in_a_process_that_dies_is_done_by_another(tmp_path):
    jobs = jobs_for(tmp_path, ["fine", "fine", "fine", "is killed", "fine", "is stuck", "fine"])
    results = list(in_processes(Upper(), jobs, workers=1, timeout_s=2.0))
    assert [job.source.stem for job, _ in results] == [f"{n:03}" for n in range(7)]
    assert _reasons(results) == {
        "003": "its process died (SIGKILL)",
        "005": "took longer than 2 s",
    }


def test_jobs_are_taken_when_there_is_a_worker_for_them_but_for_one(tmp_path):
    taken = []

    def jobs():
        for job in jobs_for(tmp_path, ["fine", "is stuck", *["fine"] * 20]):
            taken.append(job)
            yield job

    results = in_processes(Upper(), jobs(), workers=1)
    next(results)
    time.sleep(0.2)
    results.close()
    assert len(taken) <= 3  # one is done, one under way, one at hand


def test_an_error_of_the_planner_is_not_swallowed(tmp_path):
    def jobs():
        yield jobs_for(tmp_path, ["fine"])[0]
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        list(in_processes(Upper(), jobs(), workers=1))


def test_to_stop_in_the_middle_ends_all_processes(tmp_path):
    jobs = jobs_for(tmp_path, ["fine", "is stuck", "is stuck", "fine"])
    threads = threading.active_count()
    results = in_processes(Upper(), jobs, workers=3)
    next(results)
    before = time.monotonic()
    results.close()
    assert time.monotonic() - before < 5
    assert threading.active_count() == threads


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_no_process_outlives_the_one_that_started_it(tmp_path):
    """Killed as hard as can be, the main process leaves nothing that goes on writing."""
    code = f"""
from pathlib import Path
from tests.batch.works import Upper, jobs_for
from dasp.batch.processes import in_processes
if __name__ == "__main__":
    jobs = jobs_for(Path({str(tmp_path)!r}), ["fine", "is stuck"])
    for _ in in_processes(Upper(), jobs, workers=1):
        print("one is done", flush=True)
"""
    script = tmp_path / "main.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    main = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment)
    assert main.stdout.readline() == b"one is done\n"
    main.kill()
    main.wait()
    end = time.monotonic() + 20
    while left := _commands_with(str(script)):
        assert time.monotonic() < end, left
        time.sleep(0.1)
    main.stdout.close()


def _commands_with(text: str) -> list[str]:
    """Of processes whose command or whose main module names the text."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found
