"""Train a network to mix stems whose effects are normalised: FxNorm-automix.

    dasp train fxnorm --cache songs

The weights of the package: 36 made songs in normalised wet stems, 300 steps, six minutes of
processor time after three in which the songs are made (2-core Intel Xeon, one thread). On eight
unseen dry songs the spectrum is 1.86 dB from the engineer's mix; trained on dry stems of the same
songs 1.48 dB, the sum of the normalised stems 3.88, rules 2.19, the console 0.63: `python -m
benchmarks.fxnorm` (docs/fxnorm_automix.md).

After M. A. Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain
data", ISMIR 2022, at a size that trains on one core: 48 filters (128), 2 x 5 temporal blocks
(4 x 6), one recurrent layer (three), excerpts of 1.5 s (10 s). Filters begin as octaves that add up
to the stems again (there: trained as an auto-encoder), and a noise of -80 dB lies under output and
target.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from dasp._checks import check_range
from dasp.controllers.fxnorm.baseline import BaselineSize
from dasp.controllers.fxnorm.features import GROUPS, RATE
from dasp.controllers.fxnorm.network import SIDES, MaskNetwork, MaskSize, begin_as_a_sum
from dasp.controllers.fxnorm.system import RECIPE, Kind, Stems, network_of
from dasp.losses import stereo_invariant
from dasp.songs.table import load_dataset, seen_and_unseen
from dasp.training import Schedule, Task, Training
from dasp.training.command import program
from dasp.training.config import as_table
from dasp.training.fxnorm_examples import (
    Example,
    Excerpts,
    HeardSong,
    excerpt,
    made_songs,
    released_song,
)
from dasp.training.half_weights import save_half
from dasp.units import db_to_gain

__all__ = ["Config", "build"]

UNSEEN = 500_000
"""The first made song that is not trained on. Benchmarks begin at a million."""

SMALL = MaskSize(
    filters=48, bottleneck=64, hidden=48, skip=32, blocks=5, repeats=2, recurrent=1, expansion=4
)
SMALL_BASELINE = BaselineSize(filters=12, levels=5, stride=4, hears_stems=True, guard=SMALL.guard)

TRAINING = Training(
    steps=300,
    batch_size=2,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=20),
    clip_norm=1.0,
    ema_decay=0.98,
    validate_every=25,
    checkpoint_every=50,
)


@dataclass(frozen=True)
class Config:
    """Which songs are heard and in which stems, which network hears them, and what it loses by."""

    kind: Kind = "masks"
    """The paper's network, or its baseline."""
    stems: Stems = "wet"
    """Normalised stems of mixes, recordings as they are, or normalised recordings."""
    loss: Literal["a", "b"] = "a"
    """The paper's L_a or L_b."""
    floor_db: float = -80.0
    """Level of the noise that output and target share, since made songs have silence where the
    logarithms of the loss would hear most."""
    masks: MaskSize = SMALL
    baseline: BaselineSize = SMALL_BASELINE
    octaves: bool = True
    """Whether the filters begin as octaves that add up to the stems again, or are drawn."""
    songs: int = 36
    unseen_songs: int = 4
    seconds: float = 10.0
    frames: int = 65_536
    """Length of an excerpt in samples."""
    data: str = ""
    """Songs in wet stems beside the made ones, `NAME:FOLDER`; half of the excerpts are theirs."""
    cache: str = ""
    """A folder that keeps made songs, since they take as long as the training."""
    training: Training = TRAINING

    def __post_init__(self):
        for name in ("songs", "unseen_songs"):
            check_range(name, getattr(self, name), low=1)
        check_range("seconds", self.seconds, above=0)
        check_range("frames", self.frames, above=2 * self.size.guard, because="twice the guard")
        check_range("frames", self.frames, high=round(self.seconds * RATE), because="a song")
        if self.data and self.stems != "wet":
            raise ValueError(f"data: those songs have no {self.stems} stems")

    @property
    def size(self) -> MaskSize | BaselineSize:
        """Of the network that is trained."""
        return self.masks if self.kind == "masks" else self.baseline


def build(config: Config) -> Task:
    """The songs, and what the loop needs."""
    made, unseen = (
        made_songs(range(first, first + count), config.seconds, config.stems, config.cache)
        for first, count in ((0, config.songs), (UNSEEN, config.unseen_songs))
    )
    released: list[list[HeardSong]] = [[], []]
    if config.data:
        parts = seen_and_unseen(load_dataset(config.data))
        released = [[released_song(song) for song in part] for part in parts]
    network = network_of(as_table(config))
    guard = config.size.guard
    if isinstance(network, MaskNetwork) and config.octaves:
        begin_as_a_sum(network)
    judged = [
        together(excerpts)
        for songs in (unseen, released[1])
        for excerpts in zip(*(ends(song, config) for song in songs), strict=True)
    ]

    def distance(mix: Tensor, wanted: Tensor, form: str) -> Tensor:
        heard = slice(guard, config.frames - guard)
        noise = db_to_gain(config.floor_db) * torch.randn_like(wanted)
        return stereo_invariant(
            (mix + noise)[..., heard], (wanted + noise)[..., heard], RATE, form=form
        )

    def loss(model: Callable, batch: Example) -> Tensor:
        return distance(model(batch.stems), batch.mix, config.loss)

    def measure(model: nn.Module) -> dict[str, dict[str, float]]:
        def mean(mixer: Callable, form: str) -> float:
            torch.manual_seed(0)
            own = [distance(mixer(batch.stems), batch.mix, form).item() for batch in judged]
            return sum(own) / len(own)

        mixers: dict[str, Callable] = {"network": model, "sum of the stems": added}
        with torch.no_grad():
            return {
                name: {f"L_{form}": mean(mixer, form) for form in ("a", "b")}
                for name, mixer in mixers.items()
            }

    def save(path: Path, model: nn.Module) -> None:
        facts = {"recipe": RECIPE, "config": as_table(replace(config, data="", cache=""))}
        save_half(path, model, facts)

    draw = Excerpts(made, released[0], config.stems, config.frames)
    return Task(network, loss, draw, judged, measure=measure, save=save)


def ends(song: HeardSong, config: Config) -> list[Example]:
    """An excerpt from the beginning of a song, and one from its end."""
    last = song.mix.shape[-1] - config.frames
    return [excerpt(song, config.stems, start, config.frames) for start in (0, last)]


def together(examples: tuple[Example, ...]) -> Example:
    """A batch."""
    return Example(*(torch.stack(x) for x in zip(*examples, strict=True)))


def added(stems: Tensor) -> Tensor:
    """What nobody learnt: the sum of the stems."""
    return stems.unflatten(-2, (len(GROUPS), SIDES)).sum(-3)


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
