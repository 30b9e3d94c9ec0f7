"""Train auto-encoders from raw tracks to stems: bass, guitar, vocals, keys.

    dasp train dae --cache pairs

The weights of the package: 24 made songs in 17 keys, 3,000 steps; about seven minutes of one thread
of a 2-core Intel Xeon, four of which make the songs. On 8 unseen songs the spectrum is 7.6 % of
that of the stem away for bass, 8.4 % for guitar, 17.6 % for vocals and 7.9 % for keys; that of the
raw track 8.0, 9.0, 23.3 and 8.3 %, and with one static EQ learnt from the same pairs 7.9, 8.3, 20.8
and 8.8 %. In the sizes of the poster, after 1,800 steps in half an hour of a shared thread, an
output is further from the stem than the raw track is (docs/dae.md).

After M. A. Martínez Ramírez and J. D. Reiss, "Stem audio mixing as a content-based transformation
of audio features", Workshop on Intelligent Music Production, 2017. The poster's networks are
`--fft-size 2048 --hidden 1024 --form spectrum`; those of the package are smaller, and say a gain of
each bin where those say the spectrum. Its songs are 102 of MedleyDB; ours are made, each with a
band in which every group plays. Every hidden layer is trained alone first, as an auto-encoder of
what lies under it, for `pretraining_steps`; then all are fine-tuned together. What the poster does
not say is ours: frames of a Hann window at a quarter of its length, the rate of Adam, batches of
256 frames.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import NamedTuple
from zlib import crc32

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from tqdm import tqdm

from dasp._checks import check_choice, check_range
from dasp.audio_io import whole
from dasp.controllers.dae.equaliser import equalise, mean_response_db, response_db
from dasp.controllers.dae.frames import LUFS, SAMPLE_RATE, magnitudes, scale_of
from dasp.controllers.dae.network import Networks, ShallowAutoEncoders, Size
from dasp.controllers.dae.system import GROUPS, RECIPE, through
from dasp.signal.fft import rfft
from dasp.songs.sections import to_loudness
from dasp.songs.stem_pairs import PITCHES_CENTS, Pair, made_pairs
from dasp.training import Schedule, Task, Training, train
from dasp.training.command import program
from dasp.training.config import as_table
from dasp.training.half_weights import save_half
from dasp.units import db_to_gain, gain_to_db

__all__ = ["Config", "build"]

UNSEEN = 400_000
"""The seed of the first song that is not trained on. Benchmarks begin at a million."""

HEARD_FFT_SIZE, FLOOR_DB = 2048, -80.0
"""How outputs are judged, whatever frames a network has; under the loudest bin of a stem."""

TRAINING = Training(
    steps=3000,
    batch_size=1,
    learning_rate=1e-3,
    schedule=Schedule("cosine", warm_up_steps=50),
    validate_every=500,
    checkpoint_every=1000,
)

FULL = 32_767

Batch = Mapping[str, tuple[Tensor, Tensor]]
"""Magnitudes of raw tracks and of stems, `(items, frames, bins)` each, by group."""


@dataclass(frozen=True)
class Config:
    """How large the networks are, and which pairs they learn from."""

    size: Size = field(default_factory=Size)
    groups: tuple[str, ...] = tuple(GROUPS)
    """What networks are trained for."""
    songs: int = 24
    unseen_songs: int = 8
    pitches_cents: tuple[float, ...] = PITCHES_CENTS
    """The keys in which songs to learn from are played, beside their own."""
    seconds: float = 10.0
    """Length of a pair; that of a song is twice as much."""
    frames: int = 256
    """Of each group, in one item of a batch."""
    pretraining_steps: int = 300
    """Of each hidden layer alone."""
    cache: str = ""
    """A folder that keeps the pairs: 120 MB a song."""
    training: Training = TRAINING

    def __post_init__(self):
        for group in self.groups:
            check_choice("groups", group, GROUPS)
        for name in ("groups", "pitches_cents"):
            if not getattr(self, name):
                raise ValueError(f"{name}: expected one or more, got none")
        for name in ("songs", "unseen_songs", "frames"):
            check_range(name, getattr(self, name), low=1)
        check_range("pretraining_steps", self.pretraining_steps, low=0)
        check_range("seconds", self.seconds, low=1)


class Takes(NamedTuple):
    """Recordings of one length, in 16 bits each beside its own peak.

    Args:
        samples: Whole numbers `(segments, time)`.
        peak: What the largest number stands for, `(segments,)`.
    """

    samples: Tensor
    peak: Tensor

    def audio(self, number: int) -> Tensor:
        """One recording, `(time,)`."""
        return self.samples[number] * (self.peak[number] / FULL)


class Pairs(NamedTuple):
    """Raw tracks and stems of one group."""

    raw: Takes
    stem: Takes

    def each(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Raw track and stem, audio `(time,)`, of one pair after the other."""
        for number in range(len(self.raw.samples)):
            yield self.raw.audio(number), self.stem.audio(number)


@dataclass(frozen=True)
class Frames:
    """What is trained on: frames at random places of random pairs.

    Args:
        pairs: Of each group.
        fft_size: Samples of a frame.
        count: How many frames of each group are an item.
    """

    pairs: Mapping[str, Pairs]
    fft_size: int
    count: int

    def __call__(self, generator: torch.Generator) -> Batch:
        """Frames of each group that are drawn with a generator."""
        return {group: self._drawn(pairs, generator) for group, pairs in self.pairs.items()}

    def _drawn(self, pairs: Pairs, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        segments, time = pairs.raw.samples.shape
        which = torch.randint(segments, (self.count,), generator=generator)
        start = torch.randint(time - self.fft_size + 1, (self.count,), generator=generator)
        place = (which * time + start)[:, None] + torch.arange(self.fft_size)
        window = torch.hann_window(self.fft_size) * scale_of(self.fft_size) / FULL

        def heard(takes: Takes) -> Tensor:
            cut = takes.samples.take(place) * takes.peak[which, None]
            return rfft(cut * window).abs()

        return heard(pairs.raw), heard(pairs.stem)


def build(config: Config) -> Task:
    """The pairs, networks whose hidden layers know raw frames already, and what the loop needs."""
    seen = made_takes(range(config.songs), config, config.pitches_cents)
    unseen = made_takes(range(UNSEEN, UNSEEN + config.unseen_songs), config, (0.0,))
    frames = Frames(seen, config.size.fft_size, config.frames)
    validation = [{group: every_eighth(pairs, config.size) for group, pairs in unseen.items()}]
    networks = Networks(config.groups, config.size)
    for depth in range(1, config.size.layers + 1):
        pretrain(networks, depth, frames, config)
    networks.requires_grad_(True)

    def loss(model: Callable, batch: Batch) -> Tensor:
        said = model({group: raw for group, (raw, _) in batch.items()})
        errors = [l1_loss(said[group], stem) for group, (_, stem) in batch.items()]
        return torch.stack(errors).mean()

    def measure(model: Networks) -> dict[str, dict[str, float]]:
        columns: dict[str, dict[str, float]] = {}
        for group in config.groups:
            network = {"network": partial(through, model.of(group))}
            for name, errors in measured(network, seen[group], unseen[group]).items():
                for what, value in errors._asdict().items():
                    columns.setdefault(name, {})[f"{group}: {what}"] = value
        return columns

    def save(path: Path, model: nn.Module) -> None:
        save_half(path, model, {"recipe": RECIPE, "config": as_table(replace(config, cache=""))})

    return Task(networks, loss, frames, validation, measure=measure, save=save)


def pretrain(networks: Networks, depth: int, frames: Frames, config: Config) -> None:
    """Train one hidden layer of all networks alone, as the encoder of what lies under it."""

    def loss(model: Callable, batch: Batch) -> Tensor:
        both = model({group: raw for group, (raw, _) in batch.items()})
        return torch.stack([l1_loss(decoded, heard) for decoded, heard in both.values()]).mean()

    training = replace(config.training, steps=config.pretraining_steps, patience=0)
    train(Task(ShallowAutoEncoders(networks, depth), loss, frames), training)


class Errors(NamedTuple):
    """How far spectra are from those of the stem, over all frames.

    Args:
        spectrum: Mean difference of magnitudes, as a share of the mean magnitude of the stem.
        log_spectrum_db: Mean difference in dB, where either is over the floor.
    """

    spectrum: float
    log_spectrum_db: float


System = Callable[[Tensor], Tensor]
"""From raw audio `(time,)` to what it takes for the stem."""


def measured(systems: Mapping[str, System], seen: Pairs, unseen: Pairs) -> dict[str, Errors]:
    """The mean over songs of `by_song`."""
    found = by_song(systems, mean_response_db(seen.each()), unseen)
    return {name: Errors(*map(fmean, zip(*each, strict=True))) for name, each in found.items()}


@torch.no_grad()
def by_song(
    systems: Mapping[str, System], gains_db: Tensor, unseen: Pairs
) -> dict[str, list[Errors]]:
    """Errors of the raw track of each song, of systems, and of two equalisers: one for all songs,
    whose gains are known, and one that knows the stem of each."""
    found: dict[str, list[Errors]] = {}
    for raw, stem in unseen.each():
        outputs = {
            "raw": raw,
            **{name: system(raw) for name, system in systems.items()},
            "static EQ": equalise(raw, gains_db),
            "EQ of the song": equalise(raw, response_db(raw, stem)),
        }
        for name, output in outputs.items():
            found.setdefault(name, []).append(spectral_errors(output, stem))
    return found


def spectral_errors(output: Tensor, stem: Tensor) -> Errors:
    """Errors of audio `(time,)` beside that of the stem, both at one loudness."""
    levelled = (to_loudness(x[None], SAMPLE_RATE, LUFS)[0] for x in (output, stem))
    own, wanted = (magnitudes(x, HEARD_FFT_SIZE) for x in levelled)
    floor = wanted.amax() * db_to_gain(FLOOR_DB)
    heard = torch.maximum(own, wanted) > floor
    own_db, wanted_db = (gain_to_db(torch.maximum(x, floor)[heard]) for x in (own, wanted))
    share = (own - wanted).abs().mean() / wanted.mean()
    return Errors(share.item(), (own_db - wanted_db).abs().mean().item())


def every_eighth(pairs: Pairs, size: Size) -> tuple[Tensor, Tensor]:
    """Every eighth frame of all pairs, raw and stem, `(1, frames, bins)`."""
    raw, stem = (
        magnitudes(torch.stack(audio), size.fft_size)[:, ::8].flatten(0, 1)
        for audio in zip(*pairs.each(), strict=True)
    )
    return raw[None], stem[None]


def made_takes(seeds: range, config: Config, cents: Sequence[float]) -> dict[str, Pairs]:
    """The pairs of made songs in some keys, or as they were made before."""
    by_song = [
        made_song(seed, config, sorted(cents, key=abs))
        for seed in tqdm(seeds, desc="songs", leave=False, disable=None)
    ]

    def all_of(group: str, kind: str) -> Takes:
        parts = [(song[f"{group}.{kind}"], song[f"{group}.{kind}.peak"]) for song in by_song]
        samples, peak = (torch.cat(x) for x in zip(*parts, strict=True))
        return Takes(samples, peak)

    return {group: Pairs(all_of(group, "raw"), all_of(group, "stem")) for group in config.groups}


def made_song(seed: int, config: Config, cents: Sequence[float]) -> dict[str, Tensor]:
    """The pairs of a song in some keys: samples and peaks by group and kind."""
    keys = crc32(repr(list(cents)).encode())
    path = Path(config.cache) / f"pairs-{seed}-{config.seconds:g}s-{keys:08x}.safetensors"
    if not config.cache or not path.exists():
        song = in_16_bits(
            made_pairs(seed, pitches_cents=cents, seconds=config.seconds,
                       song_seconds=2 * config.seconds, sample_rate=SAMPLE_RATE)
        )  # fmt: skip
        if not config.cache:
            return song
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as unfinished:
            save_file(song, unfinished)
    with safe_open(path, "pt") as file:
        names = [name for name in file.keys() if name.partition(".")[0] in config.groups]  # noqa: SIM118
        return {name: file.get_tensor(name) for name in names}


def in_16_bits(versions: Iterable[Mapping[str, Pair]]) -> dict[str, Tensor]:
    """Samples and peaks of pairs, `(versions, time)` and `(versions,)`."""
    parts: dict[str, list[Tensor]] = {}
    for pairs in versions:
        for group, pair in pairs.items():
            for kind, audio in pair._asdict().items():
                peak = audio.abs().amax().clamp(min=1e-9)
                samples = (audio * (FULL / peak)).round().to(torch.int16)
                parts.setdefault(f"{group}.{kind}", []).append(samples)
                parts.setdefault(f"{group}.{kind}.peak", []).append(peak)
    return {name: torch.stack(each) for name, each in parts.items()}


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
