"""The compiled loops: where their machine code is kept, and who may run them at once."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import dasp
from dasp.functional import compressor, delay, limiter, phaser

A_KERNEL = """
from _compiled import compiled

@compiled()
def added(x):
    return x + x
"""

RUN_IT = """
    import sys
    import numpy as np
    from kernel import added
    x = getattr(np, sys.argv[1])(0.1)
    assert added(x) == x + x
    print(sum(added.stats.cache_hits.values()))
"""


def start(code, *arguments, **environment):
    """Another Python that finds packages where this one does, but for what `environment` says."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    environment = {name: value for name, value in environment.items() if value is not None}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def printed(process):
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return out.strip()


@pytest.fixture
def install(tmp_path):
    """A folder with a kernel that is not compiled yet."""
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(Path(dasp.__file__).parent / "signal" / "backends" / "_compiled.py", site)
    (site / "kernel.py").write_text(A_KERNEL)
    return site


def hits(install, dtype="float32", **environment):
    """How often another process finds the machine code of the kernel."""
    return int(printed(start(RUN_IT, dtype, PYTHONPATH=str(install), **environment)))


def make_read_only(install):
    """Also for root, for whom nothing is read-only: a file stands in the way of the folder."""
    (install / "__pycache__").touch()


def test_the_second_process_compiles_nothing(install):
    assert [hits(install), hits(install), hits(install, "float64")] == [0, 1, 0]
    assert [hits(install), hits(install, "float64")] == [1, 1]


def test_a_read_only_install_keeps_machine_code_with_the_user(install, tmp_path):
    make_read_only(install)
    user = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": None, "NUMBA_CACHE_DIR": None}
    assert [hits(install, **user), hits(install, **user)] == [0, 1]
    assert list((tmp_path / "home").rglob("*.nbc"))


def test_nowhere_to_keep_machine_code(install, tmp_path):
    """Neither beside the package nor at home: every process compiles for itself."""
    make_read_only(install)
    (tmp_path / "home").touch()
    user = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": None, "NUMBA_CACHE_DIR": None}
    assert [hits(install, **user), hits(install, **user)] == [0, 0]


def test_no_home_at_all(install):
    assert [hits(install, HOME=None), hits(install, HOME=None)] == [0, 1]


def test_another_version_in_the_same_place_is_compiled_anew(install):
    assert hits(install) == 0
    (install / "kernel.py").write_text(A_KERNEL.replace("x + x", "2.0 * x"))
    assert [hits(install), hits(install)] == [0, 1]


@pytest.mark.long
def test_processes_that_race_for_two_types_leave_a_sound_cache(install):
    types = ["float32", "float64"]
    for process in [start(RUN_IT, dtype, PYTHONPATH=str(install)) for dtype in 2 * types]:
        printed(process)
    for dtype in types:
        hits(install, dtype)  # what one lost to the other is made again
    assert [hits(install, dtype) for dtype in types] == [1, 1]


def test_what_lost_a_race_is_not_taken_for_what_won_it(install):
    """Two processes read an empty index at once. The second to write it holds its own type only."""
    hits(install, "float32")
    (index,) = install.rglob("*.nbi")
    late_code = {path: path.read_bytes() for path in install.rglob("*.nbc")}
    index.unlink()
    hits(install, "float64")
    for path, code in late_code.items():  # the first is slower to write its code
        path.write_bytes(code)
    assert [hits(install, "float64"), hits(install, "float32")] == [1, 0]


def test_a_numba_that_cannot_be_imported_is_slow_and_correct(tmp_path):
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text("raise ImportError('needs another NumPy')")
    code = """
        import warnings, torch
        from dasp.functional import compressor, delay, limiter, phaser
        x = torch.eye(1, 50)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            y = delay(x, 1000, time_ms=2.0, feedback=0.5, mix=1.0)
            phaser(x, 1000, rate_hz=1.0, depth_octaves=0.1, centre_freq_hz=100.0)
            compressor(x, 1000, threshold_db=-6.0, ratio=2.0, attack_ms=1.0, release_ms=9.0)
            limiter(x, 1000, ceiling_db=-1.0, release_ms=9.0)
        assert y[0, [2, 4, 6]].tolist() == [1.0, 0.5, 0.25]
        print(sum("numba is installed, but" in str(w.message) for w in caught))
    """
    root = Path(dasp.__file__).parents[1]
    assert printed(start(code, PYTHONPATH=f"{tmp_path}{os.pathsep}{root}")) == "1"


def test_what_an_import_loads():
    """Compilers and files come with their first use. `import dasp` is not to wait for them."""
    code = """
        import sys
        import torch
        import dasp, dasp.functional, dasp.processors.catalogue, dasp.analysis
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
