"""The syntax of a file, which several tests of the form of the package look at, read once."""

import ast
import functools
from pathlib import Path


@functools.cache
def syntax(path: Path) -> ast.Module:
    """The tree of a file of Python, which is not to be changed."""
    return ast.parse(path.read_text(encoding="utf-8"))
