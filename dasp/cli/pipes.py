"""Audio through standard input and output: `-` in the place of a file.

What comes is kept in a file until it ends, so that it may be in any format that is read, with any
length that its writer has promised; what goes is a WAV with the right one.
"""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

PIPE = "-"


def is_pipe(path: str | Path) -> bool:
    """Whether a name stands for standard input or output."""
    return str(path) == PIPE


def receive(pipes: ExitStack) -> Path:
    """A file with all of standard input, which is gone when the pipes are closed."""
    if sys.stdin is None or sys.stdin.isatty():
        raise ValueError("-: expected audio on standard input, as from another program")
    received = _folder(pipes) / "standard input"
    with received.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return received


def to_send(pipes: ExitStack) -> Path:
    """The name of a WAV that will go to standard output, unless that is a screen."""
    if sys.stdout.isatty():
        raise ValueError("-: audio goes into another program or a file, not on the screen")
    return _folder(pipes) / "standard output.wav"


def _folder(pipes: ExitStack) -> Path:
    return Path(pipes.enter_context(tempfile.TemporaryDirectory(prefix="dasp-")))


def send(file: Path) -> None:
    """Write a file to standard output."""
    sys.stdout.flush()
    with file.open("rb") as content:
        shutil.copyfileobj(content, sys.stdout.buffer)
    sys.stdout.buffer.flush()
