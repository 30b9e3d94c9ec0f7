"""The compiled loops: where their machine code is kept, and who may run them at once."""

import errno
import logging
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

import dasp
from dasp.functional import compressor, delay, limiter, phaser
from dasp.signal import backends
from dasp.signal.backends import _code_folder
from tests.contracts.cases import CASES, audio, draw, run


def start(code, *arguments, **environment):
    """Another Python that finds packages where this one does, but for what `environment` says."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    environment = {name: value for name, value in environment.items() if value is not None}
    return subprocess.Popen(
        command, cwd=Path(sys.executable).parent, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def printed(process):
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return out.strip()


# -- one function, kept and found again ------------------------------------------------------


def doubled(x):
    return x + x


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A folder for machine code that holds none."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dasp"


@pytest.fixture
def log(caplog, monkeypatch):
    """What is told of trouble, which is told once a process."""
    from dasp.signal.backends import _compiled

    monkeypatch.setattr(_compiled, "_troubles", set())
    caplog.set_level(logging.WARNING, "dasp")
    return caplog


def is_found(dtype=np.float32):
    """Whether the machine code of the function for a type was there already; it is right anyway."""
    from dasp.signal.backends._compiled import compiled

    kernel = compiled()(doubled)
    assert kernel(dtype(0.1)) == dtype(0.1) + dtype(0.1)
    return sum(kernel.stats.cache_hits.values()) == 1


@pytest.mark.numba
def test_what_was_compiled_once_is_found(cache):
    assert [is_found(), is_found(), is_found(np.float64)] == [False, True, False]
    assert [is_found(), is_found(np.float64)] == [True, True]


@pytest.mark.numba
def test_other_sources_are_compiled_anew_and_take_the_place_of_the_old(cache, monkeypatch):
    sources = _code_folder._sources()
    assert {name for name, _ in sources} >= {"_sections_numba.py", "_log_exp_numba.py", "units.py"}
    is_found()
    (before,) = cache.iterdir()
    name, content = sources[0]
    sources = ((name, content + b"#"), *sources[1:])
    monkeypatch.setattr(_code_folder, "_sources", lambda: sources)
    monkeypatch.setattr(_code_folder, "_first_digest", lambda: _code_folder._digest_of(sources))
    assert _code_folder.folders(cache).stale == [before]
    assert [is_found(), is_found()] == [False, True]
    assert len(list(cache.iterdir())) == 1 and not before.exists()


@pytest.mark.numba
def test_another_installation_keeps_its_code_for_a_season(cache, monkeypatch):
    is_found()
    for name, days in (("recent", 80), ("old", 100)):
        other = cache / name
        other.mkdir()
        origin = other / "origin.json"
        origin.write_text('{"package": "elsewhere"}')
        then = origin.stat().st_mtime - 86_400 * days
        os.utime(origin, (then, then))
    (cache / "something else").mkdir()
    _code_folder.prune(cache)
    assert {path.name for path in cache.iterdir()} == {
        "recent", "something else", _code_folder.digest()
    }  # fmt: skip


@pytest.mark.numba
@pytest.mark.parametrize("what", ["version", "numba", "cpu", "python", "settings"])
def test_whatever_decides_about_machine_code_decides_about_its_folder(what, monkeypatch):
    before, circumstances = _code_folder.digest(), dict(_code_folder._circumstances())
    circumstances["dasp" if what == "version" else what] = "another"
    monkeypatch.setattr(_code_folder, "_circumstances", lambda: circumstances)
    assert _code_folder._digest_of(_code_folder._sources()) != before


@pytest.mark.numba
def test_sources_that_change_under_a_running_process_keep_it_from_the_cache(cache, monkeypatch):
    """It holds functions of the old ones, and may import new ones: neither folder is for both."""
    is_found()
    sources = _code_folder._sources()
    monkeypatch.setattr(_code_folder, "_sources", lambda: sources[1:])
    assert not is_found() and not is_found()
    assert len(list(cache.rglob("*.code"))) == 1


@pytest.mark.numba
@pytest.mark.parametrize("damage", [b"", b"\0" * 100, b"cut"])
def test_a_damaged_file_is_made_anew(cache, damage):
    is_found()
    (path,) = cache.rglob("*.code")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage == b"cut" else damage)
    assert [is_found(), is_found()] == [False, True]


@pytest.mark.numba
def test_a_file_that_is_whole_and_unreadable_is_made_anew(cache, log):
    """As one of another numba would be."""
    from dasp.signal.backends._compiled import _checksum

    is_found()
    (path,) = cache.rglob("*.code")
    path.write_bytes(_checksum(b"cos\nno_such_name\n.") + b"cos\nno_such_name\n.")
    assert [is_found(), is_found()] == [False, True]
    assert "cannot be read" in log.text


@pytest.mark.numba
def test_a_folder_that_cannot_be_written(cache, log):
    """Also for root, for whom nothing is read-only: a file stands in the way of the folder."""
    cache.parent.mkdir()
    cache.touch()
    assert [is_found(), is_found()] == [False, False]
    assert log.text.count("machine code cannot be") <= 2


@pytest.mark.numba
def test_a_file_in_the_place_of_a_file_of_code(cache):
    is_found()
    (path,) = cache.rglob("*.code")
    path.unlink()
    path.mkdir()
    assert not is_found()


@pytest.mark.numba
def test_a_full_disk(cache, monkeypatch, log):
    def write(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", write)
        assert [is_found(), is_found()] == [False, False]
    assert log.text.count("No space left on device") == 1
    assert [is_found(), is_found()] == [False, True]


@pytest.mark.numba
def test_a_disk_that_fills_in_the_middle_of_a_file(cache, monkeypatch):
    is_found(np.float64)  # which makes the folder
    whole = Path.write_bytes

    def write(path, content):
        whole(path, content[:10])
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", write)
        assert not is_found()
    assert not list(cache.rglob("*.part"))
    assert [is_found(), is_found()] == [False, True]


@pytest.mark.numba
@pytest.mark.skipif(os.name != "posix" or sys.platform == "darwin", reason="where XDG says")
def test_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _code_folder.base() == tmp_path / "dasp"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the rule says is to be ignored
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _code_folder.base() == tmp_path / ".cache" / "dasp"


@pytest.mark.numba
def test_no_home_at_all(monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", home)
    assert _code_folder.folder() is None
    assert not is_found() and not is_found()


# -- the package in another place ------------------------------------------------------------

INNER = """
from dasp.signal.backends._compiled import compiled

@compiled()
def inner(x):
    return 2.0 * x
"""

OUTER = """
from dasp.signal.backends._compiled import compiled
from dasp.signal.backends.inner_numba import inner

@compiled()
def outer(x):
    return inner(x)
"""

RUN_OUTER = """
    import sys
    from dasp.signal.backends.outer_numba import outer
    import numpy as np
    print(*(outer(getattr(np, name)(1.0)) for name in sys.argv[1:]))
    print(sum(outer.stats.cache_hits.values()))
"""


@pytest.fixture
def install(tmp_path):
    """A folder with the kernels, and one more that calls a function of another file."""
    package = Path(dasp.__file__).parent
    for path in [*package.glob("*.py"), *package.glob("signal/**/*.py")]:
        to = tmp_path / "site" / "dasp" / path.relative_to(package)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
    folder = tmp_path / "site" / "dasp" / "signal" / "backends"
    (folder / "inner_numba.py").write_text(INNER)
    (folder / "outer_numba.py").write_text(OUTER)
    return tmp_path / "site"


def run_outer(install, *types):
    found = {"PYTHONPATH": str(install), "NUMBA_CACHE_DIR": str(install.parent / "cache")}
    return start(RUN_OUTER, *types, **found)


@pytest.mark.numba
def test_a_change_in_a_second_file_is_heard_and_nothing_is_left_beside_the_sources(install):
    before = {path for path in install.rglob("*")}
    assert printed(run_outer(install, "float32")) == "2.0\n0"
    inner = install / "dasp" / "signal" / "backends" / "inner_numba.py"
    times = inner.stat().st_atime_ns, inner.stat().st_mtime_ns
    inner.write_text(INNER.replace("2.0", "3.0"))
    os.utime(inner, ns=times)
    assert printed(run_outer(install, "float32")) == "3.0\n0"
    assert printed(run_outer(install, "float32")) == "3.0\n1"
    assert {path for path in install.rglob("*")} == before


def test_what_is_compiled_stands_in_files_that_the_digest_knows():
    folder = Path(backends.__file__).parent
    known = {name for name, _ in _code_folder._sources()}
    for path in folder.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "import compiled" in source or "njit" in source:
            assert path.name in known
            own = re.findall(r"^from dasp\.([\w.]+) import", source, re.MULTILINE)
            taken = {f"{module.rpartition('.')[2]}.py" for module in own}
            # What is run by Python alone may come from elsewhere.
            assert taken <= known | {"_rows.py", "_private.py", "backends.py"}, path.name


@pytest.mark.numba
@pytest.mark.long
def test_processes_that_race_leave_a_sound_cache(install):
    types = ["float32", "float64"]
    for process in [run_outer(install, *types) for _ in range(4)]:
        assert printed(process).startswith("2.0 2.0\n")
    assert printed(run_outer(install, *types)) == "2.0 2.0\n2"


SLOW = """
    import sys, warnings, torch
    hidden = sys.argv[1:]
    sys.modules.update(dict.fromkeys(hidden))  # as if nobody had installed it
    from dasp.functional import compressor, delay, limiter, phaser
    x = torch.eye(1, 50).requires_grad_()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = delay(x, 1000, time_ms=2.0, feedback=0.5, mix=1.0)
        phaser(x, 1000, rate_hz=1.0, depth_octaves=0.1, centre_freq_hz=100.0)
        compressor(x, 1000, threshold_db=-6.0, ratio=2.0, attack_ms=1.0, release_ms=9.0)
        limiter(x, 1000, ceiling_db=-1.0, release_ms=9.0)
    assert y[0, [2, 4, 6]].tolist() == [1.0, 0.5, 0.25]
    y[0, 4].backward()
    assert x.grad[0, :3].tolist() == [0.5, 0.0, 1.0]
    told = [str(w.message) for w in caught if "numba" in str(w.message)]
    print(*told, sep="\\n")
"""


@pytest.mark.parametrize("form", ["auto", "numba"])
def test_without_numba_all_is_right_and_it_is_said_once(form):
    root = str(Path(dasp.__file__).parents[1])
    told = printed(start(SLOW, "numba", PYTHONPATH=root, DASP_KERNELS=form))
    assert told.startswith("numba is not installed: ") and "`pip install numba` mends it" in told
    assert told.count("numba is not") == 1


def test_who_asked_for_the_portable_form_is_not_told_of_another():
    root = str(Path(dasp.__file__).parents[1])
    assert printed(start(SLOW, "numba", PYTHONPATH=root, DASP_KERNELS="torch")) == ""


def test_a_numba_that_cannot_be_imported_is_slow_and_correct(tmp_path):
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text("raise ImportError('needs another NumPy')")
    root = Path(dasp.__file__).parents[1]
    path = f"{tmp_path}{os.pathsep}{root}"
    told = printed(start(SLOW, PYTHONPATH=path, DASP_KERNELS="auto"))
    assert told.startswith("numba is installed, but cannot be imported (needs another NumPy): ")
    assert told.count("numba is installed") == 1


def test_what_an_import_loads():
    """Compilers and files come with their first use. `import dasp` is not to wait for them."""
    code = """
        import sys
        import torch
        import dasp, dasp.functional, dasp.processors.catalogue, dasp.analysis, dasp.grad
        heavy = {"numba", "scipy", "soundfile", "matplotlib", "pyloudnorm"}
        heavy |= {"torch._dynamo", "torch._inductor"}
        print(*sorted(heavy & sys.modules.keys()))
    """
    root = Path(dasp.__file__).parents[1]
    assert printed(start(code, PYTHONPATH=str(root))) == ""


def processed(seed):
    generator = torch.Generator().manual_seed(seed)
    x = 0.5 * torch.randn(2, 5000, generator=generator)
    return torch.stack([
        compressor(x, 48_000, threshold_db=-20.0, ratio=4.0, attack_ms=1.0, release_ms=50.0),
        delay(x, 48_000, time_ms=3.3, feedback=0.5, mix=0.5),
        phaser(x, 48_000, rate_hz=2.0, depth_octaves=1.0),
        limiter(x, 48_000, ceiling_db=-6.0, release_ms=50.0),
    ])  # fmt: skip


def test_eight_threads_at_once_give_the_samples_of_one():
    serial = [processed(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            threaded = list(pool.map(processed, range(8)))
            assert all(map(torch.equal, threaded, serial))


def _processed_in_a_child(seed):
    torch.set_num_threads(1)  # torch's own threads do not outlive a fork
    return processed(seed).numpy()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_kernels_run_after_a_fork():
    expected = processed(3)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        result = pool.apply_async(_processed_in_a_child, (3,)).get(timeout=60)
    assert torch.equal(torch.from_numpy(result), expected)


@pytest.mark.numba
def test_numba_that_is_told_not_to_compile_leaves_the_portable_form(tmp_path):
    """As debuggers and coverage want it: every processor has its value, and its gradient."""
    code = """
        import torch
        from tests.contracts.cases import CATALOGUE, audio, draw, run
        for name in CATALOGUE:
            torch.manual_seed(1)
            x = audio(name, (2,)).requires_grad_()
            y = run(name, x, draw(name, (2,)))
            y.square().sum().backward()
            print(name, y.abs().sum().item(), x.grad.abs().sum().item())
    """
    root = str(Path(dasp.__file__).parents[1])
    told = printed(start(code, PYTHONPATH=root, NUMBA_DISABLE_JIT="1"))
    for line in told.splitlines():
        name, *sums = line.split()
        torch.manual_seed(1)
        x = audio(name, (2,)).requires_grad_()
        y = run(name, x, draw(name, (2,)))
        y.square().sum().backward()
        expected = [y.abs().sum().item(), x.grad.abs().sum().item()]
        assert [float(s) for s in sums] == pytest.approx(expected, rel=1e-8)
    assert len(told.splitlines()) == len(CASES)
