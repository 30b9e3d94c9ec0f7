"""A recipe as a program: `dasp train RECIPE`, and `python -m dasp.recipes.RECIPE`."""

import argparse
import importlib
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from dasp._toml import read_toml
from dasp.mixing.settings import Mix
from dasp.training.checkpoint import Checkpoint, latest, load_weights
from dasp.training.config import as_table, assignment, changed, merged
from dasp.training.loop import Progress, train
from dasp.training.options import add_common_options, add_fields
from dasp.training.processes import processes
from dasp.training.task import Direct, Measures, Task
from dasp.training.tensorboard import Board


def program(module: str, arguments: Sequence[str] | None = None) -> int:
    """Run a recipe as a program of its own.

    Args:
        module: Its dotted name.
        arguments: The words of the command line; those of the process where none are given.

    Returns:
        The exit status: 0, or 1 where the work failed, with the reason on stderr.

    Raises:
        ValueError: Never: what is wrong is told on stderr.
    """
    recipe = importlib.import_module(module)
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    add_common_options(parser)
    try:
        return run(recipe, parse(recipe, parser, arguments))
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1


def parse(
    recipe: ModuleType,
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None = None,
    namespace: argparse.Namespace | None = None,
) -> argparse.Namespace:
    """Read a command line with an option for each field of a recipe.

    Args:
        recipe: Its module.
        parser: Has the options that all recipes have.
        arguments: The words of the command line; those of the process where none are given.
        namespace: What is known already.

    Returns:
        What was given; `assignments` is the changes to the configuration, the last word last.
    """
    parser.description = (recipe.__doc__ or "").split("\n\n")[0]
    add_fields(parser, recipe.Config())
    return parser.parse_args(arguments, namespace)


def run(
    recipe: ModuleType, args: argparse.Namespace, draw: Callable[[Mix], Any] | None = None
) -> int:
    """Train by a recipe, and print what was reached.

    Args:
        recipe: A module with `Config` and `build`.
        args: What `parse` has read.
        draw: Makes a figure of the settings of a console, for TensorBoard.

    Returns:
        The exit status, 0.

    Raises:
        ValueError: If the configuration has no such key or value, a training is there already and
            is not to go on, the weights are of another model, or what is asked for makes no sense
            where nothing is trained step by step.
    """
    name = recipe.__name__.rpartition(".")[2]
    output = args.output or Path("runs") / name
    folder = output.with_suffix("") if output.suffix == ".safetensors" else output
    with processes(args.device) as everyone:
        start = latest(folder / "checkpoints")
        everyone.wait()  # until all have looked, before the first one writes there
        _check_start(start, folder, name, args.resume, everyone.is_first)
        tables = [] if start is None else [start.facts["config"]]
        tables += [read_toml(args.config)] if args.config else []
        given = args.assignments or []
        tables += [assignment(one) if isinstance(one, str) else one for one in given]
        config = changed(recipe.Config(), merged(tables))
        facts = {"recipe": name, "config": as_table(config)}

        torch.manual_seed(config.training.seed if hasattr(config, "training") else config.seed)
        task = recipe.build(config)
        if isinstance(task, Direct):
            _refuse_steps(name, args)
            found = task.find()
            folder.mkdir(parents=True, exist_ok=True)
            task.save(folder / "weights.safetensors", found)
            print_measures(task.measure(found))
        else:
            if args.weights and start is None:
                _begin_from(task.model, load_weights(args.weights, trust_pickle=args.trust_pickle))
            progress = train(
                task,
                config.training,
                folder,
                start=start,
                facts=facts,
                processes=everyone,
                board=_board(folder, draw) if args.tensorboard and everyone.is_first else None,
            )
            if not everyone.is_first:
                return 0
            _print_progress(progress)
            _measure(task, folder / "weights.safetensors")
    if folder != output:
        shutil.copyfile(folder / "weights.safetensors", output)
    print(output if folder != output else folder / "weights.safetensors")
    return 0


def print_measures(measures: Measures) -> None:
    """Print a table.

    Args:
        measures: Its columns, each with its numbers by what they measure.
    """
    rows = list(dict.fromkeys(row for column in measures.values() for row in column))
    width = max(map(len, rows), default=0)
    if len(measures) > 1:
        print(" " * width + "".join(f"  {column:>10}" for column in measures))
    for row in rows:
        cells = [f"{column[row]:.3g}" if row in column else "" for column in measures.values()]
        print(f"{row:{width}}" + "".join(f"  {cell:>10}" for cell in cells))


def _check_start(
    start: Checkpoint | None, folder: Path, recipe: str, resume: bool, is_first: bool
) -> None:
    if start is not None and not resume:
        raise ValueError(f"{folder}: a training is there; --resume goes on, or use another -o")
    if start is None and resume and is_first:
        print(f"{folder}: no checkpoint is there; beginning at step 0", file=sys.stderr)
    if start is not None and start.facts.get("recipe") != recipe:
        raise ValueError(f"{folder}: a training by another recipe, {start.facts.get('recipe')}")


def _refuse_steps(recipe: str, args: argparse.Namespace) -> None:
    for option in ("resume", "weights", "tensorboard"):
        if getattr(args, option):
            raise ValueError(f"--{option}: {recipe} does its work in one go")


def _begin_from(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"--weights: of another model: {error}") from error


def _board(folder: Path, draw: Callable[[Mix], Any] | None) -> Board:
    return Board(folder / "tensorboard", draw)


def _print_progress(progress: Progress) -> None:
    print(f"steps: {progress.step}")
    if progress.best_loss is not None:
        print(f"best validation loss: {progress.best_loss:.6g} (step {progress.best_step})")


def _measure(task: Task, weights: Path) -> None:
    """What the weights that were kept reach."""
    if task.measure is not None:
        model = task.model.cpu()
        model.load_state_dict(load_weights(weights))
        print_measures(task.measure(model.eval()))
