"""What the loaders of data sets share: how folders are listed, and which parts of them exist."""

from collections.abc import Sequence
from pathlib import Path


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder in the order of names, without hidden ones."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def find_parts(root: str | Path, parts: Sequence[str], dataset: str) -> list[Path]:
    """Those of the folders `root/part` that exist; there must be one at least."""
    root = Path(root)
    found = [root / part for part in parts if (root / part).is_dir()]
    if not found:
        raise ValueError(f"{root}: expected {dataset}, with a folder {' or '.join(parts)} in it")
    return found


def some(songs: list, root: str | Path, expected: str) -> list:
    """The songs, of which there must be one at least."""
    if not songs:
        raise ValueError(f"{root}: no songs found; expected {expected}")
    return songs
