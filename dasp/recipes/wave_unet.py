"""Train a Wave-U-Net to mix drum kits, dry and wet at once, as an engineer does.

SDR at the best level of the whole, against the engineer, dry and wet:

    six made kits that it has not heard              22.3 and 17.9 dB
    a real kit, by hits that it has not heard        26.1 and 19.4 dB
    best static gains of each, by least squares      wet 16.7 and 17.8 dB
    a drummer's recording and his human engineer     15.1 and 10.8 dB
    a sum of its microphones at equal gains          12.4 and 11.4 dB

by two trainings, of which `docs/wave_unet.md` has the commands: 342 s of processor time for the
first, of a 2-core Intel Xeon, one thread, which others used as well, so that both took 18 minutes.
The page has the configuration of the paper's size, too.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dasp._checks import check_range
from dasp.controllers.kit_slots import in_slots
from dasp.controllers.wave_unet import RECIPE, Architecture, PaddedWaveUNet, WaveUNet, render
from dasp.functional import stereo_panner
from dasp.losses import l1
from dasp.signal.resample import resample
from dasp.songs.kit_groove import Kit, halves, load_kit
from dasp.songs.kit_recordings import PLACES, WIDTH, kit_recording
from dasp.songs.multitrack import Multitrack
from dasp.songs.table import load_dataset, seen_and_unseen
from dasp.training import Preview, Schedule, Task, Training
from dasp.training.command import program
from dasp.training.config import as_table
from dasp.training.half_weights import save_half

__all__ = ["Config", "build"]

VALIDATION, UNSEEN = 10_000, 1_000_000
"""The seeds of the first recordings that are validated on, and of those that are only judged on."""

SMALL = Architecture(levels=8, filters=8, mixes=("dry", "wet"), prepared=True)

TRAINING = Training(
    steps=1800,
    batch_size=2,
    learning_rate=1e-3,
    schedule=Schedule("cosine", warm_up_steps=50),
    clip_norm=0.1,
    ema_decay=0.99,
    validate_every=200,
    checkpoint_every=200,
    log_every=50,
)


@dataclass(frozen=True)
class Config:
    """What is recorded, how much of it, and what hears it."""

    kit: str = ""
    """A folder of hits, as `dasp.songs.kit_groove` reads it, for every fourth recording."""
    data: str = ""
    """A data set of drums with mixes in place of the recordings, `NAME:FOLDER`."""
    recordings: int = 64
    validation_recordings: int = 4
    seconds: float = 10.0
    taste: float = 1.0
    """How much of the engineer's equalisers, compressors and reverb is in the wet mixes."""
    window: int = 16_384
    """Samples of a mix to train on, at least: the next length that fits the network."""
    network: Architecture = SMALL
    training: Training = TRAINING

    def __post_init__(self):
        for name in ("recordings", "validation_recordings", "window"):
            check_range(name, getattr(self, name), low=1)
        check_range("seconds", self.seconds, above=0)
        check_range("taste", self.taste, low=0, high=1)
        if self.data and self.network.prepared:  # its kits are heard as they are
            object.__setattr__(self, "network", replace(self.network, prepared=False))


class Example(NamedTuple):
    """Microphones `(slots, time)`, and the engineer's mixes of them `(2 * mixes, time)`."""

    tracks: Tensor
    mix: Tensor


def at_rate(kit: Kit, sample_rate: int) -> Kit:
    """The same hits, resampled."""
    hits = {
        stroke: tuple(
            hit._replace(audio=resample(hit.audio, kit.sample_rate, sample_rate)) for hit in takes
        )
        for stroke, takes in kit.hits.items()
    }
    return Kit(sample_rate, hits)


def kit_recordings(
    first: int,
    count: int,
    seconds: float,
    sample_rate: int,
    kit: Kit | None = None,
    taste: float = 1.0,
) -> Iterator[Multitrack]:
    """Recordings of some seeds, every fourth on the real kit where there is one."""
    for seed in range(first, first + count):
        real = kit if seed % 4 == 3 else None
        yield kit_recording(seed, real, seconds=seconds, sample_rate=sample_rate, taste=taste)


def begin_as_sum(network: WaveUNet | PaddedWaveUNet, slots: tuple[str, ...]) -> None:
    """Let a network begin with all faders at 0 dB and the drums where they are panned.

    Its last convolution hears the microphones beside what the levels make of them.
    """
    with torch.no_grad():
        weight = network.output.weight
        weight.zero_()
        gains = panned_gains(slots).repeat(weight.shape[0] // 2, 1)
        weight[:, -len(slots) :, weight.shape[-1] // 2] = gains


def panned_gains(slots: tuple[str, ...]) -> Tensor:
    """The gains `(2, slots)` of faders at 0 dB and the middle of the engineer's pans."""
    width = sum(WIDTH) / 2
    return torch.cat(
        [stereo_panner(torch.ones(1, 1), 1.0, pan=width * PLACES.get(slot, 0.0)) for slot in slots],
        -1,
    )


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
    mixes: tuple[str, ...]

    def __call__(self, generator: torch.Generator) -> Example:
        """A window that is drawn with a generator."""
        song = self.songs[int(torch.randint(len(self.songs), (), generator=generator))]
        starts = song.frames - self.heard + 1
        return self.of(song, int(torch.randint(starts, (), generator=generator)))

    def of(self, song: Multitrack, start: int) -> Example:
        """The window that starts at a sample of the mix."""
        before = (self.length - self.heard) // 2
        tracks = in_slots(song.part(start - before, self.length), self.slots)
        mixes = [song.mix(name, start, self.heard).expand(2, -1) for name in self.mixes]
        return Example(tracks, torch.cat(mixes))


def build(config: Config) -> Task:
    """The songs, and what the loop needs."""
    rate, slots = config.network.sample_rate, config.network.slots
    network = config.network.network()
    begin_as_sum(network, slots)
    length, heard = network.lengths(config.window)
    songs, judged = _songs(config, rate)
    longest = min(song.frames for song in (*songs, *judged)) / rate
    check_range("window", heard, high=round(longest * rate), because="the length of a song")
    windows = Windows(songs, slots, length, heard, config.network.mixes)

    def loss(model: Callable, batch: Example) -> Tensor:
        mix = model(batch.tracks)
        return l1(mix[..., (mix.shape[-1] - heard) // 2 :][..., :heard], batch.mix)

    def preview(model: WaveUNet | PaddedWaveUNet) -> Preview:
        tracks = in_slots(judged[0].part(0, frames(judged[0])), slots)
        mixes = render(model, tracks.to(next(model.parameters()).device))
        return Preview(mixes[:2], rate)

    def save(path: Path, model: nn.Module) -> None:
        save_half(path, model, {"recipe": RECIPE, "config": as_table(config)})

    def frames(song: Multitrack) -> int:
        return min(song.frames, round(config.seconds * rate))

    validation = [
        Example(*(x[None] for x in windows.of(song, start)))
        for song in judged
        for start in range(0, frames(song) - heard + 1, heard)
    ]
    return Task(network, loss, windows, validation, preview=preview, save=save)


def _songs(config: Config, sample_rate: int) -> tuple[list[Multitrack], list[Multitrack]]:
    """Those to learn from, and those to validate on."""
    if config.data:
        seen, unseen = seen_and_unseen(load_dataset(config.data, sample_rate=sample_rate))
        return seen, unseen[: config.validation_recordings]
    kits: tuple[Kit | None, Kit | None] = (None, None)
    if config.kit:
        kits = halves(at_rate(load_kit(config.kit), sample_rate))
    counts = (config.recordings, config.validation_recordings)
    learnt, judged = (
        list(kit_recordings(first, count, config.seconds, sample_rate, kit, config.taste))
        for first, count, kit in zip((0, VALIDATION), counts, kits, strict=True)
    )
    return learnt, judged


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
