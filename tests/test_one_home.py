"""Small facts have one home, and what is public is called by somebody."""

import ast
import copy
import importlib
import re
from collections import defaultdict
from pathlib import Path

import pytest

from dasp.processors.catalogue import CATALOGUE
from tests.syntax import syntax

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "dasp").rglob("*.py"))

COINCIDENCES = {
    "AT_ONCE": "each as many as are quick",
    "AT_ONCE_S": "each as much as is quick",
    "CENTRED_BELOW_HZ": "each of its own paper",
    "FFT_SIZE": "of one signal here, of another's toolkit there",
    "FFT_SIZES": "the one may change without the other",
    "FRAME_S": "each of its own paper",
    "LEVEL_S": "each as fine as its picture",
    "LONGEST_S": "of other things",
    "MOST_BYTES": "of other documents",
    "UNSEEN_SONGS": "of recipes, which do not lean on one another",
}
"""Names with one value in several files, none of which is the other."""


def _constants():
    """Name, value and file of each constant whose name has several words: RATE may be any rate.

    Those of kernels are left out, of which each is tuned for itself.
    """
    for path in FILES:
        for node in syntax(path).body if path.parent.name != "backends" else ():
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if isinstance(name, ast.Name) and name.id.isupper() and "_" in name.id.lstrip("_"):
                    yield name.id.lstrip("_"), ast.dump(value), path


def test_a_constant_has_one_home():
    homes = defaultdict(set)
    for name, value, path in _constants():
        homes[name, value].add(str(path.relative_to(ROOT)))
    several = {name: sorted(files) for (name, _), files in homes.items() if len(files) > 1}
    assert {name: files for name, files in several.items() if name not in COINCIDENCES} == {}


LEAST_NODES = 40
"""Of the syntax of a function that is an idea: shorter ones are alike by chance."""


def _functions():
    """What each function of a file does, as its syntax with local names numbered, and its place.

    Those of kernels are left out, whose forms are written out for each, and those of recipes, which
    do not lean on one another.
    """
    for path in FILES:
        for node in ast.walk(syntax(path)) if not {"signal", "recipes"} & {*path.parts} else ():
            if not isinstance(node, ast.FunctionDef):
                continue
            numbers = {}
            body = copy.deepcopy(node.body[1:] if ast.get_docstring(node) else node.body)
            own = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
            parts = [part for statement in body for part in ast.walk(statement)]
            own |= {
                part.id
                for part in parts
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
            for part in parts:
                if isinstance(part, ast.Name) and part.id in own:
                    part.id = str(numbers.setdefault(part.id, len(numbers)))
            if len(parts) >= LEAST_NODES:
                yield "".join(map(ast.dump, body)), f"{path.relative_to(ROOT)}: {node.name}"


def test_a_function_has_one_home():
    homes = defaultdict(set)
    for body, place in _functions():
        homes[body].add(place)
    assert [sorted(places) for places in homes.values() if len(places) > 1] == []


def _names_in(path: Path) -> set[str]:
    """The names that a file speaks of: code by its syntax, a page by its words."""
    if path.suffix == ".md":
        return set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    names = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)  # an annotation, or a name that is looked up
            names |= {node.value.partition(":")[2]}  # the same, of a table of homes
    return names


@pytest.fixture(scope="module")
def spoken_of() -> set[str]:
    """All names in code and pages; of those of tests none, and of those that are re-exported."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    programs = [*(ROOT / "examples").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    code = [path for path in FILES if path.name != "__init__.py"]
    return set.union(*map(_names_in, (*pages, *programs, *code)))


@pytest.mark.parametrize("package", [p for p in FILES if p.name == "__init__.py"],
                         ids=lambda p: str(p.parent.relative_to(ROOT)))  # fmt: skip
def test_what_is_public_is_called(package, spoken_of):
    """By code, an example or a page; a test alone is no use of a name."""
    module = ".".join(package.relative_to(ROOT).parent.parts)
    names = set(getattr(importlib.import_module(module), "__all__", ()))
    names -= {name for name in names if name.lower() in CATALOGUE}  # which collects them
    names -= {path.stem for path in package.parent.iterdir()}  # modules
    assert names - spoken_of == set()
