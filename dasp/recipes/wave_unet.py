"""Train a Wave-U-Net to mix grooves of a real kit as one engineer does.

SDR against the engineer's mix, on ten grooves and with hits that it has not heard:

    the network after 2500 steps                          19.2 dB    12 min on one core
    the best filters of 64 taps for each groove           11.8 dB
    the best gains and pans for each groove                4.3 dB
    equal loudness, at its best level                      0.4 dB
    the plain sum, at its best level                       0.1 dB

`docs/wave_unet.md` has the commands, and the configuration of the paper's size.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp.controllers.wave_unet import Architecture, PaddedWaveUNet, WaveUNet, in_slots, render
from dasp.losses import l1
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Track
from dasp.processors.catalogue import COMPRESSOR, GAIN, HIGH_PASS, PARAMETRIC_EQ, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.signal.resample import resample
from dasp.songs.kit_groove import MICROPHONES, Kit, halves, kit_groove, load_kit
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.table import load_dataset, seen_and_unseen
from dasp.training import Preview, Schedule, Task, Training
from dasp.training.command import program

__all__ = ["Config", "build"]

VALIDATION, UNSEEN = 10_000, 1_000_000
"""The seeds of the first grooves that are validated on, and of those that are only judged on."""

SMALL = Architecture(tuple(MICROPHONES), sample_rate=22_050, levels=6, filters=12)

TRAINING = Training(
    steps=2500,
    batch_size=4,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=50),
    clip_norm=1.0,
    ema_decay=0.995,
    validate_every=250,
    checkpoint_every=250,
    log_every=20,
)


@dataclass(frozen=True)
class Config:
    """Which kit is played, how much of it, and what hears it."""

    kit: str = "drumbank_gogodze_7mic"
    """A folder of hits, as `dasp.songs.kit_groove` reads it."""
    data: str = ""
    """A data set of drums with mixes in place of the grooves, `NAME:FOLDER`."""
    mix: str = ""
    """Which of its mixes is the answer, such as wet; the first if none is named."""
    grooves: int = 48
    validation_grooves: int = 2
    seconds: float = 10.0
    window: int = 16_384
    """Samples of a mix to train on, at least: the next length that fits the network."""
    network: Architecture = SMALL
    training: Training = TRAINING

    def __post_init__(self):
        for name in ("grooves", "validation_grooves", "window"):
            check_range(name, getattr(self, name), low=1)
        check_range("seconds", self.seconds, above=0)


class Example(NamedTuple):
    """Microphones `(slots, time)`, and the engineer's mix of them `(2, time)`."""

    tracks: Tensor
    mix: Tensor


def known_mix(sample_rate: int) -> Mix:
    """What the engineer does: the same to every groove, and so the answer to be found."""
    strips = {
        "kick": (
            _high_pass(30),
            _eq(4, (0, -6, 3, 0), 3),
            _compressor(-24, 4, 15, 120, 5),
            *_at(-2),
        ),
        "snare": (
            _high_pass(120),
            _eq(0, (4, -4, 0, 4), 4),
            _compressor(-24, 4, 8, 120, 5),
            *_at(0),
        ),
        "oh": (_high_pass(250), _eq(0, (0, -3, 0, 2), 4), *_at(0, pan=0.8)),
        "side": (_high_pass(250), _eq(0, (0, -3, 0, 2), 4), *_at(0, pan=-0.8)),
        "front": (_high_pass(200), _compressor(-35, 8, 1, 150, 10), *_at(-2)),
        "wndw": (_high_pass(200), *_at(-8, pan=0.4)),
        "retro": (_high_pass(200), *_at(-8, pan=-0.4)),
    }
    tracks = tuple(Track(name, role=role, strip=strips[name]) for name, role in MICROPHONES.items())
    return Mix(sample_rate, tracks, master=(_compressor(-16, 3, 20, 150),))


def _high_pass(freq_hz: float) -> Stage:
    return Stage(HIGH_PASS, {"freq_hz": freq_hz})


def _eq(low_db: float, peaks_db: tuple[float, ...], high_db: float) -> Stage:
    """Shelves below 100 Hz and above 6 kHz, and peaks at 200, 600, 2000 and 6000 Hz."""
    return Stage(PARAMETRIC_EQ, {
        "low_shelf_gain_db": low_db, "peak_gain_db": peaks_db,
        "high_shelf_gain_db": high_db, "high_shelf_freq_hz": 6000.0,
    })  # fmt: skip


def _compressor(
    threshold_db: float, ratio: float, attack_ms: float, release_ms: float, makeup_db: float = 0.0
) -> Stage:
    return Stage(COMPRESSOR, {
        "threshold_db": threshold_db, "ratio": ratio, "attack_ms": attack_ms,
        "release_ms": release_ms, "makeup_gain_db": makeup_db,
    })  # fmt: skip


def _at(gain_db: float, *, pan: float = 0.0) -> tuple[Stage, Stage]:
    return Stage(GAIN, {"gain_db": gain_db}), Stage(STEREO_PANNER, {"pan": pan})


def at_rate(kit: Kit, sample_rate: int) -> Kit:
    """The same hits, resampled."""
    hits = {
        stroke: tuple(
            hit._replace(audio=resample(hit.audio, kit.sample_rate, sample_rate)) for hit in takes
        )
        for stroke, takes in kit.hits.items()
    }
    return Kit(sample_rate, hits)


def mixed_grooves(kit: Kit, first: int, count: int, seconds: float) -> Iterator[Multitrack]:
    """Grooves of some seeds, with the engineer's mix."""
    mix = known_mix(kit.sample_rate)
    for seed in range(first, first + count):
        groove = kit_groove(kit, seed, seconds=seconds)
        answer = Recording("engineer", "mix", mix_down(groove.tracks, mix))
        yield replace(groove, mixes=(answer,))


@dataclass(frozen=True)
class Windows:
    """What is trained on: the tracks of `length` samples of a song, `heard` of its mix in their
    middle. Before and after a song there is silence, so that its ends are heard as often as the
    rest.
    """

    songs: list[Multitrack]
    slots: tuple[str, ...]
    length: int
    heard: int
    mix: str = ""

    def __call__(self, generator: torch.Generator) -> Example:
        """A window that is drawn with a generator."""
        song = self.songs[int(torch.randint(len(self.songs), (), generator=generator))]
        starts = song.frames - self.heard + 1
        return self.of(song, int(torch.randint(starts, (), generator=generator)))

    def of(self, song: Multitrack, start: int) -> Example:
        """The window that starts at a sample of the mix."""
        before = (self.length - self.heard) // 2
        tracks = in_slots(song.part(start - before, self.length), self.slots)
        return Example(tracks, song.mix(self.mix, start, self.heard).expand(2, -1))


def build(config: Config) -> Task:
    """The songs, and what the loop needs."""
    rate, slots = config.network.sample_rate, config.network.slots
    network = config.network.network()
    length, heard = network.lengths(config.window)
    songs, judged = _songs(config, rate)
    longest = min(song.frames for song in (*songs, *judged)) / rate
    check_range("window", heard, high=round(longest * rate), because="the length of a groove")
    windows = Windows(songs, slots, length, heard, config.mix)

    def loss(model: Callable, batch: Example) -> Tensor:
        mix = model(batch.tracks)
        return l1(mix[..., (mix.shape[-1] - heard) // 2 :][..., :heard], batch.mix)

    def preview(model: WaveUNet | PaddedWaveUNet) -> Preview:
        tracks = in_slots(judged[0].part(0, frames(judged[0])), slots)
        return Preview(render(model, tracks.to(next(model.parameters()).device)), rate)

    def frames(song: Multitrack) -> int:
        return min(song.frames, round(config.seconds * rate))

    validation = [
        Example(*(x[None] for x in windows.of(song, start)))
        for song in judged
        for start in range(0, frames(song) - heard + 1, heard)
    ]
    return Task(network, loss, windows, validation, preview=preview)


def _songs(config: Config, sample_rate: int) -> tuple[list[Multitrack], list[Multitrack]]:
    """Those to learn from, and those to validate on."""
    if config.data:
        seen, unseen = seen_and_unseen(load_dataset(config.data, sample_rate=sample_rate))
        return seen, unseen[: config.validation_grooves]
    trained, other = halves(at_rate(load_kit(config.kit), sample_rate))
    return (
        list(mixed_grooves(trained, 0, config.grooves, config.seconds)),
        list(mixed_grooves(other, VALIDATION, config.validation_grooves, config.seconds)),
    )


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
