"""Train an encoder to hear what was done to a recording, and not what is played.

    dasp train effect_encoder --cache boards --data songs:SONGS

The weights of the package: 20 boards, one piece in four of released songs in stems, 350 steps,
about four minutes of one core. Of ten settings on twenty-five unseen pieces the nearest recording
of another piece has the same one in 99 % (mixes; MFCC statistics 84 %, chance 10 %), and the
nearest of one other piece's ten in 88 % (47 %): `python -m benchmarks.effect_encoder`,
docs/effect_encoder.md.

After J. Koo et al., "Music mixing style transfer: a contrastive learning approach to disentangle
audio effects", ICASSP 2023, at a size that trains on one core. Two contents under the same random
effects are to have one embedding (NT-Xent), beside which stand the same contents under others. Once
heard, boards of contents and settings (`dasp.training.effect_examples`) are varied without new
audio: a setting gets another equaliser, level and side, for all of its contents alike.

`pairs=standard` trains the same network as contrastive audio networks usually are, on two excerpts
of one recording. `data` names a data set of stems that is heard beside made songs.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dasp._checks import check_range
from dasp.controllers.console.features import BANDS
from dasp.controllers.style.embedding import RECIPE
from dasp.controllers.style.network import EffectEncoder, Size
from dasp.evaluation.retrieval import retrieval
from dasp.songs.table import load_dataset, seen_and_unseen
from dasp.training import Schedule, Task, Training
from dasp.training.command import program
from dasp.training.config import as_table
from dasp.training.effect_examples import (
    CLASSES,
    CONTENT_TILT,
    TILT,
    Boards,
    in_memory,
    plays,
    unpacked,
)
from dasp.training.half_weights import save_half

__all__ = ["Config", "build"]

UNSEEN = 100_000
"""The first board that is not trained on. Benchmarks begin at a million."""

TEMPERATURE = 0.1
MIXES = 0.4
"""The share of boards of which mixes are heard; the others are of one stem."""

SHORTEST = 0.5
"""Of an excerpt that is heard in training."""

LEVEL = 0.3
"""Settings are varied by a gain of up to so much either way (1 is 20 dB)."""

SETTINGS = 6
"""Of a board that are heard at once."""

TRAINING = Training(
    steps=350,
    batch_size=6,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=50),
    clip_norm=5.0,
    ema_decay=0.97,
    validate_every=100,
    checkpoint_every=200,
)


@dataclass(frozen=True)
class Config:
    """Which pieces are heard, how large the network is, and what it learns to tell apart."""

    size: Size = field(default_factory=Size)
    pairs: Literal["settings", "standard"] = "settings"
    boards: int = 20
    unseen_boards: int = 2
    data: str = ""
    """A data set, `NAME:FOLDER`, of which one piece in four is."""
    cache: str = ""
    """A folder that keeps what is heard, since it takes longer than to train."""
    training: Training = TRAINING

    def __post_init__(self):
        for name in ("boards", "unseen_boards"):
            check_range(name, getattr(self, name), low=1)


class Pair(NamedTuple):
    """What is to have one embedding, `(*batch, settings, channels, frames)` each."""

    one: Tensor
    other: Tensor


@dataclass(frozen=True)
class Pairs:
    """Pairs of one board, of mixes or of stems of one kind."""

    boards: list[Tensor]
    config: Config

    def __call__(self, generator: torch.Generator) -> Pair:
        """Pairs that are drawn with a generator."""

        def draw(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator)

        board = self.boards[int(draw() * len(self.boards))]
        kind = 0 if draw() < MIXES else 1 + int(draw() * (len(CLASSES) - 1))
        playing = plays(board[kind])
        if playing.sum() < 2:
            kind, playing = 0, torch.ones_like(playing)
        pieces = playing.nonzero()[:, 0]
        pieces = pieces[torch.randperm(len(pieces), generator=generator)]
        settings = min(SETTINGS, board.shape[2])
        board = board[:, :, torch.randperm(board.shape[2], generator=generator)[:settings]]
        if self.config.pairs == "settings":
            one, other = unpacked(board[kind, pieces[:2]])
            pair = torch.stack((_filtered(one, draw), _filtered(other, draw)))
            return Pair(*_varied(pair, draw).unbind(0))
        which = pieces[(draw(settings) * len(pieces)).long()]
        heard = _varied(unpacked(board[kind, which, torch.arange(settings)]), draw)
        half = heard.shape[-1] // 2
        return Pair(heard[..., :half], heard[..., -half:])


def _filtered(heard: Tensor, draw: Callable) -> Tensor:
    """Another content: a filter for all of its settings alike."""
    knots = CONTENT_TILT * (2 * draw(1, 1, 6) - 1)
    tilt = nn.functional.interpolate(knots, BANDS, mode="linear", align_corners=True)
    return torch.cat((heard[..., :BANDS, :] + tilt.mT[0], heard[..., BANDS:, :]), -2)


def _varied(heard: Tensor, draw: Callable) -> Tensor:
    """Other settings: a filter, a gain, and perhaps the sides swapped, for each column."""
    settings = heard.shape[-3]
    knots = TILT * (2 * draw(settings, 1, 6) - 1)
    gain = LEVEL * (2 * draw(settings, 1, 1) - 1)
    tilt = nn.functional.interpolate(knots, BANDS, mode="linear", align_corners=True).mT + gain
    side = torch.where(draw(settings, 1, 1) < 0.5, -1.0, 1.0)
    mid, width, to_left, level, crest = heard.split([BANDS, BANDS, BANDS, 1, 1], -2)
    return torch.cat((mid + tilt, width, side * to_left, level + gain, crest), -2)


def nt_xent(one: Tensor, other: Tensor) -> Tensor:
    """The surprise that each embedding's partner is its partner, among all of the batch."""
    z = torch.cat((one, other))
    likeness = (z @ z.mT / TEMPERATURE).fill_diagonal_(-torch.inf)
    partner = torch.arange(len(z)).roll(len(one)).to(z.device)
    return nn.functional.cross_entropy(likeness, partner)


def build(config: Config) -> Task:
    """The boards, and a network that is to hear settings on whatever they are heard."""
    songs = seen_and_unseen(load_dataset(config.data))[0] if config.data else []
    boards = Boards(config.cache, recorded=tuple(map(in_memory, songs))).all(range(config.boards))
    unseen = Boards(config.cache).all(range(UNSEEN, UNSEEN + config.unseen_boards))

    def loss(model: Callable, batch: Pair) -> Tensor:
        def embedded(heard: Tensor) -> Tensor:
            length = max(2, round(heard.shape[-1] * (1 - (1 - SHORTEST) * torch.rand(()).item())))
            start = int(torch.randint(heard.shape[-1] - length + 1, ()))
            return model(heard[..., start : start + length]).flatten(0, 1)

        return nt_xent(embedded(batch.one), embedded(batch.other))

    def measure(model: EffectEncoder) -> dict[str, dict[str, float]]:
        return {kind: found_again(model, [board[i] for board in unseen])
                for i, kind in enumerate(CLASSES)}  # fmt: skip

    def save(path: Path, model: EffectEncoder) -> None:
        save_half(path, model, {"recipe": RECIPE, "config": as_table(config)})

    draw = Pairs(boards, config)
    judged = Pairs(unseen, config)
    generator = torch.Generator().manual_seed(0)
    validation = [
        Pair(*(torch.stack(side) for side in zip(*(judged(generator) for _ in range(8)),
                                                 strict=True)))
        for _ in range(4)
    ]  # fmt: skip
    return Task(EffectEncoder(config.size), loss, draw, validation, measure=measure, save=save)


@torch.no_grad()
def found_again(model: EffectEncoder, boards: list[Tensor]) -> dict[str, float]:
    """Retrieval over the pieces that play, mean over boards `(pieces, settings, ...)`."""
    found = []
    for board in boards:
        playing = board[plays(board)]
        if len(playing) > 1:
            found.append(retrieval(model(unpacked(playing))))
    means = torch.tensor(found).mean(0).tolist()
    return dict(zip(("nearest", "first of one piece", "first five"), means, strict=True))


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
