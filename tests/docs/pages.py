"""The pages that people have written, and the blocks of code in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MADE = ("_build", "gallery", "reference")
"""Folders of `docs` that `make docs` writes."""

PAGES = sorted(
    path
    for path in (*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    if path.relative_to(ROOT).parts[1:2] not in [(folder,) for folder in MADE]
)


class Block(NamedTuple):
    """A block of code."""

    language: str
    code: str
    line: int
    """Where it begins, counted from 1."""
    not_run: str
    """Why it does not run, as a comment above it says: `<!-- not run: it needs a GPU -->`."""


FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?"
    r"(?P<ticks>```+)(?P<language>[^\n]*)\n(?P<code>.*?)^(?P=ticks)$",
    re.DOTALL | re.MULTILINE,
)


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text[: found.start()].count("\n") + 1
        yield Block(found["language"].strip(), found["code"], line, found["reason"] or "")


def name_of(page: Path) -> str:
    """A page as tests call it: its path from `docs` on, or its name."""
    return str(page.relative_to(DOCS if DOCS in page.parents else ROOT))
