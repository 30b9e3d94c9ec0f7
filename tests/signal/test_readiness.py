"""Kernels that are not compiled yet: what runs meanwhile, and who compiles them."""

import logging
import os
import sys
import time
from pathlib import Path

import pytest
import torch

import dasp
from dasp.functional import delay
from dasp.signal import use_kernels
from dasp.signal.backends import _background, _code_folder, _readiness
from dasp.signal.backends.examples import examples
from tests.signal.test_compiled import start

pytestmark = pytest.mark.numba

KERNEL = "direct_form_numba.solve"
NEVER = 10**12
"""Samples from which on the portable form would be too slow to wait with."""


@pytest.fixture(autouse=True)
def first_contact(monkeypatch, tmp_path, caplog):
    """A process that has compiled nothing, on a machine that has nothing compiled."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("_ready", "_failed", "_said"):
        monkeypatch.setattr(_readiness, name, set())
    monkeypatch.setattr("dasp.signal.backends._compiled._troubles", set())
    monkeypatch.setattr(_readiness, "_look_again", {})
    monkeypatch.setattr(_readiness, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(_background, "_process", None)
    monkeypatch.setattr(_background, "_failures", 0)
    monkeypatch.setattr(_code_folder, "_instead", None)
    caplog.set_level(logging.WARNING, "dasp")
    with use_kernels("auto"):
        yield
    if _background._process is not None:
        _background._process.wait(60)


def is_ready(kernel=KERNEL, waits_from=NEVER):
    return _readiness.is_ready(kernel, examples(kernel, torch.float32)[0], False, waits_from)


def wait_until_ready(seconds=120.0):
    until = time.monotonic() + seconds
    while not is_ready():
        assert time.monotonic() < until, [p.name for p in _code_folder.folder().iterdir()]
        time.sleep(0.05)


def test_what_is_ready_by_the_time_it_is_asked_for_is_not_wished_for():
    """As where another process ends its work between a look and a wish."""
    code = _readiness.all_code(KERNEL, False, torch.float32)
    folder = _code_folder.folder()
    _code_folder.begin(folder)
    (folder / f"{code}.ready").touch()
    before = _background._process
    assert _background.ask(str(code)) is None
    assert not list(folder.glob("*.wanted"))
    assert _background._process is before


def test_another_process_compiles_meanwhile(caplog):
    assert not is_ready()
    assert not is_ready("delay_numba.solve")
    wait_until_ready()
    folder = _code_folder.folder()
    assert list(folder.glob("direct_form_numba.*.code"))
    assert caplog.text.count("made in the background") == 1
    _background._process.wait(60)
    left = {path.suffix for path in folder.iterdir()}
    assert left == {".code", ".ready", ".json"}  # no wishes, and no lock
    assert is_ready("delay_numba.solve")


def test_where_nothing_can_be_written_the_code_is_of_this_process(tmp_path):
    (tmp_path / "cache").touch()
    assert not is_ready()
    wait_until_ready()
    assert _code_folder.base() not in (None, tmp_path / "cache" / "dasp")


def test_what_would_take_longer_than_the_compiler_is_compiled_first(monkeypatch, caplog):
    made = []
    monkeypatch.setattr(_readiness, "run_examples", made.append)
    assert is_ready(waits_from=4200) and len(made) == 1
    assert "making machine code" in caplog.text
    assert is_ready(waits_from=NEVER) and len(made) == 1


def test_numba_is_waited_for(monkeypatch):
    made = []
    monkeypatch.setattr(_readiness, "run_examples", made.append)
    with use_kernels("numba"):
        assert is_ready() and [str(code) for code in made] == [f"{KERNEL}-value" + "-float32" * 4]
    assert (_code_folder.folder() / f"{made[0]}.ready").exists()
    assert _readiness.Code.named(str(made[0])) == made[0]


@pytest.mark.parametrize(("worker", "says"), [("ForkServerProcess-1", 1), ("SpawnProcess-2", 0)])
def test_of_a_pool_one_process_says_what_is_going_on(worker, says, monkeypatch, caplog):
    monkeypatch.setattr(_readiness.multiprocessing, "parent_process", lambda: "another")
    monkeypatch.setattr(_readiness, "_worker", lambda: worker)
    monkeypatch.setattr(_readiness, "run_examples", lambda code: None)
    with use_kernels("numba"):
        assert is_ready()
    assert caplog.text.count("making machine code") == says


def test_what_another_process_has_compiled_is_ready_at_once(monkeypatch, caplog):
    monkeypatch.setattr(_background, "ask", pytest.fail)
    folder = _code_folder.folder()
    _code_folder.begin(folder)
    (folder / f"{KERNEL}-value-float32-float32-float32-float32.ready").touch()
    assert is_ready() and not caplog.text


def test_a_process_that_cannot_keep_what_it_makes_is_not_started_for_ever(monkeypatch, caplog):
    """As on a disk that is full: it says so by its status."""
    from dasp.signal.backends import _compiled

    monkeypatch.setattr(_compiled, "_troubles", {"kept"})
    folder = _code_folder.folder()
    _code_folder.begin(folder)
    (folder / f"{KERNEL}-value-float32-float32-float32-float32.wanted").touch()
    monkeypatch.setattr(sys, "argv", ["", str(folder)])
    monkeypatch.setattr(os, "nice", lambda by: 0)
    with pytest.raises(SystemExit, match="cannot be kept"):
        _background.main()
    assert not list(folder.glob("*.ready")) and not list(folder.glob("*.wanted"))
    assert not (folder / "compiling").exists()


@pytest.mark.parametrize("trouble", ["no processes", "no python", "dies", "does not compile"])
def test_without_machine_code_the_portable_form_goes_on(trouble, monkeypatch, caplog, tmp_path):
    def refuse(*_, **__):
        raise PermissionError("processes are not allowed here")

    if trouble == "no processes":
        monkeypatch.setattr(_background.subprocess, "Popen", refuse)
    elif trouble == "no python":
        monkeypatch.setattr(sys, "executable", "/opt/daw/bin/daw")
    elif trouble == "dies":
        monkeypatch.setattr(_background, "_start", lambda folder: Ended())
    else:
        folder = _code_folder.folder()
        _code_folder.begin(folder)
        name = f"{KERNEL}-value-float32-float32-float32-float32.failed"
        (folder / name).write_text("LoweringError: no such intrinsic")
    for _ in range(4):
        assert not is_ready()
    assert len(_readiness._failed) == 1
    assert caplog.text.count("run in their portable form, which is slower") == 1


class Ended:
    """A process that died."""

    returncode = -9

    def poll(self):
        return -9

    def wait(self, timeout):
        return -9


def test_a_compiler_that_raises_leaves_the_portable_form(monkeypatch, caplog):
    """As on the day that numba no longer has what the kernels are written with."""

    def fail(*_):
        raise AttributeError("module 'numba' has no attribute 'intrinsic'")

    x = torch.eye(1, 50)
    monkeypatch.setattr("dasp.signal.backends.examples.run_examples", fail)
    with use_kernels("numba"):
        y = delay(x, 1000, time_ms=2.0, feedback=0.5, mix=1.0)
        delay(x, 1000, time_ms=3.0, feedback=0.5, mix=1.0)
    assert y[0, [2, 4, 6]].tolist() == [1.0, 0.5, 0.25]
    assert caplog.text.count("AttributeError: module 'numba'") == 1


SHORT = """
    import torch
    from dasp.functional import low_pass
    x = torch.randn(1, 2, 2000, requires_grad=True)
    low_pass(x, 44_100, freq_hz=500.0).sum().backward()
    print(x.grad.isfinite().all().item())
"""


def auto(tmp_path):
    root = Path(dasp.__file__).parents[1]
    return {
        "DASP_KERNELS": None, "PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(tmp_path / "cache")
    }  # fmt: skip


def end_compiler(tmp_path):
    """Not to leave a process behind: it ends when there is nothing to do."""
    for path in (tmp_path / "cache").rglob("*.wanted"):
        path.unlink()


def test_a_program_ends_when_it_is_done(tmp_path):
    process = start(SHORT, **auto(tmp_path))
    out, errors = process.communicate()
    assert not list((tmp_path / "cache").rglob("*.ready"))  # long before the code is there
    end_compiler(tmp_path)
    assert (process.returncode, out) == (0, "True\n")
    assert errors.count("\n") == 1 and "made in the background" in errors


LOADER = """
    import sys, torch
    from torch.utils.data import DataLoader, Dataset
    from dasp.functional import low_pass

    class Filtered(Dataset):
        def __len__(self):
            return 6
        def __getitem__(self, i):
            x = torch.eye(1, 400).roll(i, -1)
            return low_pass(x, 44_100, freq_hz=500.0)

    x = torch.eye(1, 400)
    expected = low_pass(x, 44_100, freq_hz=500.0)
    loader = DataLoader(Filtered(), batch_size=1, num_workers=2, multiprocessing_context="fork")
    for i, y in enumerate(loader):
        assert torch.allclose(y[0, :, i:], expected[:, : 400 - i], atol=1e-6)
    print("all")
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_workers_of_a_data_loader_share_one_compiler(tmp_path):
    process = start(LOADER, **auto(tmp_path))
    out, errors = process.communicate(timeout=120)
    end_compiler(tmp_path)
    assert process.returncode == 0 and out == "all\n", errors
    assert errors.count("made in the background") == 1
