"""Train a network to set a console as a reference mix sounds.

    dasp train diff_mst --cache songs

The weights of the package: 320 made songs, 600 steps, about six minutes of one core of an AMD EPYC
(three to hear the songs, three to learn). Unseen examples end at a distance of 0.52, where equal
loudness has 1.59. On sixteen unseen songs under random consoles its mixes, with least squares
behind it, are nearer to the true ones than those of any other system (audio features 0.062, the
next 0.292; third octaves 3.19 dB, the next 5.52 dB): `python -m benchmarks.diff_mst`,
docs/diff_mst.md.

After S. S. Vanka et al., "Diff-MST: differentiable mixing style transfer", ISMIR 2024, at a size
that trains on one core. The network hears the tracks of one half of a made song, and a reference:
the other half under settings that were drawn, whose own first half is then the target (method 1);
or another song under drawn settings, whose sound is the target itself (method 2). Settings are
those of the made engineer, or drawn from the whole ranges.

Mixes are heard as mean spectra (`dasp.controllers.diff_mst.bands`): the equaliser, the gain and the
pan of the console do to these what they do to audio. So the network can be told what its settings
make of the tracks, and correct them (`dasp.controllers.diff_mst.rounds`); each round is judged.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from dasp._checks import check_range
from dasp.audio_io import whole
from dasp.controllers.diff_mst.bands import distance, mix_of_bands
from dasp.controllers.diff_mst.hearing import HeardTracks, hear_tracks
from dasp.controllers.diff_mst.network import CONSOLE, MixingStyleController, Size, small
from dasp.controllers.diff_mst.rounds import rounds
from dasp.controllers.diff_mst.system import RECIPE
from dasp.mixing.roles import KNOWN_ROLES
from dasp.songs.multitrack import Multitrack
from dasp.songs.score import compose
from dasp.songs.sections import loudest_part
from dasp.songs.synthetic import synthetic_song
from dasp.songs.table import load_dataset, seen_and_unseen
from dasp.songs.taste import draw_treatment
from dasp.training import Schedule, Task, Training
from dasp.training.command import program
from dasp.training.config import as_table
from dasp.training.half_weights import save_half
from dasp.units import power_to_db

__all__ = ["Config", "build"]

UNSEEN = 300_000
"""The seed of the first song that is not trained on. Benchmarks begin at a million."""

LEFT_OUT = 0.2
"""The share of tracks that are absent."""

NAMELESS = 0.3
"""The share of songs whose tracks have names that tell no role."""

ROUNDS = 3
"""How often the network hears what it has set: once more than in use."""

TILT_DB = 6.0
"""Tracks are varied by a filter of up to so much at each of six points."""

TRAINING = Training(
    steps=600,
    batch_size=32,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=50),
    clip_norm=1.0,
    ema_decay=0.99,
    validate_every=150,
    checkpoint_every=150,
)


@dataclass(frozen=True)
class Config:
    """Which songs are heard, by which method, and how large the network is."""

    size: Size = field(default_factory=lambda: small(CONSOLE))
    songs: int = 320
    unseen_songs: int = 16
    seconds: float = 6.0
    """Length of a made song, of two halves."""
    foreign: float = 0.3
    """The share of examples by method 2."""
    engineered: float = 0.4
    """The share of settings that are the made engineer's."""
    data: str = ""
    """A data set, `NAME:FOLDER`, whose songs are heard beside made ones."""
    cache: str = ""
    """A folder that keeps what is heard of each song."""
    training: Training = TRAINING

    def __post_init__(self):
        check_range("songs", self.songs, low=2)
        check_range("unseen_songs", self.unseen_songs, low=2)
        check_range("seconds", self.seconds, above=0)
        for name in ("foreign", "engineered"):
            check_range(name, getattr(self, name), low=0, high=1)


class HeardSong(NamedTuple):
    """Both halves of a song, `(2, tracks, …)` each, and its roles."""

    heard: HeardTracks
    roles: tuple[str, ...]


class Example(NamedTuple):
    """Tracks to mix; and the tracks of a reference and of the target, under the same settings."""

    bands: Tensor
    roles: Tensor
    mask: Tensor
    reference: Tensor
    target: Tensor
    settings: dict[str, Tensor]


@dataclass(frozen=True)
class Examples:
    """Songs and references that are drawn."""

    songs: list[HeardSong]
    config: Config

    def __call__(self, generator: torch.Generator) -> Example:
        """An example that is drawn with a generator."""

        def draw(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator)

        song, bands, recorded, common = self._drawn(draw)
        half = int(draw() * 2)
        mask = bands[half].sum((-2, -1)) > 0
        nameless = draw() < NAMELESS
        roles = song.heard.roles[half]
        mine = bands[half], role_of("other").expand_as(roles) if nameless else roles, mask
        if draw() < self.config.foreign:
            song, bands, _, common = self._drawn(draw)
            reference = target = bands[half]
        else:
            reference, target = recorded[1 - half], recorded[half]
        settings = drawn_settings(song.roles, self.config.engineered, generator, common)
        return Example(*mine, reference, target, settings)

    def _drawn(self, draw: Callable) -> tuple[HeardSong, Tensor, Tensor, Tensor]:
        """A song, and spectra of other recordings of it, with some of its tracks.

        They are once as loud as each other in each half, and once as loud in both together, where
        a half in which a track pauses is softer; and how loud the tracks were recorded.
        """
        song = self.songs[int(draw() * len(self.songs))]
        bands, playing = song.heard.bands, song.heard.playing.all(0)
        there = playing & (draw(len(playing)) >= LEFT_OUT)
        there = there if there.any() else playing
        knots = TILT_DB * (2 * draw(len(playing), 1, 6) - 1)
        tilt_db = nn.functional.interpolate(
            knots, bands.shape[-1], mode="linear", align_corners=True
        )
        bands = bands * 10 ** (tilt_db / 10) * there[:, None, None]
        common = power_to_db((10 ** (song.heard.loudness / 10)).mean(0))
        apart_db = (song.heard.loudness - common) * playing
        return song, bands, bands * 10 ** (apart_db[..., None, None] / 10), common * playing


def drawn_settings(
    roles: tuple[str, ...],
    engineered: float,
    generator: torch.Generator,
    recorded: Tensor | None = None,
) -> dict[str, Tensor]:
    """Settings of a console: of the made engineer, or from the whole range of each knob.

    Of the latter half have faders for tracks of one loudness, and half for tracks at the loudness
    in which they were recorded.
    """

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    count = len(roles)
    settings = {name: value.expand(count, *value.shape).clone() for name, value in plain().items()}
    if draw() < engineered:
        treatments = [draw_treatment(role, generator) for role in roles]

        def of_all(name: str) -> Tensor:
            return torch.tensor([getattr(treatment, name) for treatment in treatments])

        settings["gain.gain_db"] = of_all("level_lu")
        settings["stereo_panner.pan"] = of_all("pan")
        for name in ("low_shelf_gain_db", "high_shelf_gain_db"):
            settings[f"parametric_eq.{name}"] = of_all(name)
        settings["parametric_eq.peak_gain_db"][:, 1] = of_all("peak_gain_db")
        settings["parametric_eq.peak_freq_hz"][:, 1] = of_all("peak_freq_hz").clamp(max=4000.0)
        return settings
    settings["gain.gain_db"] = 24 * draw(count) - 12
    if recorded is not None and draw() < 0.5:
        settings["gain.gain_db"] += recorded - recorded.mean()
    panned = 0.7 if draw() < 0.5 else 1.0
    settings["stereo_panner.pan"] = (2 * draw(count) - 1) * (draw(count) < panned)
    for name in ("low_shelf_gain_db", "peak_gain_db", "high_shelf_gain_db"):
        value = settings[f"parametric_eq.{name}"]
        settings[f"parametric_eq.{name}"] = (24 * draw(*value.shape) - 12) * (
            draw(*value.shape) < 0.7
        )
    return settings


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def plain() -> Mapping[str, Tensor]:
    """Settings of a track that change nothing."""
    return CONSOLE.to_physical(CONSOLE.to_controls()).tracks


def role_of(name: str) -> Tensor:
    """A role in numbers."""
    return torch.tensor([float(name == role) for role in KNOWN_ROLES])


def build(config: Config) -> Task:
    """The songs as they are heard, and what the loop needs."""
    seen = heard_songs(range(config.songs), config)
    unseen = heard_songs(range(UNSEEN, UNSEEN + config.unseen_songs), config)
    if config.data:
        pairs = zip((seen, unseen), seen_and_unseen(load_dataset(config.data)), strict=True)
        for heard, songs in pairs:
            heard += [heard_song(loudest_part(s, seconds=2 * config.seconds)) for s in songs]

    def loss(model: Callable, batch: Example) -> Tensor:
        wanted = mix_of_bands(batch.target, batch.settings)
        return torch.stack([distance(mix, wanted).mean() for mix in mixes(model, batch)]).mean()

    def measure(model: MixingStyleController) -> dict[str, dict[str, float]]:
        mixers = {
            "network": lambda batch: [*mixes(model, batch)][-1],
            "equal loudness": lambda batch: batch.bands.sum(-3),
        }
        return {name: measured(mixer, validation) for name, mixer in mixers.items()}

    def save(path: Path, model: MixingStyleController) -> None:
        save_half(path, model, {"recipe": RECIPE, "config": as_table(config)})

    generator = torch.Generator().manual_seed(0)
    judged = Examples(unseen, config)
    validation = [collate([judged(generator) for _ in range(32)]) for _ in range(4)]
    model = MixingStyleController(config.size, CONSOLE)
    return Task(model, loss, Examples(seen, config), validation, collate, measure=measure,
                save=save)  # fmt: skip


def mixes(model: Callable, batch: Example) -> Iterator[Tensor]:
    """The mean spectra of what the network makes of a batch, round for round."""
    loudness = torch.zeros_like(batch.mask, dtype=batch.bands.dtype)
    heard = HeardTracks(batch.bands, batch.roles, loudness, batch.mask)
    reference = mix_of_bands(batch.reference, batch.settings)
    return (found.behind.sum(-3) for found in rounds(model, heard, reference, ROUNDS))


def measured(mixer: Callable, batches: list[Example]) -> dict[str, float]:
    """Mean distance to the target."""
    with torch.no_grad():
        distances = [
            distance(mixer(batch), mix_of_bands(batch.target, batch.settings)).mean()
            for batch in batches
        ]
    return {"distance": torch.stack(distances).mean().item()}


def collate(examples: list[Example]) -> Example:
    """A batch, with absent tracks where a song has fewer."""
    bands, roles, mask, references, targets, settings = zip(*examples, strict=True)
    most = max(len(x) for x in (*bands, *references))

    def filled(parts: Sequence[Tensor]) -> Tensor:
        return torch.stack(
            [nn.functional.pad(x, (0, 0) * (x.ndim - 1) + (0, most - len(x))) for x in parts]
        )

    def repeated(parts: Sequence[Tensor]) -> Tensor:
        # An absent track has the settings of another: it has no power, but a frequency.
        return torch.stack([torch.cat((x, x[:1].repeat(most - len(x), *[1] * (x.ndim - 1))))
                            for x in parts])  # fmt: skip

    of_all = {name: repeated([own[name] for own in settings]) for name in settings[0]}
    tracks = filled(bands), filled(roles), filled(mask)
    return Example(*tracks, filled(references), filled(targets), of_all)


def heard_songs(seeds: range, config: Config) -> list[HeardSong]:
    """What is heard of made songs, or was."""

    def heard(seed: int) -> HeardSong:
        path = Path(config.cache) / f"halves-{seed}-{config.seconds:g}s.safetensors"
        if config.cache and path.exists():
            parts = compose(seed, seconds=config.seconds).parts
            return HeardSong(HeardTracks(**load_file(path)), tuple(part.role for part in parts))
        found = heard_song(synthetic_song(seed, seconds=config.seconds))
        if config.cache:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as unfinished:
                save_file(found.heard._asdict(), unfinished)
        return found

    return [heard(seed) for seed in tqdm(seeds, desc="songs", leave=False, disable=None)]


def heard_song(song: Multitrack) -> HeardSong:
    """Hear both halves of a song."""
    half = song.frames // 2
    parts = [
        hear_tracks(song.excerpt(start, half), song.roles, song.sample_rate, overlap=True)
        for start in (0, half)
    ]
    return HeardSong(HeardTracks(*map(torch.stack, zip(*parts, strict=True))), song.roles)


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
