"""`dasp list`."""

import json

from dasp.processors.catalogue import CATALOGUE
from dasp.songs import DATASETS


def test_a_line_for_each_processor(dasp):
    status, out, err = dasp("list")
    lines = out.splitlines()
    assert status == 0 and err == ""
    assert [line.split()[0] for line in lines] == list(CATALOGUE)
    assert all(line.endswith(".") and "`" not in line for line in lines)
    assert "Reduce the level above a threshold by a ratio." in out


def test_json(dasp):
    status, out, _ = dasp("list", "--json")
    assert status == 0
    assert list(json.loads(out)) == list(CATALOGUE)


def test_data_sets(dasp):
    status, out, _ = dasp("list", "--data")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == list(DATASETS)
