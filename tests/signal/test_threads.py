"""Tasks that are shared out among threads."""

import contextlib
import sys
import threading

import pytest
import torch

from dasp.signal.backends import _threads
from dasp.signal.backends._threads import one_thread, run_together


@pytest.fixture(params=["torch's threads", "own threads"])
def kind_of_threads(request, monkeypatch):
    monkeypatch.setattr(_threads, "is_crowded", lambda: False)
    if request.param == "own threads":
        monkeypatch.setattr(_threads, "gomp_parallel", lambda: None)
    elif _threads.gomp_parallel() is None:
        pytest.skip("this torch computes on threads of another kind")


on_both_kinds = pytest.mark.usefixtures("kind_of_threads")


@on_both_kinds
def test_every_task_runs_once():
    done = []
    for _ in range(200):
        run_together([lambda i=i: done.append(i) for i in range(3)])
    assert sorted(done) == sorted(list(range(3)) * 200)


@on_both_kinds
def test_tasks_run_at_once():
    """Each waits for the other."""
    both = threading.Barrier(2, timeout=30)
    run_together([both.wait, both.wait])


@on_both_kinds
@pytest.mark.parametrize("which", [0, 1])
def test_what_a_task_raises_is_raised_after_the_others_are_done(which):
    both, done = threading.Barrier(2, timeout=30), []

    def fail():
        both.wait()
        raise ArithmeticError("no")

    def succeed():
        both.wait()
        done.append(True)

    with pytest.raises(ArithmeticError, match="no"):
        run_together([succeed, fail][:: 1 - 2 * which])
    assert done


@on_both_kinds
def test_threads_are_kept_for_the_next_tasks():
    """A thread is not made for every call."""

    def names():
        found, both = set(), threading.Barrier(2, timeout=30)

        def note():
            found.add(threading.get_native_id())
            both.wait()

        run_together([note, note])
        return found

    first = names()
    assert len(first) == 2
    assert all(names() == first for _ in range(10))


@pytest.mark.skipif(
    sys.platform != "linux" or not torch.backends.openmp.is_available(),
    reason="not GNU's OpenMP, which torch's own builds for Linux have",
)
def test_the_threads_of_torch_are_found():
    """Without them all would be right, and slow."""
    assert _threads.gomp_parallel() is not None


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Say how many threads of all programs want a processor."""
    monkeypatch.setattr(_threads, "LOADS", str(tmp_path / "loadavg"))
    monkeypatch.setattr(_threads, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(_threads.os, "cpu_count", lambda: 4)

    def set_load(running: int):
        (tmp_path / "loadavg").write_text(f"0.20 0.18 0.12 {running}/512 11206\n")

    return set_load


def test_torchs_threads_do_not_spin_beside_other_programs(load, monkeypatch):
    asked = []
    monkeypatch.setattr(_threads, "gomp_parallel", lambda: asked.append(True))
    load(4)
    run_together([lambda: None] * 2)
    assert len(asked) == 1
    load(5)
    run_together([lambda: None] * 2)
    assert len(asked) == 1
    load(1)
    run_together([lambda: None] * 2)
    assert len(asked) == 2


def test_a_system_that_does_not_tell_its_load_is_not_crowded(load):
    assert not _threads.is_crowded()


@pytest.mark.parametrize("fails", [False, True])
def test_one_thread_for_a_while(fails):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with contextlib.suppress(ArithmeticError), one_thread():
            assert torch.get_num_threads() == 1
            if fails:
                raise ArithmeticError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
