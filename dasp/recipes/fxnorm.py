"""Train a network to mix stems whose effects are normalised: FxNorm-automix.

    dasp train fxnorm --cache songs --data songs:SONGS --below-hz 11000 \\
        --unseen song_lithium song_rubidium song_sodium

The weights of the package: 36 made songs and three released ones in normalised wet stems, 80 steps,
four minutes of processor time after six in which the songs are made (2-core AMD EPYC, one thread).
SONGS is a folder of six released songs, which are no part of the project (docs/recordings.md);
without `--data` and what follows it, made songs alone are heard. Of the three that were left out
the spectrum is 3.36 dB from the artist's, that of the sum of the normalised stems 3.67; of a real
dry song (008) 4.06 and 3.64 dB, and audio features are 0.060 and 0.098 from its human mix; equal
loudness has 4.67 dB and 0.415: `python -m benchmarks.fxnorm` (docs/fxnorm_automix.md).

After M. A. Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain
data", ISMIR 2022, at a size that trains on one core: 48 filters (128), 2 x 5 temporal blocks
(4 x 6), one recurrent layer (three), excerpts of 1.5 s (10 s). Filters are octaves of middle and
side that add up to the stems again (there: trained as an auto-encoder), songs are brought to the
average of the normaliser, all alike, so that only what tells one from another is learnt, and a
noise of -80 dB lies under output and target.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from dasp._checks import check_choice, check_range
from dasp.analysis import measure_side_share
from dasp.controllers.fxnorm.baseline import BaselineSize
from dasp.controllers.fxnorm.features import RATE
from dasp.controllers.fxnorm.network import LOUDER, MaskNetwork, MaskSize, begin_as_a_sum
from dasp.controllers.fxnorm.system import RECIPE, Kind, Stems, network_of
from dasp.losses import audio_features, left_right_invariant, stereo_invariant
from dasp.songs.multitrack import Multitrack
from dasp.songs.table import load_dataset, seen_and_unseen
from dasp.training import Schedule, Task, Training
from dasp.training.command import program
from dasp.training.config import as_table
from dasp.training.fxnorm_average import changed, changes_to_average
from dasp.training.fxnorm_examples import (
    Example,
    Excerpts,
    HeardSong,
    added,
    at_level_of_sum,
    excerpt,
    learnt_below,
    made_songs,
    released_song,
)
from dasp.training.half_weights import save_half
from dasp.units import db_to_gain

__all__ = ["Config", "build"]

UNSEEN = 500_000
"""The first made song that is not trained on. Benchmarks begin at a million."""

SMALL = MaskSize(
    filters=48, bottleneck=64, hidden=48, skip=32, blocks=5, repeats=2, recurrent=1, expansion=4,
    logarithmic=True,
)  # fmt: skip
SMALL_BASELINE = BaselineSize(filters=12, levels=5, stride=4, hears_stems=True, guard=SMALL.guard)

TRAINING = Training(
    steps=80,
    batch_size=2,
    learning_rate=2e-3,
    schedule=Schedule("cosine", warm_up_steps=10),
    clip_norm=1.0,
    ema_decay=0.97,
    validate_every=20,
    checkpoint_every=20,
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
    features: float = 5.0
    """What the audio features of an excerpt count beside that: loudness, crest, width, spectrum."""
    side: float = 4.0
    """What the share of the side in its energy counts."""
    floor_db: float = -80.0
    """Level of the noise that output and target share, since made songs have silence where the
    logarithms of the loss would hear most."""
    masks: MaskSize = SMALL
    baseline: BaselineSize = SMALL_BASELINE
    octaves: bool = True
    """Whether the filters are octaves of middle and side that add up to the stems again, and stay
    so, or are drawn and learnt."""
    average: bool = True
    """Whether made songs, all alike, and released ones are brought to the normaliser's average."""
    strangers: float = 0.5
    """The share of excerpts whose stems are of different songs."""
    level_db: float = 1.0
    """How far the level of a stem is from the normaliser's, at most."""
    songs: int = 36
    unseen_songs: int = 4
    seconds: float = 10.0
    frames: int = 65_536
    """Length of an excerpt in samples."""
    data: str = ""
    """Songs in wet stems beside the made ones, `NAME:FOLDER`; half of the excerpts are theirs."""
    unseen: tuple[str, ...] = ()
    """The names of those that are not learnt from but judged by; without names, as the data set
    has it, or every tenth."""
    below_hz: float = RATE / 2
    """Above this frequency nothing is learnt from their recordings, where some have nothing."""
    cache: str = ""
    """A folder that keeps made songs, since they take as long as the training."""
    training: Training = TRAINING

    def __post_init__(self):
        for name in ("songs", "unseen_songs"):
            check_range(name, getattr(self, name), low=1)
        for name in ("features", "side", "level_db"):
            check_range(name, getattr(self, name), low=0)
        check_range("strangers", self.strangers, low=0, high=1)
        check_range("seconds", self.seconds, above=0)
        check_range("below_hz", self.below_hz, above=0)
        check_range("frames", self.frames, above=2 * self.size.guard, because="twice the guard")
        check_range("frames", self.frames, high=round(self.seconds * RATE), because="a song")
        if self.data and self.stems != "wet":
            raise ValueError(f"data: those songs have no {self.stems} stems")
        if self.unseen and not self.data:
            raise ValueError("unseen: there is no data to leave songs of out of")

    @property
    def size(self) -> MaskSize | BaselineSize:
        """Of the network that is trained."""
        return self.masks if self.kind == "masks" else self.baseline


def build(config: Config) -> Task:
    """The songs, and what the loop needs."""
    kinds = ("wet", "mono") if config.stems == "wet" else (config.stems,)
    needed = dict.fromkeys((*kinds, "wet"))
    made, unseen = (
        made_songs(range(first, first + count), config.seconds, tuple(needed), config.cache)
        for first, count in ((0, config.songs), (UNSEEN, config.unseen_songs))
    )
    made, unseen = averaged(made, unseen) if config.average else (made, unseen)
    released: list[list[HeardSong]] = [[], []]
    left_out: tuple[str, ...] = ()
    if config.data:
        parts = seen_and_left_out(load_dataset(config.data), config.unseen)
        left_out = tuple(song.name for song in parts[1])
        heard = [[released_song(song) for song in part] for part in parts]
        heard = averaged(*heard) if config.average else heard
        released = [
            [learnt_below(at_level_of_sum(song), config.below_hz) for song in part]
            for part in heard
        ]
    made, unseen = ([at_level_of_sum(song) for song in songs] for songs in (made, unseen))
    network = network_of(as_table(config))
    guard = config.size.guard
    if isinstance(network, MaskNetwork) and config.octaves:
        begin_as_a_sum(network)
        network.filters.requires_grad_(False)
    judged = [
        together(excerpts)
        for songs in (unseen, released[1])
        for kind in kinds
        for excerpts in zip(*(ends(song, kind, config.frames) for song in songs), strict=True)
    ]

    counts = {f"L_{config.loss}": 1.0, "audio features": config.features, "side": config.side}

    def distances(mix: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        heard = slice(guard, config.frames - guard)
        noise = db_to_gain(config.floor_db) * torch.randn_like(wanted)
        mix, wanted = (mix + noise)[..., heard], (wanted + noise)[..., heard]
        sides = [measure_side_share(x, RATE) for x in (mix, wanted)]
        return {
            f"L_{config.loss}": stereo_invariant(mix, wanted, RATE, form=config.loss),
            "audio features": left_right_invariant(mix, wanted, features_at_rate),
            "side": (sides[0] - sides[1]).abs().mean(),
        }

    def loss(model: Callable, batch: Example) -> Tensor:
        found = distances(model(batch.stems), batch.mix)
        return sum((counts[name] * x for name, x in found.items()), torch.zeros(()))

    def measure(model: nn.Module) -> dict[str, dict[str, float]]:
        def means(mixer: Callable) -> dict[str, float]:
            torch.manual_seed(0)
            own = [distances(mixer(batch.stems), batch.mix) for batch in judged]
            return {name: sum(one[name].item() for one in own) / len(own) for name in counts}

        mixers: dict[str, Callable] = {"network": model, "sum of the stems": louder_sum}
        with torch.no_grad():
            return {name: means(mixer) for name, mixer in mixers.items()}

    def save(path: Path, model: nn.Module) -> None:
        kept = as_table(replace(config, data="", cache="", unseen=())) | {"unseen": left_out}
        facts = {"recipe": RECIPE, "config": kept}
        save_half(path, model, facts)

    draw = Excerpts(made, released[0], kinds, config.frames, config.strangers, config.level_db)
    return Task(network, loss, draw, judged, measure=measure, save=save)


def averaged(seen: Sequence[HeardSong], unseen: Sequence[HeardSong]) -> list[list[HeardSong]]:
    """Bring songs, all alike, to the average effects of the normaliser, by what is seen."""
    changes = changes_to_average([(song.parts, song.stems["wet"]) for song in seen])
    return [
        [song._replace(parts=changed(song.parts, changes)) for song in songs]
        for songs in (seen, unseen)
    ]


def seen_and_left_out(
    songs: Sequence[Multitrack], unseen: Sequence[str]
) -> tuple[list[Multitrack], list[Multitrack]]:
    """Part songs by the names of those that are left out, or without names by the data set."""
    if not unseen:
        return seen_and_unseen(songs)
    for name in unseen:
        check_choice("unseen", name, [song.name for song in songs])
    parts = [s for s in songs if s.name not in unseen], [s for s in songs if s.name in unseen]
    if not parts[0]:
        raise ValueError("unseen: expected to leave a song to learn from, got all of them")
    return parts


def ends(song: HeardSong, kind: str, frames: int) -> list[Example]:
    """An excerpt from the beginning of a song, and one from its end."""
    last = song.parts.shape[-1] - frames
    return [excerpt(song, kind, start, frames) for start in (0, last)]


def together(examples: tuple[Example, ...]) -> Example:
    """A batch."""
    return Example(*(torch.stack(x) for x in zip(*examples, strict=True)))


def louder_sum(stems: Tensor) -> Tensor:
    """What nobody learnt: the sum of the stems, as loud as a mix."""
    return LOUDER * added(stems)


def features_at_rate(mix: Tensor, wanted: Tensor, *, reduction: str) -> Tensor:
    """The distance of the audio features of 44.1 kHz."""
    return audio_features(mix, wanted, RATE, reduction=reduction)


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
