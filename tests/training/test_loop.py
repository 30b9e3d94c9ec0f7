"""The loop against the same steps written out, on problems whose answers are known."""

import json
import math
import os
import random
import signal
import time

import pytest
import torch
from torch import nn

from dasp.training import Schedule, Task, Training, latest, load_weights, processes, train
from dasp.training.batches import seed_of
from tests.training.children import start, together

WEIGHT = torch.tensor([[1.0, -2.0, 0.5]])


def _pair(generator):
    x = torch.randn(3, generator=generator)
    return x, x @ WEIGHT.T


def _squared(model, batch):
    x, y = batch
    return (model(x) - y).square().mean()


def line(**changes) -> Task:
    """A linear map that is to be found."""
    torch.manual_seed(0)
    task = {"model": nn.Linear(3, 1, bias=False), "loss": _squared, "draw": _pair}
    return Task(**{**task, **changes})


def noisy() -> Task:
    """A network with everything that a checkpoint may forget: chance, buffers, averages."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 1))
    validation = [_batch(seed) for seed in range(3)]
    return Task(model, _squared, _pair, validation)


def _batch(seed):
    x = torch.randn(16, 3, generator=torch.Generator().manual_seed(seed))
    return x, x @ WEIGHT.T


def _log(folder) -> list[dict]:
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def test_every_step_is_the_one_written_out(tmp_path):
    """Adam, the schedule, clipping and the average, with the items drawn as they say."""
    training = Training(
        seed=3, steps=12, batch_size=4, learning_rate=0.1, clip_norm=0.5, ema_decay=0.6,
        schedule=Schedule("cosine", warm_up_steps=3),
    )  # fmt: skip
    train(line(), training, tmp_path)

    weight = line().model.weight.detach().double()
    m, v, average = torch.zeros_like(weight), torch.zeros_like(weight), weight.clone()
    for t in range(1, 13):
        seeds = [seed_of(3, "item", t, i) for i in range(4)]
        x = torch.stack([_pair(torch.Generator().manual_seed(seed))[0] for seed in seeds]).double()
        error = x @ (weight - WEIGHT.double()).T
        g = 2 * (error * x).mean(0, keepdim=True)
        g = g * min(1.0, 0.5 / (g.norm().item() + 1e-6))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        rate = 0.1 * (t / 3 if t <= 3 else 0.5 * (1 + math.cos(math.pi * (t - 4) / 9)))
        weight = weight - rate * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
        d = min(0.6, t / (t + 1))
        average = d * average + (1 - d) * weight
    kept = load_weights(tmp_path / "weights.safetensors")["weight"].double()
    torch.testing.assert_close(kept, average, rtol=1e-5, atol=1e-6)


def test_the_answer_is_found(tmp_path):
    training = Training(steps=300, learning_rate=0.05, schedule=Schedule("cosine"))
    progress = train(line(validation=[_batch(0)]), training, tmp_path)
    kept = load_weights(tmp_path / "weights.safetensors")["weight"]
    torch.testing.assert_close(kept, WEIGHT, atol=1e-3, rtol=0)
    assert progress.best_loss < 1e-5 and progress.step == 300
    steps = [entry["step"] for entry in _log(tmp_path) if "validation_loss" in entry]
    assert steps == [100, 200, 300]


class Wanders(nn.Module):
    """Its validation loss is a given number at each validation."""

    def __init__(self, losses):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.losses, self.validations = losses, 0

    def forward(self, batch):
        if self.training:
            return self.weight * batch.mean()
        self.validations += 1
        return self.weight * 0 + self.losses[self.validations - 1]


def _wandering(losses):
    return Task(
        Wanders(losses), lambda model, batch: model(batch),
        lambda generator: torch.ones(1), [torch.ones(1, 1)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("patience", "last", "best"), [(1, 6, 4), (2, 12, 8), (3, 14, 8), (0, 14, 8)]
)
def test_it_stops_when_patience_ends_and_keeps_the_best(tmp_path, patience, last, best):
    losses = [5.0, 4.0, 4.0, 3.0, math.nan, 3.5, 9.0]
    training = Training(
        steps=14, batch_size=1, learning_rate=1.0, validate_every=2, patience=patience
    )
    progress = train(_wandering(losses), training, tmp_path)
    assert (progress.step, progress.best_step) == (last, best)
    kept = load_weights(tmp_path / "weights.safetensors")["weight"].item()
    assert kept == pytest.approx(-best, rel=1e-5)  # Adam goes one unit a step.
    # One that has stopped stays where it is.
    again = train(_wandering([0.0] * 9), training, tmp_path, start=latest(tmp_path / "checkpoints"))
    assert (again.step, again.best_step) == (last, best)


def test_a_gradient_that_is_not_finite_stops_all(tmp_path):
    def loss(model, batch):
        return model(batch[0]).mean() / (0.0 if model.training else 1.0) * 0

    with pytest.raises(ValueError, match="step 1: the gradient is not finite"):
        train(line(loss=loss), Training(steps=3), tmp_path)
    assert latest(tmp_path / "checkpoints").facts["step"] == 0


def test_mixed_precision_is_for_the_model_alone(tmp_path):
    seen = {}

    class Looks(nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            seen["inside"] = y.dtype
            return {"y": (y,)}

    def loss(model, batch):
        y = model(batch[0])["y"][0]
        seen["outside"], seen["product"] = y.dtype, (y @ y.T).dtype
        return (y - batch[1]).square().mean()

    task = line(model=Looks(3, 1), loss=loss)
    train(task, Training(steps=1, mixed_precision=True), tmp_path)
    assert seen == {"inside": torch.bfloat16, "outside": torch.float32, "product": torch.float32}


def test_weights_that_no_item_reaches_stay(tmp_path):
    model = nn.ModuleDict({"used": nn.Linear(3, 1), "unused": nn.Linear(2, 2)})
    model["frozen"] = nn.Linear(3, 1).requires_grad_(False)
    before = {name: x.clone() for name, x in model.state_dict().items()}

    def loss(network, batch):
        return (model["used"](batch[0]) - model["frozen"](batch[0])).square().mean()

    train(line(model=model, loss=loss), Training(steps=3, clip_norm=1.0), tmp_path)
    same = {name: torch.equal(x, before[name]) for name, x in model.state_dict().items()}
    assert same == {name: not name.startswith("used") for name in before}


# Going on

TRAINING = Training(
    steps=60, batch_size=4, learning_rate=0.02, ema_decay=0.9, clip_norm=1.0, validate_every=7,
    checkpoint_every=4, log_every=1, schedule=Schedule("cosine", warm_up_steps=5),
)  # fmt: skip


def _go_on(folder, delay_s=0.0):
    """Train from the newest checkpoint, and not too fast to be killed."""
    task = noisy()
    if delay_s:
        quick = task.loss

        def slow(model, batch):
            time.sleep(delay_s)
            return quick(model, batch)

        task = Task(task.model, slow, task.draw, task.validation)
    train(task, TRAINING, folder, start=latest(folder / "checkpoints"))


def _files(folder) -> dict[str, bytes]:
    paths = (folder / "checkpoints" / "step-00000060.safetensors", folder / "weights.safetensors")
    return {path.name: path.read_bytes() for path in paths}


def test_killed_at_any_step_it_ends_in_the_same_bits(tmp_path):
    """By SIGKILL, at random moments: in steps, in validations, while a checkpoint is written."""
    _go_on(tmp_path / "whole")
    chance, kills, folder = random.Random(), 0, tmp_path / "killed"
    while True:
        child = start(_go_on, folder, 0.002)
        lines = chance.randint(1, 25)
        log = folder / "log.jsonl"
        begun = len(log.read_bytes().splitlines()) if log.exists() else 0
        until = time.monotonic() + 20
        while child.is_alive() and time.monotonic() < until:
            done = len(log.read_bytes().splitlines()) if log.exists() else 0
            if done >= begun + lines or kills >= 6:
                break
        time.sleep(chance.uniform(0, 0.01))
        if kills < 6 and child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
        child.join(30)
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        kills += 1
    assert kills >= 2
    assert _files(folder) == _files(tmp_path / "whole")
    assert _log(folder) == _log(tmp_path / "whole")


def test_going_on_from_the_checkpoint_before_a_damaged_one(tmp_path):
    _go_on(tmp_path)
    whole = _files(tmp_path)
    (tmp_path / "checkpoints" / "step-00000060.safetensors").write_bytes(b"\0" * 100)
    with pytest.warns(RuntimeWarning, match="step-00000060.json: A DAMAGED CHECKPOINT"):
        _go_on(tmp_path)
    assert _files(tmp_path) == whole


# Several processes


def _plain_network() -> Task:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    return Task(model, _squared, _pair, [_batch(seed) for seed in range(3)])


def _train_with_others(folder):
    with processes("cpu") as everyone:
        task = _plain_network()
        with torch.no_grad():
            task.model[0].weight.add_(everyone.rank)  # The first one's weights are the right ones.
        train(task, TRAINING, folder, processes=everyone)


def test_two_processes_make_the_steps_of_one(tmp_path):
    together(2, _train_with_others, tmp_path / "two")
    train(_plain_network(), TRAINING, tmp_path / "one")
    one, two = (load_weights(tmp_path / n / "weights.safetensors") for n in ("one", "two"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-6)
    first, second = _log(tmp_path / "one"), _log(tmp_path / "two")
    assert len(first) == len(second) == 60 + 9
    for a, b in zip(first, second, strict=True):
        assert a == pytest.approx(b, rel=1e-4, abs=1e-7)


def test_a_batch_that_cannot_be_shared(tmp_path):
    from dasp.training import Processes

    with pytest.raises(ValueError, match="a multiple of the 3 processes"):
        train(line(), Training(batch_size=4), tmp_path, processes=Processes(0, 3))


def test_patience_without_a_validation_set(tmp_path):
    with pytest.raises(ValueError, match="no validation set"):
        train(line(), Training(patience=1), tmp_path)
