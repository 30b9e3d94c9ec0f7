"""Train the differentiable mixing console on made songs, and on what an engineer would do to them.

    dasp train differentiable_mixing_console --cache songs --kit HITS

The weights of the package: 186 songs, 1000 steps, and 200 more at half the rate of all but the
encoder. By ear they tell the role of 137 of the 138 tracks of sixteen unseen songs (`python -m
benchmarks.console_roles`); their mix of the seven microphones of a real kit, another than that of
HITS, comes to 14.8 dB of gain-invariant SDR beside the human one (the plain sum 12.4 dB, a
published random forest 6.1 dB). `python -m benchmarks.mixing_systems --systems console` has the
rest (docs/mixing_systems.md).

Weights that learnt on from these for 400 steps at half the rate, with 70 songs as people bring
them (`--set brought=70 --base dasp/weights/console.safetensors`), come nearer on six unseen songs
of that kind (14.8 dB of SDR in place of 12.8, `--system console`), and are worse in the default
system: on six songs of dry tracks (14.6 dB in place of 16.3), on the kit (14.7 dB) and on a
recorded song. So the package has the others, and leaves stems that were worked on to
`dasp.controllers.auto`.

The network hears pictures of the tracks and says the settings; the loss is how far they are from
the engineer's, in units that are about as audible as each other, and how unlikely the roles seem to
it. The engineer's taste is random
within the ranges of each role (`dasp.songs.taste`), so that the best answer is their middle, and
what has to be learnt is to tell by ear what plays. Half of the time the roles are told, as the
names of files tell them.

`kit` is a folder of drum hits, for grooves of real drums (`dasp.songs.kit_groove`). From weights of
this recipe `dasp.recipes.adapt_mixing_console` learns on, with finished songs.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dasp._checks import check_choice, check_range
from dasp.controllers.console.features import Heard
from dasp.controllers.console.mix import load_trained
from dasp.controllers.console.network import CONSOLES, MixingController, Size
from dasp.mixing.console import Console
from dasp.songs.brought import BroughtSongs
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.kit_groove import halves, kit_groove, load_kit
from dasp.songs.multitrack import Multitrack
from dasp.songs.sections import loudest_part
from dasp.songs.synthetic import synthetic_song
from dasp.songs.table import load_dataset, seen_and_unseen
from dasp.training import Schedule, Task, Training
from dasp.training.command import program
from dasp.training.console_error import error
from dasp.training.console_examples import (
    Cache,
    Example,
    collate,
    engineers_answer,
    names_alone,
    of_console,
    some_told,
)

__all__ = ["Config", "build"]

UNSEEN = 500_000
"""The seed of the first song that is not trained on. Benchmarks begin at a million."""

BROUGHT = 200_000
"""The seed of the first song as people bring them."""

TILT, LOWEST_CUT = 0.25, 0.6
"""Pictures are changed by a filter of up to so much at each of six points (1 is 30 dB), and half
of the time end at some band from this share of all bands on."""

TRAINING = Training(
    steps=1000,
    batch_size=8,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=50),
    clip_norm=5.0,
    ema_decay=0.99,
    validate_every=100,
    checkpoint_every=100,
)


@dataclass(frozen=True)
class Config:
    """Which songs, what is known of them, and how large console and network are."""

    console: str = "full"
    network: Size = field(default_factory=Size)
    songs: int = 200
    brought: int = 0
    """Made songs as people bring them (`dasp.songs.brought`), beside those of dry tracks."""
    unseen_songs: int = 30
    seconds: float = 12.0
    sample_rate: int = 44_100
    windows: int = 1
    """Pictures of a track in one step."""
    unknown: float = 0.5
    """The share of songs of which no role is known; in others one track in five has none."""
    left_out: float = 0.1
    """The share of tracks that are absent."""
    unheard_share: float = 0.2
    """The share of songs that are names alone, of every role that there is."""
    kit: str = ""
    """A folder of drum hits."""
    grooves: int = 60
    data: str = ""
    """A data set, `NAME:FOLDER`, whose songs the engineer mixes too."""
    base: str = ""
    """Weights of this recipe, of a network of this size, to learn on from."""
    cache: str = ""
    """A folder that keeps what is heard of each song, since it takes longer than to train."""
    training: Training = TRAINING

    def __post_init__(self):
        check_choice("console", self.console, CONSOLES)
        for name in ("songs", "unseen_songs", "windows"):
            check_range(name, getattr(self, name), low=1)
        for name in ("unknown", "left_out", "unheard_share"):
            check_range(name, getattr(self, name), low=0, high=1)


@dataclass(frozen=True)
class Examples:
    """What is trained on: songs with some of their tracks and pictures, and some of their roles."""

    heard: list[Example]
    config: Config
    console: Console

    def __call__(self, generator: torch.Generator) -> Example:
        """An example that is drawn with a generator."""
        if torch.rand((), generator=generator) < self.config.unheard_share:
            return of_console(names_alone(generator, self.config.windows), self.console)
        song = self.heard[int(torch.randint(len(self.heard), (), generator=generator))]
        return _varied(song, self.config, generator)


def build(config: Config) -> Task:
    """The songs as they are heard, and what the loop needs."""
    console = CONSOLES[config.console]
    cache = Cache(config.cache, console, config.seconds, config.sample_rate)

    def made(seed: int) -> Example:
        song = synthetic_song(seed, seconds=config.seconds, sample_rate=config.sample_rate)
        return engineers_answer(with_engineers_mix(song, seed))

    def brought(seed: int) -> Example:
        songs = BroughtSongs(1, seed, config.seconds, config.sample_rate, mixed=True)
        return engineers_answer(songs[0])

    def groove(seed: int) -> Example:
        return engineers_answer(with_engineers_mix(kit_groove(kit, seed), seed))

    heard = cache.examples("made", range(config.songs), made)
    heard += cache.examples("brought", range(BROUGHT, BROUGHT + config.brought), brought)
    unseen = cache.examples("made", range(UNSEEN, UNSEEN + config.unseen_songs), made)
    unseen_brought = range(UNSEEN + BROUGHT, UNSEEN + BROUGHT + config.unseen_songs)
    if config.brought:
        unseen += cache.examples("brought", unseen_brought, brought)
    if config.kit:
        kit, _ = halves(load_kit(config.kit))
        heard += cache.examples("groove", range(config.grooves), groove)
    if config.data:
        songs = seen_and_unseen(load_dataset(config.data, sample_rate=config.sample_rate))
        heard, unseen = (
            [*others, *_recorded(part, config, cache)]
            for others, part in zip((heard, unseen), songs, strict=True)
        )

    def loss(model: Callable, batch: Example) -> Tensor:
        controls, roles = model(batch.heard, batch.told, mask=batch.mask, by_ear=True)
        return error(console, controls, roles, batch)

    plain = [song._replace(heard=Heard(*(x.float() for x in song.heard))) for song in unseen]
    unnamed = [song._replace(told=torch.full_like(song.roles, -1)) for song in plain]
    validation = [collate([song]) for song in (*plain, *unnamed)]
    draw = Examples(heard, config, console)
    model = MixingController(console, config.network)
    if config.base:
        model.load_state_dict(load_trained(config.base).model.state_dict())
    return Task(model, loss, draw, validation, collate)


def _recorded(songs: list[Multitrack], config: Config, cache: Cache) -> list[Example]:
    """The loudest parts of songs of a data set, mixed by the engineer."""
    by_name = {song.name.replace("/", "_"): song for song in songs}

    def example(name: str) -> Example:
        part = loudest_part(by_name[name], seconds=config.seconds)
        return engineers_answer(with_engineers_mix(part, list(by_name).index(name)))

    return cache.examples(config.data.partition(":")[0], by_name, example)


def _varied(song: Example, config: Config, generator: torch.Generator) -> Example:
    """Some of the pictures, through a filter; some of the roles; some of the tracks."""

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    tracks, windows, bands = song.heard.pictures.shape[:3]
    # Pictures in which something plays come first, in any order.
    order = draw(tracks, windows) + song.heard.playing.any(-1)
    chosen = order.topk(config.windows, -1).indices[..., None]
    playing = song.heard.playing.float().take_along_dim(chosen, 1)
    pictures = song.heard.pictures.float().take_along_dim(chosen[..., None], 1)
    knots = TILT * (2 * draw(tracks, 1, 1, 6) - 1)
    filter_ = nn.functional.interpolate(knots[:, 0], bands, mode="linear", align_corners=True)
    pictures = (pictures + filter_[:, None, 0, :, None]).clamp(min=-1.0)
    cut = LOWEST_CUT + (2 - LOWEST_CUT) * draw(tracks, 1, 1, 1)
    pictures = torch.where(torch.arange(bands)[:, None] < cut * bands, pictures, -1.0)
    told = some_told(song.roles, config.unknown, generator)
    present = draw(tracks) >= config.left_out
    return song._replace(
        heard=Heard(pictures, playing, song.heard.numbers.float()),
        told=told,
        mask=song.mask & (present if present.any() else True),
    )


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
