"""Train a small network to set gain and pan, on songs made from seeds.

The power of the error of its mix beside that of a made-up engineer, who brings each instrument to
a level and a place of its own, on songs that it has not heard:

    the network after 400 steps                                 -12.0 dB    27 s on one core
    equal levels in the centre, with the best level of the sum   -7.2 dB
    the recordings as they are, with the best level of the sum   -5.2 dB

It is here to be read, and to try the training loop (`docs/training.md`):

    dasp train gain_and_pan
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dasp._checks import check_range
from dasp.controllers.gain_and_pan import CONSOLE, Mixer
from dasp.losses import esr
from dasp.mixing.console import Controls, Settings
from dasp.mixing.conversion import to_mix
from dasp.mixing.settings import Track
from dasp.songs.synthetic import synthesise_song
from dasp.training import Preview, Schedule, Task, Training
from dasp.training.command import program
from dasp.units import gain_to_db

__all__ = ["Config", "build"]

LEVEL_DB = {
    "kick": -20.0, "snare": -22.0, "hihat": -32.0, "bass": -20.0,
    "guitar": -25.0, "keys": -26.0, "pad": -28.0, "vocal": -19.0,
}  # fmt: skip
PAN = {"hihat": 0.4, "guitar": -0.6, "keys": 0.6}
"""What the engineer likes: the RMS of each instrument over a song, and who is not in the centre."""

UNSEEN = 10_000
"""The seed of the first song that is not trained on."""


TRAINING = Training(
    steps=400,
    batch_size=8,
    learning_rate=1e-2,
    schedule=Schedule("cosine", warm_up_steps=10),
    clip_norm=1.0,
    ema_decay=0.95,
    validate_every=50,
    checkpoint_every=50,
)


@dataclass(frozen=True)
class Config:
    """How many songs, how they are heard, and how large the network is."""

    songs: int = 16
    unseen_songs: int = 4
    seconds: float = 6.0
    window_s: float = 2.0
    sample_rate: int = 8000
    width: int = 32
    training: Training = TRAINING

    def __post_init__(self):
        for name in ("songs", "unseen_songs", "sample_rate", "width"):
            check_range(name, getattr(self, name), low=1)
        check_range("window_s", self.window_s, above=0, high=self.seconds)


class Example(NamedTuple):
    """Tracks `(tracks, 1, time)` as recorded, and the engineer's mix of them `(2, time)`."""

    tracks: Tensor
    mix: Tensor


def engineer(song: dict[str, Tensor], sample_rate: int) -> Example:
    """A song as mono tracks, and the mix of it that is the aim."""
    tracks = torch.stack([track.mean(0, keepdim=True) for track in song.values()])
    level_db = gain_to_db(tracks.square().mean((1, 2)).sqrt())
    gain_db = torch.tensor([LEVEL_DB[name] for name in song]) - level_db
    pan = torch.tensor([PAN.get(name, 0.0) for name in song])
    settings = Settings({"gain.gain_db": gain_db, "stereo_panner.pan": pan})
    return Example(tracks, CONSOLE(tracks, sample_rate, settings))


@dataclass(frozen=True)
class Windows:
    """What is trained on: windows of songs, each recorded at other levels."""

    songs: list[Example]
    samples: int

    def __call__(self, generator: torch.Generator) -> Example:
        """A window that is drawn with a generator."""
        song = self.songs[int(torch.randint(len(self.songs), (), generator=generator))]
        longest = song.mix.shape[-1] - self.samples
        start = int(torch.randint(longest + 1, (), generator=generator))
        tracks, mix = (x[..., start : start + self.samples] for x in song)
        gain_db = 24 * torch.rand((len(tracks), 1, 1), generator=generator) - 12
        return Example(tracks * 10 ** (gain_db / 20), mix)


def build(config: Config) -> Task:
    """The songs, and what the loop needs."""
    rate, window = config.sample_rate, round(config.window_s * config.sample_rate)

    def songs(first: int, count: int) -> list[Example]:
        seeds = range(first, first + count)
        made = (synthesise_song(s, seconds=config.seconds, sample_rate=rate) for s in seeds)
        return [engineer(song, rate) for song in made]

    heard = songs(0, config.songs)
    unseen = songs(UNSEEN, config.unseen_songs)

    def loss(model: Callable, batch: Example) -> Tensor:
        settings = CONSOLE.to_physical(Controls(model(batch.tracks)))
        return esr(CONSOLE(batch.tracks, rate, settings), batch.mix)

    def preview(model: nn.Module) -> Preview:
        tracks = unseen[0].tracks.to(next(model.parameters()).device)
        settings = CONSOLE.to_physical(Controls(model(tracks)))
        mix = to_mix(CONSOLE, settings, rate, [Track(name, role=name) for name in LEVEL_DB])
        return Preview(CONSOLE(tracks, rate, settings), rate, mix)

    validation = [Example(song.tracks[None], song.mix[None]) for song in unseen]
    return Task(Mixer(config.width), loss, Windows(heard, window), validation, preview=preview)


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
