"""Estimate what was done to a recording from nothing but the result.

A small network hears mixes behind an equaliser and a compressor, and says their settings. On songs
and settings that it has not heard, beside always saying the mean:

                                    estimated    the mean
    gains of the EQ                   2.2 dB       6.0 dB
    threshold                         4.9 dB      10.3 dB
    ratio                           0.72 oct     0.80 oct
    spectral distance of the sound      0.42         1.58

`dasp train blind_estimation`, minutes of one core; docs/recipes.md has more.
"""

import sys
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp.controllers.by_ear import RATE, Estimator, eq_and_compressor
from dasp.losses import multi_resolution_stft
from dasp.processors import Param, Processor
from dasp.songs.balances import Balances
from dasp.songs.choice import chosen_songs
from dasp.training import Schedule, Task, Training
from dasp.training.command import program

__all__ = ["Config", "build"]

SECONDS = 3.0
UNSEEN_SONGS = range(1000, 1010)

STRIP = Processor(
    eq_and_compressor,
    Param("eq_gain_db", -12.0, 12.0, default=0.0, bands=6),
    Param("threshold_db", -45.0, -5.0, default=-20.0),
    Param("ratio", 1.0, 10.0, default=3.0, scale="log"),
)

TRAINING = Training(
    steps=1500,
    batch_size=16,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=150),
)


@dataclass(frozen=True)
class Config:
    """Which songs, and how many mixes of others are to be judged."""

    songs: int = 30
    """Made songs to train on."""
    data: str = ""
    """A data set in their place, `NAME:FOLDER`."""
    items: int = 200
    """Mixes to measure on."""
    training: Training = TRAINING

    def __post_init__(self):
        for name in ("songs", "items"):
            check_range(name, getattr(self, name), low=1)


class Example(NamedTuple):
    """A mix `(*batch, 1, time)`, and the controls of what it is to go through."""

    dry: Tensor
    controls: Tensor


@dataclass(frozen=True)
class Examples:
    """Mixes in random balances, and settings from all of their ranges."""

    mixes: Balances

    def __call__(self, generator: torch.Generator) -> Example:
        """An example that is drawn with a generator."""
        dry = self.mixes.draw(generator, SECONDS)
        return Example(dry, torch.rand(STRIP.n_controls, generator=generator))


def build(config: Config) -> Task:
    """The songs, and a network that says the controls of `STRIP`."""
    seen = chosen_songs(config.data, range(config.songs), sample_rate=RATE)

    def loss(model: Estimator, batch: Example) -> Tensor:
        return (model(processed(*batch)) - batch.controls).abs().mean()

    def measure(model: Estimator) -> dict[str, dict[str, float]]:
        unseen = chosen_songs(config.data, UNSEEN_SONGS, sample_rate=RATE, unseen=True)
        generator = torch.Generator().manual_seed(config.training.seed + 1)
        draw = Examples(Balances(unseen))
        drawn = [draw(generator) for _ in range(config.items)]
        return measured(model, Example(*map(torch.stack, zip(*drawn, strict=True))))

    return Task(Estimator(STRIP.n_controls), loss, Examples(Balances(seen)), measure=measure)


def processed(x: Tensor, controls: Tensor) -> Tensor:
    """What `STRIP` makes of `x`; no gradient is asked of it."""
    with torch.no_grad():
        return STRIP(x, RATE, **STRIP.to_physical(controls))


def measured(model: Estimator, mixes: Example) -> dict[str, dict[str, float]]:
    """Mean absolute errors of the settings, and of the sound that they make of the dry mix."""
    target, true = processed(*mixes), STRIP.to_physical(mixes.controls)
    with torch.no_grad():
        guesses = {"estimated": model(target), "the mean": torch.full_like(mixes.controls, 0.5)}
    results = {}
    for name, guess in guesses.items():
        said, y = STRIP.to_physical(guess), processed(mixes.dry, guess)
        results[name] = {
            "EQ gains (dB)": _error(said["eq_gain_db"], true["eq_gain_db"]),
            "threshold (dB)": _error(said["threshold_db"], true["threshold_db"]),
            "ratio (octaves)": _error(said["ratio"].log2(), true["ratio"].log2()),
            "spectral distance": multi_resolution_stft(y, target).item(),
        }
    return results


def _error(output: Tensor, target: Tensor) -> float:
    return (output - target).abs().mean().item()


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
