"""What the README says is true: its Python runs, and its table is the catalogue."""

import re
from pathlib import Path

import dasp.functional as F
from dasp.processors.catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_examples_run():
    names = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(block, names)
    assert (names["threshold_db"].grad != 0).all()
    assert names["y"].shape == (8, 2, 44_100)


def test_the_table_names_processors():
    table = README.split("## Processors")[1].split("\n\n")[1]
    assert set(re.findall(r"`(\w+)`", table)) <= set(CATALOGUE)


def test_every_processor_is_a_function():
    for name, processor in CATALOGUE.items():
        assert getattr(F, name) is processor.function
        assert getattr(F, name.upper()) is processor
        assert {name, name.upper()} <= set(F.__all__)


def test_the_pages_are_there_and_no_link_is_dead_on_an_index_page():
    pages = re.findall(r"`(docs/\w+\.md)`", README)
    assert len(pages) > 10
    assert [page for page in pages if not (ROOT / page).is_file()] == []
    assert re.findall(r"\]\((?!https?:)[^)]*\)", README) == []
