"""Recordings that some benchmarks are measured on, and that are no part of the project.

docs/recordings.md has what they are, and where they are from.
"""

import os
import sys
from functools import cache
from pathlib import Path

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = Path(os.environ.get("DASP_RECORDINGS") or BESIDE)


def recordings() -> Path:
    """The folder of recordings beside the project; without it the program ends, and says so."""
    if not FOLDER.is_dir():
        raise SystemExit(
            "this is measured on recordings that are no part of the project (docs/recordings.md): "
            f"{FOLDER} is not there"
        )
    return FOLDER


@cache
def have_recordings(instead: str) -> bool:
    """Whether the folder is there; if not, it is said on stderr what is measured `instead`."""
    if not FOLDER.is_dir():
        print(
            f"note: {FOLDER} is not there, whose recordings the printed tables are of: {instead}",
            file=sys.stderr,
        )
    return FOLDER.is_dir()
