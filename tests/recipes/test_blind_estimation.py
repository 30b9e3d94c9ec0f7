import pytest
import torch

from dasp.recipes.blind_estimation import (
    RATE,
    STRIP,
    Config,
    Example,
    Examples,
    build,
    measured,
    processed,
)
from dasp.songs.balances import Balances
from dasp.songs.choice import made_songs
from dasp.training import Schedule, Training, train


@pytest.fixture(scope="module")
def draw() -> Examples:
    return Examples(Balances(made_songs(range(1), sample_rate=RATE, seconds=4.0)))


def batch(draw: Examples, count: int) -> Example:
    drawn = [draw(torch.Generator().manual_seed(seed)) for seed in range(count)]
    return Example(*map(torch.stack, zip(*drawn, strict=True)))


def test_perfect_estimates_have_no_error(draw):
    mixes = batch(draw, 4)
    results = measured(lambda _: mixes.controls, mixes)
    assert max(results["estimated"].values()) < 1e-5 and min(results["the mean"].values()) > 0.3


def test_training_helps(draw):
    config = Config(songs=1, items=16)
    task = build(config)
    schedule = Schedule("cosine", warm_up_steps=4)
    train(task, Training(steps=30, learning_rate=3e-3, schedule=schedule))
    results = measured(task.model, batch(draw, 16))
    assert (
        results["estimated"]["spectral distance"] < 0.8 * results["the mean"]["spectral distance"]
    )


def test_processed_asks_for_no_gradient(draw):
    controls = torch.full((1, STRIP.n_controls), 0.5, requires_grad=True)
    assert not processed(batch(draw, 1).dry, controls).requires_grad
