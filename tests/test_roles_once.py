"""Roles are guessed once, by what lists the files of a song, and known to all others."""

import ast
from pathlib import Path

import dasp
from tests.syntax import syntax

ROOT = Path(dasp.__file__).parent

MAY_GUESS = {
    "mixing/roles.py", "mixing/__init__.py", "mixing/song.py",
    "controllers/kit_slots.py",  # the roles of its own slots
}  # fmt: skip


def test_only_loaders_guess():
    guessing = set()
    for path in ROOT.rglob("*.py"):
        tree = syntax(path)
        names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(tree)}
        if "guess_role" in names:
            guessing.add(path.relative_to(ROOT).as_posix())
    assert not {file for file in guessing - MAY_GUESS if not file.startswith("songs/")}
