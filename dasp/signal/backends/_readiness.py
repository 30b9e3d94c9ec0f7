"""Whether the machine code of a kernel is there, and who makes it if it is not.

Machine code is made by running the kernel on the examples of `examples.py`. That all of it is kept
says an empty file beside it, so that another process knows without a try.
"""

import logging
import multiprocessing
import os
import threading
import time
from contextlib import suppress
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.signal._choice import NUMBA, chosen
from dasp.signal.backends import _background, _code_folder

LOOK_EVERY_S = 0.2

_log = logging.getLogger("dasp")
_lock = threading.Lock()
_ready: set["Code"] = set()
_failed: set["Code"] = set()
_look_again: dict["Code", float] = {}
_said: set[str] = set()


class Code(NamedTuple):
    """The machine code of a kernel for signals of some types, with that of its gradient or not."""

    kernel: str
    gradient: bool
    types: tuple[torch.dtype, ...]

    def __str__(self) -> str:
        direction = "gradient" if self.gradient else "value"
        types = (str(dtype).removeprefix("torch.") for dtype in self.types)
        return "-".join((self.kernel, direction, *types))

    @classmethod
    def named(cls, name: str) -> "Code":
        """That of the name that `str` gives."""
        kernel, direction, *types = name.split("-")
        return cls(kernel, direction == "gradient", tuple(getattr(torch, t) for t in types))


def all_code(kernel: str, gradient: bool, real: torch.dtype) -> Code:
    """What a kernel needs for signals of a type."""
    from dasp.signal.backends.examples import examples

    return Code(kernel, gradient, _types(examples(kernel, real)[0]))


def _types(arguments: tuple) -> tuple[torch.dtype, ...]:
    return tuple(t.dtype for t in arguments if isinstance(t, Tensor) and t.ndim > 1)


def is_ready(kernel: str, arguments: tuple, gradient: bool, waits_from: int) -> bool:
    """Whether a kernel may run on such arguments as machine code."""
    types = _types(arguments)
    if (kernel, gradient, types) in _ready:  # which a `Code` is equal to
        return True
    code = Code(kernel, gradient, types)
    if code in _failed:
        return False
    if chosen() == NUMBA or arguments[0].numel() >= waits_from:
        return compile_now(code)
    return _is_made_aside(code)


def compile_now(code: Code) -> bool:
    """Make machine code in this thread, if it is not kept already; whether it is there then."""
    with _lock:
        if code in _ready or code in _failed:
            return code in _ready
        if not is_kept(code):
            _say(
                "dasp: making machine code of the kernels for this machine, once; "
                "`dasp doctor --warm` makes all of it ahead"
            )
            try:
                run_examples(code)
            except Exception as error:  # of a compiler, which may raise anything
                _give_up(code, f"{type(error).__name__}: {error}")
                return False
            note_kept(code)
        _ready.add(code)
        return True


def compile_again(code: Code) -> bool:
    """Make machine code even if that has failed before, or if something of it has gone."""
    _ready.discard(code)
    _failed.discard(code)
    for folder in _code_folder.folders_to_read():
        for ending in ("ready", "failed"):
            with suppress(OSError):
                (folder / f"{code}.{ending}").unlink()
    return compile_now(code)


def run_examples(code: Code) -> None:
    """Have numba compile all that a kernel runs, or find it."""
    from dasp.signal.backends.examples import run_examples

    run_examples(code.kernel, code.gradient, code.types)


def is_kept(code: Code) -> bool:
    """Whether all of the machine code was kept by some process."""
    # Not of `pathlib`, which raises where a folder may not be looked into.
    return any(os.path.exists(f / f"{code}.ready") for f in _code_folder.folders_to_read())


def note_kept(code: Code) -> None:
    """The code of a gradient has that of the value in it."""
    from dasp.signal.backends import _compiled

    folder = _code_folder.folder()
    if folder is None or _compiled.is_in_trouble():
        return
    with suppress(OSError):
        _code_folder.begin(folder)
        _code_folder.write(folder / f"{code}.ready", b"")
        if code.gradient:
            _code_folder.write(folder / f"{code._replace(gradient=False)}.ready", b"")


def _is_made_aside(code: Code) -> bool:
    """Have another process make it; whether that is done."""
    now = time.monotonic()
    if now < _look_again.get(code, 0.0):
        return False
    _look_again[code] = now + LOOK_EVERY_S
    if is_kept(code):
        _ready.add(code)
        return True
    reason = _background.ask(str(code))
    if reason is not None:
        _give_up(code, reason)
    else:
        _say(
            "dasp: the portable kernels run while machine code for this machine is made in the "
            "background, once; `dasp doctor --warm` makes all of it ahead, and DASP_KERNELS=numba "
            "or =torch decides for one form"
        )
    return False


def _give_up(code: Code, reason: str) -> None:
    _failed.add(code)
    _say(
        "dasp: there is no machine code for some kernels, so that they run in their portable form, "
        f"which is slower ({code}: {reason}); `dasp doctor` tells more"
    )


def _say(message: str) -> None:
    """Once, and of the processes of a pool in the first alone."""
    first = multiprocessing.parent_process() is None or _worker().endswith("-1")
    if message[:50] not in _said and first:
        _said.add(message[:50])
        _log.warning(message)


def _worker() -> str:
    return multiprocessing.current_process().name


def _begin_fork() -> None:
    """Who holds the lock may not be there after a fork."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_fork)
