"""`dasp train`: a recipe, its configuration, and where the weights go."""

import argparse
import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import dasp.recipes
from dasp._checks import check_choice
from dasp.cli.parser import Parser
from dasp.pictures import draw_console
from dasp.training import command
from dasp.training.options import add_common_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Train by a recipe of dasp.recipes. DIR gets weights.safetensors, log.jsonl "
        "and checkpoints. Under torchrun (torchrun --nproc-per-node 2 -m dasp train ...) several "
        "processes share each batch. Without RECIPE the recipes are listed; 'dasp train RECIPE "
        "--help' tells the options of one, such as --steps 500."
    )
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", help="what 'dasp train' lists")
    add_common_options(parser)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Train, and say what was reached; or list the recipes."""
    if args.recipe is None:
        width = max(map(len, recipes()))
        for name, line in recipes().items():
            print(f"{name:{width}}  {line}")
        return 0
    recipe = _recipe(args.recipe)
    parser = Parser(prog=f"dasp train {args.recipe}")
    add_common_options(parser, default=argparse.SUPPRESS)
    return command.run(recipe, command.parse(recipe, parser, args.rest, args), draw=draw_console)


def recipes() -> dict[str, str]:
    """Every recipe, with the first line of what it says of itself. None is imported."""
    folder = Path(dasp.recipes.__path__[0])
    names = [module.name for module in pkgutil.iter_modules([str(folder)])]
    return {name: _first_line(folder / f"{name}.py") for name in names}


def _first_line(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.split("\n")[0]


def _recipe(name: str) -> ModuleType:
    """The module of a recipe, which is looked for by its name and nowhere else."""
    check_choice("RECIPE", name, recipes())
    return importlib.import_module(f"dasp.recipes.{name}")
