"""`dasp train`: a recipe, its configuration, and where the weights go."""

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import torch

import dasp.recipes
from dasp._checks import check_choice
from dasp.pictures import draw_console
from dasp.training import latest, load_weights, processes, train
from dasp.training.config import as_table, assignment, changed, merged, read_toml
from dasp.training.tensorboard import Board


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Train by a recipe of dasp.recipes. DIR gets weights.safetensors, log.jsonl "
        "and checkpoints. Under torchrun (torchrun --nproc-per-node 2 -m dasp train ...) several "
        "processes share each batch."
    )
    parser.add_argument(
        "recipe", metavar="RECIPE",
        help="gain_and_pan, wave_unet or differentiable_mixing_console",
    )  # fmt: skip
    parser.add_argument("--config", type=Path, metavar="TOML", help="what differs from the recipe")
    parser.add_argument(
        "--set", dest="assignments", action="append", default=[], metavar="KEY=VALUE",
        help="one value of the configuration, such as training.steps=500; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="default: runs/RECIPE",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="go on from the newest whole checkpoint of DIR, with its configuration",
    )  # fmt: skip
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="weights to begin from, as safetensors"
    )
    parser.add_argument(
        "--trust-pickle", action="store_true",
        help="let --weights read a .pt, which can run a program of its maker",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="such as cpu or cuda:0 (default: auto)")
    parser.add_argument(
        "--tensorboard", action="store_true", help="logs for TensorBoard, in DIR/tensorboard"
    )


def run(args: argparse.Namespace) -> int:
    """Train, and say what was reached."""
    recipe = _recipe(args.recipe)

    folder = args.output or Path("runs") / args.recipe
    with processes(args.device) as everyone:
        start = latest(folder / "checkpoints")
        everyone.wait()  # until all have looked, before the first one writes there
        if start is not None and not args.resume:
            raise ValueError(f"{folder}: a training is there; --resume goes on, or use another -o")
        if start is None and args.resume and everyone.is_first:
            print(f"{folder}: no checkpoint is there; beginning at step 0", file=sys.stderr)
        if start is not None and start.facts.get("recipe") != args.recipe:
            raise ValueError(f"{folder}: a training by another recipe, {start.facts.get('recipe')}")
        tables = [] if start is None else [start.facts["config"]]
        tables += [read_toml(args.config)] if args.config else []
        tables += map(assignment, args.assignments)
        config = changed(recipe.Config(), merged(tables))

        torch.manual_seed(config.training.seed)
        task = recipe.build(config)
        if args.weights and start is None:
            _begin_from(task.model, load_weights(args.weights, trust_pickle=args.trust_pickle))
        progress = train(
            task,
            config.training,
            folder,
            start=start,
            facts={"recipe": args.recipe, "config": as_table(config)},
            processes=everyone,
            board=_board(folder) if args.tensorboard and everyone.is_first else None,
        )
        if everyone.is_first:
            _print(folder, progress)
    return 0


def _recipe(name: str):
    """The module of a recipe, which is looked for by its name and nowhere else."""
    names = [module.name for module in pkgutil.iter_modules(dasp.recipes.__path__)]
    check_choice("RECIPE", name, names)
    module = importlib.import_module(f"dasp.recipes.{name}")
    if not hasattr(module, "build"):
        raise ValueError(f"{name} is a program of its own: python -m dasp.recipes.{name} --help")
    return module


def _begin_from(model, weights: dict) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"--weights: of another model: {error}") from error


def _board(folder: Path):
    return Board(folder / "tensorboard", draw_console)


def _print(folder: Path, progress) -> None:
    print(f"steps: {progress.step}")
    if progress.best_loss is not None:
        print(f"best validation loss: {progress.best_loss:.6g} (step {progress.best_step})")
    print(folder / "weights.safetensors")
