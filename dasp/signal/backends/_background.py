"""A process that makes machine code while others run the portable forms of kernels.

A thread would not do: it would hold the interpreter for most of the time, keep a program from
ending or die within the compiler, leave its locks behind in a fork, and be in vain wherever a
program is shorter than the compilation. The process outlives who started it, and gives way to all
others. What it is to make are files in the folder of machine code, so that any number of
processes, such as those of a data loader, share one.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from dasp.signal.backends import _code_folder

DEAD_AFTER_S = 600.0
"""A process that has finished no kernel for so long is not there any more."""

MOST_FAILURES = 2
"""So many processes may die before no other is started."""

_LOCK = "compiling"
_process: subprocess.Popen | None = None
_failures = 0


def ask(code: str) -> str | None:
    """Have machine code made by a process that is there, or is started; else the reason why not."""
    folder = _code_folder.folder()
    if folder is None:
        return "the sources of the kernels are not there, or have changed since the program began"
    failed = folder / f"{code}.failed"
    with suppress(OSError):
        return failed.read_text(encoding="utf-8") or "it did not compile"
    try:
        if not _code_folder.is_writable(folder):
            folder = _leave_to_this_process(folder.name)
        _code_folder.begin(folder)
        wish = folder / f"{code}.wanted"
        wish.touch()
        if (folder / f"{code}.ready").exists():  # since the caller looked
            wish.unlink(missing_ok=True)
            return None
        return _start_unless_one_runs(folder)
    except (OSError, ValueError, RuntimeError) as error:  # processes are not allowed here
        return f"{type(error).__name__}: {error}"


def _leave_to_this_process(name: str) -> Path:
    """A folder that goes with this process, where no other can be written."""
    place = tempfile.mkdtemp(prefix="dasp-")
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # and not a fork of it
            shutil.rmtree(place, ignore_errors=True)

    atexit.register(remove)
    _code_folder.write_to(Path(place))
    return Path(place) / name


def _start_unless_one_runs(folder: Path) -> str | None:
    global _process, _failures
    if _process is not None:
        status = _process.poll()
        if status is None:
            return None
        _process = None
        if status:
            _failures += 1
            (folder / _LOCK).unlink(missing_ok=True)
    if _failures >= MOST_FAILURES:
        return "the process that was to compile it died"
    if _is_locked(folder):
        return None
    if not sys.executable or getattr(sys, "frozen", False) or "python" not in _program():
        return "this program is no Python that could be started once more"
    _process = _start(folder)
    return None


def _program() -> str:
    return Path(sys.executable).name.lower()


def _start(folder: Path) -> subprocess.Popen:
    code = "from dasp.signal.backends._background import main; main()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    paths = [os.path.abspath(path) for path in sys.path]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    without_a_window_and_after_all_others = {"creationflags": 0x08000000 | 0x00004000}
    in_its_own_session = {"start_new_session": True}
    apart = without_a_window_and_after_all_others if os.name == "nt" else in_its_own_session
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **apart,
    )  # fmt: skip
    atexit.register(_let_go, process)
    return process


def _let_go(process: subprocess.Popen) -> None:
    """Not to be warned of at the end of a program, whose end it is not."""
    if process.returncode is None:
        process.returncode = 0


def _is_locked(folder: Path) -> bool:
    try:
        return time.time() - (folder / _LOCK).stat().st_mtime < DEAD_AFTER_S
    except OSError:
        return False


def main() -> None:
    """Make what is wanted in a folder, and end."""
    from dasp.signal.backends import _compiled

    folder = Path(sys.argv[1])
    _code_folder.write_to(folder.parent)
    if _code_folder.folder() != folder:
        sys.exit("these are other sources than those of the one who asks")
    with suppress(OSError, AttributeError):
        os.nice(10)
    while _wanted(folder) and _lock(folder):
        try:
            while wanted := _wanted(folder):
                _make(folder, wanted[0])
                os.utime(folder / _LOCK)
        finally:
            (folder / _LOCK).unlink(missing_ok=True)
        if _compiled.is_in_trouble():
            sys.exit("machine code cannot be kept")


def _wanted(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.wanted"))


def _lock(folder: Path) -> bool:
    if _is_locked(folder):
        return False
    (folder / _LOCK).unlink(missing_ok=True)
    try:
        (folder / _LOCK).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _make(folder: Path, wanted: Path) -> None:
    from dasp.signal.backends import _readiness

    code = _readiness.Code.named(wanted.stem)
    try:
        _readiness.run_examples(code)
        _readiness.note_kept(code)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        (folder / f"{code}.failed").write_text(reason, encoding="utf-8")
    wanted.unlink(missing_ok=True)


def _begin_fork() -> None:
    """It is the parent's to wait for."""
    global _process
    _process = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_fork)
