"""Train a network that gives music the style of other music: audio in, audio out.

    dasp train style_converter --cache renderings --data songs:SONGS

The weights of the package: 20 renderings, one piece in four of released songs in stems, 150 steps,
about four minutes of one core. Of four recordings with the truth its spectra are 4.5 dB from that
(the input 5.6 dB, the last published converter 4.3 dB, `dasp match` 4.1 dB): `python -m
benchmarks.reference_mixing --only style`, docs/style_converter.md.

After J. Koo et al., "Music mixing style transfer: a contrastive learning approach to disentangle
audio effects", ICASSP 2023, at a size that trains on one core. A content without its own effects is
the input, another content under a drawn setting the reference, and the first content under that
setting the target (`dasp.training.converter_examples`). The encoder of the package hears the
reference, and is not trained. The loss compares spectra of left, right, mid and side at four
resolutions, and levels; each step draws one of the resolutions.

Training begins with a ridge regression of the means of a target on the styles of reference and
input, and half of the way from there to the last weights is kept, as M. Wortsman et al., "Robust
fine-tuning of zero-shot models", CVPR 2022, have it.
"""

import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import default_collate

from dasp._checks import check_range
from dasp.controllers.style.conversion import RECIPE
from dasp.controllers.style.converter import Converter, Size
from dasp.losses import multi_scale_spectral
from dasp.songs.table import load_dataset, seen_and_unseen
from dasp.training import Schedule, Task, Training
from dasp.training.command import program
from dasp.training.config import as_table
from dasp.training.converter_examples import (
    Conversions,
    Example,
    Renderings,
    ridge_regression,
)
from dasp.training.effect_examples import in_memory
from dasp.training.half_weights import save_half

__all__ = ["Config", "build"]

UNSEEN = 100_000
"""The first rendering that is not trained on. Benchmarks begin at a million."""

NOISE = 0.3
"""Added to the numbers of a style in training, which have few settings behind them."""

FFT_SIZES = (4096, 2048, 1024, 512)

TRAINING = Training(
    steps=150,
    batch_size=8,
    learning_rate=1e-3,
    schedule=Schedule("cosine", warm_up_steps=20),
    clip_norm=1.0,
    ema_decay=0.97,
    checkpoint_every=100,
)


@dataclass(frozen=True)
class Config:
    """Which pieces are heard, how large the network is, and what counts in the loss."""

    size: Size = field(default_factory=Size)
    renderings: int = 20
    unseen_renderings: int = 2
    settings: int = 12
    """Settings of each rendering of two pieces."""
    frames: int = 49_152
    """Length of an example in samples."""
    linear: float = 0.5
    """Weight of magnitudes in the loss."""
    logarithmic: float = 0.5
    """Weight of their logarithms."""
    gain: float = 0.5
    """Weight of the differences of levels."""
    kept: float = 0.5
    """How far to go from the first weights, 0, to the last, 1."""
    data: str = ""
    """A data set, `NAME:FOLDER`, of which one piece in four is."""
    cache: str = ""
    """A folder that keeps renderings, since they take as long as the training."""
    training: Training = TRAINING

    def __post_init__(self):
        for name in ("renderings", "unseen_renderings", "settings", "frames"):
            check_range(name, getattr(self, name), low=1)
        for name in ("linear", "logarithmic", "gain"):
            check_range(name, getattr(self, name), low=0)
        check_range("kept", self.kept, low=0, high=1)


def build(config: Config) -> Task:
    """The renderings, and a network that is to tell from a reference what to do to an input."""
    songs = seen_and_unseen(load_dataset(config.data))[0] if config.data else []
    make = Renderings(config.cache, settings=config.settings)
    made = Renderings(
        config.cache, settings=config.settings, recorded=tuple(map(in_memory, songs))
    ).all(range(config.renderings))
    unseen = make.all(range(UNSEEN, UNSEEN + config.unseen_renderings))

    def distance(y: Tensor, target: Tensor, fft_sizes: tuple[int, ...]) -> Tensor:
        spectral = multi_scale_spectral(
            y, target, fft_sizes=fft_sizes, linear=config.linear, logarithmic=config.logarithmic
        )
        return spectral + config.gain * level_difference(y, target)

    def loss(model: Callable, batch: Example) -> Tensor:
        training = torch.is_grad_enabled()
        sizes = (FFT_SIZES[int(torch.randint(len(FFT_SIZES), ()))],) if training else FFT_SIZES
        styles = [
            style + NOISE * torch.randn_like(style) if training else style
            for style in (batch.reference, batch.own)
        ]
        return distance(model(batch.x, *styles), batch.target, sizes)

    draw = Conversions(made, config.settings, config.frames)
    judged = Conversions(unseen, config.settings, config.frames)
    generator = torch.Generator().manual_seed(0)
    unheard = [default_collate([judged(generator) for _ in range(8)]) for _ in range(4)]

    def measure(model: Converter) -> dict[str, dict[str, float]]:
        converters: dict[str, Callable] = {"network": model, "input": lambda x, *styles: x}
        return {name: measured(one, unheard) for name, one in converters.items()}

    def save(path: Path, model: Converter) -> None:
        between = copy.deepcopy(model)
        for weight, first in zip(between.parameters(), start, strict=True):
            weight.data = torch.lerp(first.to(weight), weight, config.kept)
        save_half(path, between, {"recipe": RECIPE, "config": as_table(config)})

    converter = Converter(config.size)
    if config.size.works_on == "bands":
        converter.set_at_rest(ridge_regression(made, config.settings))
    start = [weight.detach().clone() for weight in converter.parameters()]
    return Task(converter, loss, draw, measure=measure, save=save)


def level_difference(y: Tensor, target: Tensor) -> Tensor:
    """The mean difference of the RMS levels of the channels."""
    levels = [(x.square().mean(-1) + 1e-10).sqrt() for x in (y, target)]
    return (levels[0] - levels[1]).abs().mean()


@torch.no_grad()
def measured(convert: Callable, batches: list[Example]) -> dict[str, float]:
    """Mean distances to the target: of left and right beside mid and side, and of levels."""
    found = []
    for batch in batches:
        y = convert(batch.x, batch.reference, batch.own)
        found.append([
            multi_scale_spectral(y, batch.target), level_difference(y, batch.target)
        ])  # fmt: skip
    spectral, level = torch.tensor(found).mean(0).tolist()
    return {"spectral distance": spectral, "level": level}


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
