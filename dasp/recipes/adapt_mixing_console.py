"""Adapt a mixing console that was trained on made songs to finished songs.

    dasp train adapt_mixing_console --base base/weights.safetensors --finished SONGS \\
        -o console.safetensors

SONGS is a data set, `NAME:FOLDER`, or a folder of folders with `stems/`, as artists left them:
their balance is the answer, and their effects are done. What hears stays as it is. All else learns
on, with made songs and names alone beside them so that nothing is forgotten, from what was heard of
every song once, which takes a minute. The weights are written with half as many bytes; so the
package has them.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dasp._checks import check_range
from dasp.controllers.console.features import Heard
from dasp.controllers.console.mix import Trained, load_trained
from dasp.controllers.console.network import MixingController
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.multitrack import Multitrack
from dasp.songs.synthetic import synthetic_song
from dasp.songs.table import load_dataset
from dasp.training import Schedule, Task, Training
from dasp.training.command import program
from dasp.training.console_error import error
from dasp.training.console_examples import (
    Cache,
    Example,
    artists_answer,
    collate,
    engineers_answer,
    names_alone,
    of_console,
    some_told,
)

__all__ = ["Config", "build"]

FINISHED, NAMED = 0.4, 0.2
"""The shares of finished songs, and of names alone; the rest are made songs."""

UNKNOWN = 0.5
"""The share of songs of which no role is known."""

TRAINING = Training(
    steps=80, batch_size=6, learning_rate=2e-3, schedule=Schedule("cosine"), clip_norm=5.0
)


@dataclass(frozen=True)
class Config:
    """Which console is adapted, and to which songs."""

    base: str = "base/weights.safetensors"
    """Weights of `dasp train differentiable_mixing_console`."""
    finished: str = "songs"
    """A folder of folders with stems/, or a data set, `NAME:FOLDER`."""
    made: int = 60
    """Made songs beside them."""
    cache: str = ""
    """A folder that keeps what is heard of each song."""
    training: Training = TRAINING

    def __post_init__(self):
        check_range("made", self.made, low=1)


class Remembered(NamedTuple):
    """A song, and what the encoder made of its tracks, for which pictures need not be kept."""

    song: Example
    embedding: Tensor


@dataclass(frozen=True)
class Draw:
    """A song of one of three kinds, of which some roles are told."""

    trained: Trained
    finished: Sequence[Remembered]
    made: Sequence[Remembered]

    def __call__(self, generator: torch.Generator) -> Remembered:
        """A song that is drawn with a generator."""
        model, console = self.trained
        share = torch.rand((), generator=generator).item()
        if share < NAMED:
            song = of_console(_without_pictures(names_alone(generator, 1)), console)
            return Remembered(song, torch.zeros(len(song.mask), model.role.in_features))
        songs = self.finished if share < NAMED + FINISHED else self.made
        song, embedding = songs[int(torch.randint(len(songs), (), generator=generator))]
        told = some_told(song.roles, UNKNOWN, generator)
        return Remembered(song._replace(told=told), embedding)


def build(config: Config) -> Task:
    """What the console hears of all songs, and how it learns on."""
    trained = load_trained(config.base)
    songs = load_dataset(config.finished)
    finished, made = songs_for(trained, songs, config.made, config.cache)
    with safe_open(config.base, "pt") as file:
        facts = json.loads(file.metadata()["dasp"])

    def save(path: Path, model: MixingController) -> None:
        tensors = {name: value.half().contiguous() for name, value in model.state_dict().items()}
        save_file(tensors, path, {"dasp": json.dumps({**facts, "adapted": True})})
        path.chmod(0o644)

    return adaptation(trained, [*finished.values()], made, save)


def adaptation(
    trained: Trained,
    finished: Sequence[Remembered],
    made: Sequence[Remembered],
    save: Callable[[Path, MixingController], None] | None = None,
) -> Task:
    """The task of a console that learns on from what it remembers of songs."""
    model, console = trained
    model.requires_grad_(True)
    model.encoder.requires_grad_(False)

    def together(drawn: list[Remembered]) -> Remembered:
        songs, embeddings = zip(*drawn, strict=True)
        return Remembered(collate(list(songs)), pad_sequence(embeddings, batch_first=True))

    def loss(model: Callable, batch: Remembered) -> Tensor:
        song, embedding = batch
        controls, roles = model(
            song.heard, song.told, mask=song.mask, by_ear=True, embedding=embedding
        )
        return error(console, controls, roles, song)

    return Task(model, loss, Draw(trained, finished, made), collate=together, save=save)


def remembered(model: MixingController, song: Example) -> Remembered:
    """What the encoder makes of a song."""
    heard = Heard(*(x.float() for x in song.heard))
    with torch.no_grad():
        return Remembered(_without_pictures(song._replace(heard=heard)), model.embed(heard))


def _without_pictures(song: Example) -> Example:
    heard = song.heard
    played = heard.playing.any(-1).any(-1)[:, None, None].float()
    return song._replace(heard=Heard(played[..., None], played, heard.numbers))


def songs_for(
    trained: Trained, finished: Sequence[Multitrack], made: int, folder: str = ""
) -> tuple[dict[str, Remembered], list[Remembered]]:
    """The finished songs by name, and made ones."""
    cache = Cache(folder, trained.console)
    songs = {song.name.replace("/", "_"): song for song in finished}

    def make(seed: int) -> Example:
        song = synthetic_song(seed, seconds=cache.seconds, sample_rate=cache.sample_rate)
        return engineers_answer(with_engineers_mix(song, seed))

    def read(name: str) -> Example:
        return artists_answer(songs[name])

    of_finished = cache.examples("real", songs, read)
    of_made = cache.examples("made", range(made), make)
    heard = {
        name: remembered(trained.model, song) for name, song in zip(songs, of_finished, strict=True)
    }
    return heard, [remembered(trained.model, song) for song in of_made]


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
