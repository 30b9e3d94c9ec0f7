"""The reference has every public name, with words."""

import ast
import importlib
import inspect
import re

import pytest

from dasp.processors import Processor
from docs.building import reference
from tests.docs.pages import PAGES, ROOT, blocks
from tests.syntax import syntax

MODULES = reference.public_modules()
TEXT = "\n".join(reference.pages().values())
HAS = set(re.findall(r"^\.\. (?:autofunction|autoclass|py:data):: ([\w.]+)$", TEXT, re.MULTILINE))
ALSO = set(re.findall(r"\{py:obj\}`\w+ <([\w.]+)>`", TEXT))


def names_of_all(path) -> list[str]:
    """What a file says in `__all__`, read without running it."""
    for node in syntax(path).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            if isinstance(node.value, ast.List | ast.Tuple):
                return [ast.literal_eval(element) for element in node.value.elts
                        if isinstance(element, ast.Constant)]  # fmt: skip
            return list(importlib.import_module(module_of(path)).__all__)
    return []


def module_of(path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


WITH_ALL = {
    module_of(path): names
    for path in sorted((ROOT / "dasp").rglob("*.py"))
    if "__all__" in path.read_text(encoding="utf-8")
    and (names := names_of_all(path))
    and path != ROOT / "dasp" / "__init__.py"
}


def is_in_the_reference(module: str, name: str) -> bool:
    value = getattr(importlib.import_module(module), name)
    if inspect.ismodule(value) or f"{module}.{name}" in HAS:
        return True
    return any(getattr(_resolved(place), "__name__", "") == name for place in ALSO
               if _resolved(place) is value)  # fmt: skip


def _resolved(place: str):
    module, _, name = place.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("module", WITH_ALL)
def test_every_public_name_is_in_the_reference(module):
    hidden = re.search(r"\._|\.cli|\.backends", module)
    assert hidden or [n for n in WITH_ALL[module] if not is_in_the_reference(module, n)] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_the_reference_has_words(module):
    value = MODULES[module]
    assert inspect.getdoc(value), module
    for name in reference.public_names(value):
        item = getattr(value, name)
        if inspect.isclass(item) or inspect.isfunction(item):
            assert inspect.getdoc(item), f"{module}.{name}"
        elif not isinstance(item, Processor):
            assert reference.words_of(module, name), f"{module}.{name} has no text below it"


def imported() -> list[tuple[str, str]]:
    """Names of `dasp` that the pages and examples import, with their modules."""
    codes = [b.code for page in PAGES for b in blocks(page) if b.language == "python"]
    codes += [path.read_text(encoding="utf-8") for path in (ROOT / "examples").glob("*.py")]
    found = {
        (node.module or "", alias.name)
        for code in codes
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dasp.")
        for alias in node.names
    }
    return sorted(found)


@pytest.mark.parametrize("module, name", imported())
def test_what_pages_and_examples_import_is_in_the_reference(module, name):
    if module == reference.CATALOGUE_MODULE:
        module = "dasp.functional"
    is_module = f"{module}.{name}" in MODULES
    assert is_module or is_in_the_reference(module, name), f"{module}.{name}"
