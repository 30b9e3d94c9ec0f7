"""What the commands print: lines, notes and tables."""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

from tqdm import tqdm

from dasp.cli.streams import print_to_nobody


def tell(line: str, stream: TextIO | None = None) -> None:
    """Print a line, as long as somebody reads; work that is under way goes on without."""
    try:
        tqdm.write(line, file=stream or sys.stdout)
        (stream or sys.stdout).flush()
    except BrokenPipeError:
        print_to_nobody()


def print_notes(notes: Iterable[str]) -> None:
    """What was done to make the stems fit, on stderr."""
    for note in notes:
        tell(f"note: {note}", sys.stderr)


def print_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO | None = None
) -> None:
    """Print rows under a head, in columns as wide as they need to be."""
    widths = [max(map(_width, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        print("  ".join(cells).rstrip(), file=stream)


def _width(text: str) -> int:
    """The columns that a text takes: two for a Chinese sign, none for an accent of its own."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )
