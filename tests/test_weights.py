"""The weights of the package: of a recipe that exists, and without a path of a machine."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from safetensors import safe_open

from dasp.weights import FOLDER

FILES = sorted(FOLDER.glob("*.safetensors"))

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def metadata(path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def texts(tree: Any) -> Iterator[str]:
    """Every text in lists and dictionaries."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for own in tree.values() if isinstance(tree, dict) else tree:
            yield from texts(own)


@every_file
def test_no_path_of_a_machine_is_in_what_is_told_of_them(path):
    for name, value in metadata(path).items():
        told = json.loads(value) if value.startswith(("{", "[")) else value
        for text in texts(told):
            assert not text.rpartition(":")[2].startswith(("/", "~", "\\")), f"{name}: {text}"


@every_file
def test_they_can_be_read_by_all(path):
    assert path.stat().st_mode & 0o044 == 0o044


@every_file
def test_a_recipe_that_is_named_exists(path):
    facts = json.loads(metadata(path).get("dasp", "{}"))
    if "recipe" in facts:
        importlib.import_module(f"dasp.recipes.{facts['recipe']}")
