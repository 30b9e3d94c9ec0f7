"""Recordings that some benchmarks are measured on, and that are no part of the project."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"


def recordings() -> Path:
    """The folder of recordings beside the project; without it the program ends, and says so."""
    if not FOLDER.is_dir():
        raise SystemExit(
            f"this is measured on recordings that are no part of the project: {FOLDER} is not there"
        )
    return FOLDER
