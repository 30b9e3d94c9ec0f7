"""Loops in machine code, which is made once for a machine and kept."""

import hashlib
import logging
from collections.abc import Callable
from typing import Any

from numba import njit

from dasp._private import CodeFormat, code_format, put_cache
from dasp.signal.backends import _code_folder

_log = logging.getLogger("dasp")
_troubles: set[str] = set()
_code_folder.digest()  # of the sources that are imported now, not of what will be there later


def compiled(*, kept: bool = True, **options) -> Callable[[Callable], Callable]:
    """A decorator: `numba.njit` with `options`, without the interpreter's lock, and kept.

    Machine code is kept in `_code_folder.folder()`. Where that cannot be, every process compiles
    for itself, and no call fails for it. What only other compiled functions call is not `kept`:
    its code is part of theirs.
    """

    def decorated(function: Callable) -> Callable:
        kernel = njit(nogil=True, **options)(function)
        format = code_format() if kept else None
        if format is not None:
            put_cache(kernel, _Shelf(function, format))
        return kernel

    return decorated


class _Shelf:
    """What numba asks for the machine code of one function, and gives it to.

    A file holds the code for the types of one call, and whether it is whole. Files appear at
    once, under names that follow from what is in them: of processes that write the same at once,
    any may win.
    """

    def __init__(self, function: Callable, format: CodeFormat):
        code = function.__code__
        module = function.__module__.rpartition(".")[2]
        self._name = f"{module}.{function.__name__}-{code.co_firstlineno}"
        self._format = format

    @property
    def cache_path(self) -> str:
        return str(_code_folder.folder())

    def enable(self) -> None:
        """As numba's own caches have it."""

    disable = flush = enable

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The function for the types of a call, or None if it has to be compiled."""
        for folder in _code_folder.folders_to_read():
            try:
                checksum, code = _split((folder / self._file(signature)).read_bytes())
                if checksum == _checksum(code):
                    _code_folder.note_use(folder)
                    return self._format.read(target, code)
            except FileNotFoundError:
                pass
            except Exception as error:  # damaged, or not to be read: it can be made anew
                _tell("read", error)
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep the function for the types of a call."""
        try:
            folder, code = _code_folder.folder(), self._format.write(result)
            if folder is not None and code is not None:
                _code_folder.begin(folder)
                _code_folder.write(folder / self._file(signature), _checksum(code) + code)
        except Exception as error:  # no room, no right: this process has the code all the same
            _tell("kept", error)

    def _file(self, signature: Any) -> str:
        types = hashlib.sha256(str(signature).encode()).hexdigest()[:20]
        return f"{self._name}.{types}.code"


def _checksum(code: bytes) -> bytes:
    return hashlib.sha256(code).digest()


def _split(content: bytes) -> tuple[bytes, bytes]:
    size = hashlib.sha256().digest_size
    return content[:size], content[size:]


def is_in_trouble() -> bool:
    """Whether code could not be kept."""
    return "kept" in _troubles


def _tell(what: str, error: Exception) -> None:
    """Once for each kind of trouble."""
    if what not in _troubles:
        _troubles.add(what)
        _log.warning(
            "dasp: machine code cannot be %s in %s (%s), so that it is made anew; "
            "`dasp doctor` tells more", what, _code_folder.folder(), error,
        )  # fmt: skip
