"""`dasp train`: a recipe by its name, its configuration, and going on."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from dasp import recipes
from dasp.training import load_weights
from dasp.training.checkpoint import save
from tests.training.children import start, together

RECIPES = Path(recipes.__file__).parent

SMALL = ["songs=1", "unseen_songs=1", "seconds=0.5", "window_s=0.25", "width=4",
         "training.batch_size=2", "training.validate_every=5", "training.checkpoint_every=3",
         "training.log_every=1", "training.steps=12"]  # fmt: skip
SET = [option for pair in SMALL for option in ("--set", pair)]


def _main(*arguments):
    from dasp.cli.main import main

    if status := main([*map(str, arguments), "--device", "cpu"]):
        raise SystemExit(status)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training without a stop."""
    folder = tmp_path_factory.mktemp("whole")
    _main("train", "gain_and_pan", *SET, "-o", folder)
    return folder


def _weights(folder) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


def test_what_is_written(whole):
    with safe_open(whole / "weights.safetensors", "pt") as file:
        facts = json.loads(file.metadata()["dasp"])
    assert facts["recipe"] == "gain_and_pan" and facts["config"]["width"] == 4
    assert facts["config"]["training"]["schedule"]["kind"] == "cosine"
    log = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log if "loss" in line] == list(range(1, 13))
    assert facts["validation_loss"] == min(
        line["validation_loss"] for line in log if "validation_loss" in line
    )


def test_killed_and_resumed_it_ends_in_the_same_bits(whole, tmp_path):
    """The configuration is not given again: it is in the checkpoint."""
    child = start(_main, "train", "gain_and_pan", *SET, "-o", tmp_path)
    newest = tmp_path / "checkpoints" / "step-00000006.json"
    for _ in range(2000):
        if newest.exists():
            break
        time.sleep(0.005)
    child.kill()
    child.join()
    _main("train", "gain_and_pan", "--resume", "-o", tmp_path)
    assert _weights(tmp_path) == _weights(whole)


def test_resuming_says_what_it_does(dasp, whole, tmp_path):
    status, out, err = dasp("train", "gain_and_pan", "-o", whole)
    assert (status, out) == (1, "") and "--resume goes on" in err
    status, out, err = dasp("train", "gain_and_pan", *SET, "-o", tmp_path, "--resume")
    assert status == 0 and "beginning at step 0" in err
    assert out.startswith("steps: 12\nbest validation loss: ")
    assert _weights(tmp_path) == _weights(whole)
    status, out, _ = dasp(
        "train", "gain_and_pan", "-o", tmp_path, "--resume", "--set", "training.steps=14"
    )
    assert status == 0 and out.startswith("steps: 14\n")


def test_a_folder_of_another_recipe_is_refused(dasp, tmp_path):
    save(tmp_path / "checkpoints", {"x": torch.zeros(1)}, {"step": 1, "recipe": "console"}, 2)
    status, _, err = dasp("train", "gain_and_pan", "-o", tmp_path, "--resume")
    assert status == 1 and "a training by another recipe, console" in err


def test_a_file_and_then_assignments(dasp, tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("songs = 1\nunseen_songs = 1\nseconds = 0.5\nwindow_s = 0.25\n"
                    "[training]\nsteps = 5\nvalidate_every = 1\n")  # fmt: skip
    status, out, _ = dasp(
        "train", "gain_and_pan", "--config", file, "--set", "training.steps=2", "-o", tmp_path / "o"
    )
    assert status == 0 and out.startswith("steps: 2\n")
    file.write_text("[training]\nstep = 5\n")
    status, _, err = dasp("train", "gain_and_pan", "--config", file, "-o", tmp_path / "p")
    assert status == 1 and "unknown key 'training.step'; did you mean" in err
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("name", ["gain_and_pam", "../x", "os", "dasp.cli", "gain_and_pan.py", ""])
def test_a_recipe_is_a_module_of_its_package(dasp, name):
    status, _, err = dasp("train", name)
    assert status == 1 and "RECIPE: expected one of " in err


def test_all_recipes_are_listed_with_what_they_are(dasp):
    status, out, _ = dasp("train")
    assert status == 0
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    assert sorted(lines) == sorted(path.stem for path in RECIPES.glob("[a-z]*.py"))
    assert all(line.strip().endswith(".") for line in lines.values())


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("[a-z]*.py")))
def test_every_recipe_tells_its_options(dasp, recipe):
    status, out, _ = dasp("train", recipe, "--help")
    assert status == 0 and "configuration:" in out and "(default: " in out


def test_options_are_the_fields_of_the_configuration(dasp, whole, tmp_path):
    """As `--set`, by the whole name or the last part; what comes last has the last word."""
    options = [f"--{pair.replace('_', '-')}" for pair in SMALL]
    status, _, err = dasp("train", "gain_and_pan", *options, "-o", tmp_path / "one")
    assert status == 0, err
    assert _weights(tmp_path / "one") == _weights(whole)
    short = [option.replace("training.", "") for option in options]
    file = tmp_path / "two.safetensors"
    status, out, _ = dasp("train", "gain_and_pan", "--steps=9", *short, "-o", file)
    assert status == 0 and out.endswith(f"{file}\n")
    assert file.read_bytes() == _weights(tmp_path / "two")
    assert load_weights(file).keys() == load_weights(whole / "weights.safetensors").keys()
    status, _, err = dasp("train", "gain_and_pan", "--step-count", "5")
    assert status == 2 and "--step-count" in err
    status, _, err = dasp("train", "gain_and_pan", "--width", "wide", "-o", tmp_path / "three")
    assert status == 1 and "width: expected a whole number, got 'wide'" in err


def test_options_may_stand_before_the_recipe(dasp, whole, tmp_path):
    status, _, err = dasp("train", "-o", tmp_path, "--device", "cpu", "gain_and_pan", *SET)
    assert status == 0, err
    assert _weights(tmp_path) == _weights(whole)


def test_a_recipe_is_a_program_of_its_own(whole, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "dasp.recipes.gain_and_pan", *SET, "-o", tmp_path],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("steps: 12\nbest validation loss: ")
    _compare(whole, tmp_path)


def test_weights_to_begin_from(dasp, whole, tmp_path):
    """With no step to make they are what comes out; a pickle needs to be trusted."""
    ours = load_weights(whole / "weights.safetensors")
    torch.save(ours, tmp_path / "w.pt")
    command = ["train", "gain_and_pan", *SET, "--set", "training.steps=0", "-o", tmp_path / "o"]
    status, _, err = dasp(*command, "--weights", tmp_path / "w.pt")
    assert status == 1 and "--trust-pickle" in err and not (tmp_path / "o").exists()
    assert dasp(*command, "--weights", tmp_path / "w.pt", "--trust-pickle")[0] == 0
    kept = load_weights(tmp_path / "o" / "checkpoints" / "step-00000000.safetensors")
    assert all(torch.equal(kept[f"model.{name}"], x) for name, x in ours.items())
    status, _, err = dasp(
        *command[:-1], tmp_path / "p", "--set", "width=5",
        "--weights", whole / "weights.safetensors",
    )  # fmt: skip
    assert status == 1 and "--weights: of another model" in err


def _compare(one, other):
    ours, theirs = (load_weights(folder / "weights.safetensors") for folder in (one, other))
    for name, x in ours.items():
        torch.testing.assert_close(theirs[name], x, rtol=1e-3, atol=1e-5)


def test_two_processes_make_the_same_weights(whole, tmp_path):
    together(2, _main, "train", "gain_and_pan", *SET, "-o", tmp_path)
    _compare(whole, tmp_path)


@pytest.mark.long
def test_by_torchrun(whole, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "-m", "dasp", "train", "gain_and_pan", *SET, "-o", tmp_path, "--device", "cpu"],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("best validation loss") == 1
    _compare(whole, tmp_path)
