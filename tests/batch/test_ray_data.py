"""Faults on a local Ray, as in processes of our own. Skipped where Ray is not installed."""

import builtins
import sys

import pytest

from dasp.batch.ray_data import import_ray, in_ray
from tests.batch.works import Upper, jobs_for


def test_a_fault_costs_one_job(tmp_path):
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    texts = ["is killed", "fine", "is mistaken", "is stuck", "fine", "is refused"]
    jobs = jobs_for(tmp_path, texts)
    results = {job.source.stem: outcome for job, outcome in
               in_ray(Upper(), jobs, workers=2, timeout_s=3.0)}  # fmt: skip
    assert len(results) == len(jobs)
    failed = {name: outcome["reason"] for name, outcome in results.items() if "reason" in outcome}
    assert failed.keys() == {"000", "002", "003", "005"}
    assert "its process died" in failed["000"]
    assert failed["003"].endswith("or took longer than 3 s")


def test_without_ray_it_is_said_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def without_ray(name, *arguments, **keywords):
        if name == "ray.data":
            raise ImportError("No module named 'ray'")
        return real(name, *arguments, **keywords)

    monkeypatch.delitem(sys.modules, "ray.data", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(ValueError, match=r"pip install 'dasp-audio\[ray\]'"):
        import_ray()
