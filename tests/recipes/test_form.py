"""What every recipe has, and what none of them does."""

import ast
import importlib
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from dasp import recipes
from dasp.training import Direct, Task, Training
from tests.syntax import syntax

FILES = sorted(Path(recipes.__file__).parent.glob("[a-z]*.py"))

every_recipe = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def imported(path: Path) -> set[str]:
    """The modules and names that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@every_recipe
def test_no_recipe_imports_another(path):
    assert not [name for name in imported(path) if name.startswith("dasp.recipes")]


@every_recipe
def test_no_recipe_has_a_loop_or_a_network_of_its_own(path):
    """No optimiser, no backward pass, no layers, no arguments of a command line."""
    for node in ast.walk(syntax(path)):
        word = getattr(node, "attr", getattr(node, "id", ""))
        assert word not in ("optim", "backward", "Adam"), f"{path.name}: {word}"
        bases = node.bases if isinstance(node, ast.ClassDef) else []
        assert not [base for base in bases if "Module" in ast.unparse(base)], path.name
    assert not imported(path) & {"argparse", "torch.optim"}


@every_recipe
def test_every_recipe_has_a_configuration_and_builds_a_task(path):
    module = importlib.import_module(f"dasp.recipes.{path.stem}")
    assert is_dataclass(module.Config)
    kind = module.build.__annotations__["return"]
    assert kind in (Task, Direct)
    kinds = {field.name: field.type for field in fields(module.Config)}
    assert kinds.get("training") is Training if kind is Task else kinds["seed"] is int
    assert module.__all__ == ["Config", "build"] or set(module.__all__) > {"Config", "build"}
