"""What the loaders of data sets share: how folders are listed, and which parts of them exist."""

from collections.abc import Sequence
from pathlib import Path


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder in the order of names, without hidden ones.

    Args:
        folder: The folder.

    Returns:
        The folders.
    """
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def find_parts(root: str | Path, parts: Sequence[str], dataset: str) -> list[Path]:
    """Find those of the folders `root/part` that exist.

    Args:
        root: The folder of a data set.
        parts: Names of its parts.
        dataset: Its name, for the error.

    Returns:
        The folders, one at least.

    Raises:
        ValueError: If there is none.
    """
    root = Path(root)
    found = [root / part for part in parts if (root / part).is_dir()]
    if not found:
        raise ValueError(f"{root}: expected {dataset}, with a folder {' or '.join(parts)} in it")
    return found


def some(songs: list, root: str | Path, expected: str) -> list:
    """Pass on what was found, of which there must be one at least.

    Args:
        songs: What was found.
        root: Where it was looked for.
        expected: What a file looks like, for the error.

    Returns:
        The same.

    Raises:
        ValueError: If there is none.
    """
    if not songs:
        raise ValueError(f"{root}: no songs found; expected {expected}")
    return songs
