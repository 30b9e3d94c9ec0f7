"""Audio through standard input and output: `-` in the place of a file.

What comes is kept in a file until it ends, so that it may be in any format that is read, with any
length that its writer has promised; what goes is a WAV with the right one.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PIPE = "-"


def is_pipe(path: str | Path) -> bool:
    """Whether a name stands for standard input or output."""
    return str(path) == PIPE


@contextmanager
def pipe_folder(*names: str | Path) -> Iterator[Path | None]:
    """A folder for what passes through pipes, which is gone afterwards; None if no name is one."""
    if not any(map(is_pipe, names)):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="dasp-") as folder:
        yield Path(folder)


def receive(folder: Path) -> Path:
    """A file with all of standard input."""
    if sys.stdin is None or sys.stdin.isatty():
        raise ValueError("-: expected audio on standard input, as from another program")
    received = folder / "standard input"
    with received.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return received


def check_can_send() -> None:
    """Refuse to write samples on a screen."""
    if sys.stdout.isatty():
        raise ValueError("-: audio goes into another program or a file, not on the screen")


def send(file: Path) -> None:
    """Write a file to standard output."""
    sys.stdout.flush()
    with file.open("rb") as content:
        shutil.copyfileobj(content, sys.stdout.buffer)
    sys.stdout.buffer.flush()
