"""What the README says is true: its Python runs, and its table is the catalogue."""

import re
from pathlib import Path

import dasp.functional as F
from dasp.processors.catalogue import CATALOGUE

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_examples_run():
    names = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(block, names)
    assert (names["threshold_db"].grad != 0).all()
    assert names["y"].shape == (8, 2, 44_100)


def test_the_table_is_the_catalogue():
    table = README.split("## Processors")[1].split("\n\n")[1]
    assert re.findall(r"`(\w+)`", table) == list(CATALOGUE)


def test_every_name_of_the_table_is_a_function():
    for name, processor in CATALOGUE.items():
        assert getattr(F, name) is processor.function
        assert name in F.__all__
