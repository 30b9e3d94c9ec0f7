"""The site hangs together: every page is in a table of contents, and no link is dead."""

import fnmatch
import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, MADE, PAGES, ROOT, blocks, name_of

WRITTEN = [page for page in PAGES if DOCS in page.parents]
NAMES = [name_of(page).removesuffix(".md") for page in WRITTEN]


def entries(page: Path) -> set[str]:
    """The pages that the tables of contents of a page name, from `docs` on."""
    found: set[str] = set()
    for block in blocks(page):
        if block.language.partition("}")[0] != "{toctree":
            continue
        for line in block.code.splitlines():
            if not line or line.startswith(":"):
                continue
            target = str((page.parent / line).resolve().relative_to(DOCS))
            found |= {target} if "*" not in line else set(fnmatch.filter(_beside(page), target))
    return found


def _beside(page: Path) -> list[str]:
    """The pages that a star means: `*` of Sphinx does not cross folders."""
    notebooks = [str(p.relative_to(DOCS).with_suffix("")) for p in DOCS.rglob("*.ipynb")]
    own = name_of(page).removesuffix(".md")
    return [name for name in (*NAMES, *notebooks) if name != own]


def test_every_page_is_reached_from_the_first():
    reached, waiting = set(), ["index"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            page = DOCS / f"{name}.md"
            waiting += sorted(entries(page)) if page.is_file() else []
    assert [name for name in NAMES if name not in reached] == []


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_what_a_table_of_contents_names_is_there(page):
    for name in entries(page):
        is_made = name.split("/")[0] in MADE
        assert is_made or any((DOCS / f"{name}{kind}").is_file() for kind in (".md", ".ipynb")), (
            name
        )


def anchors(page: Path) -> set[str]:
    """The headings of a page as the ends of addresses, and its own names for places."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
    return slugs | set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_what_is_there(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    text = re.sub(r"`[^`]*`", "", text)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if DOCS in file.parents and file.relative_to(DOCS).parts[0] in MADE:
            continue  # Sphinx tries those
        assert file.exists() and ROOT in file.parents, link
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), link


def test_a_page_that_loads_from_another_host_is_found():
    pytest.importorskip("sphinx")
    from docs.building.own_host import loads_from_elsewhere

    ours = '<script src="_static/a.js"></script><a href="https://example.org">x</a>'
    theirs = (
        '<link rel="stylesheet" href="https://cdn.example/a.css"/><img src="//x.example/a.png">'
    )
    assert loads_from_elsewhere(ours) == []
    assert loads_from_elsewhere(theirs) == ["https://cdn.example/a.css", "//x.example/a.png"]
