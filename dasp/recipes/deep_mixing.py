"""Train a policy to mix, by reward alone: DeepMixing.

    dasp train deep_mixing --cache songs

The weights of the package: 128 made songs, 300 steps, about five minutes of one core. On 32 unseen
songs the error of levels is 1.0 LU (equal loudness 3.5) and the reward 0.97 (0.79); how the roads
to a gradient compare, `python -m benchmarks.deep_mixing` tells (docs/deep_mixing.md).

After T. Aditya, A. Shayaan and N. Bharath, "DeepMixing: music audio mixing using deep reinforcement
learning", IIIT Bangalore, 2018, at a size that trains on one core: 30 slots of instruments (72),
chunks of a second (500 samples) heard as 64 mel powers, 24 of them in a song (2,640), states of 32
and 8 numbers (100 and 5). Tracks come at one loudness, slots without a track take no part, and the
concentration of the draws is learnt.

The reward is that of the report. Its gradient comes by one of three roads: REINFORCE, with what the
other draws of the same song earn as baseline; the gradient through the draws themselves; or the
gradient at the mean of the distribution, where nothing is drawn.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from dasp._checks import check_range
from dasp.audio_io import whole
from dasp.controllers.deep_mixing.dirichlet import draw, mean
from dasp.controllers.deep_mixing.hearing import cepstra, powers_of_mix, shared_powers
from dasp.controllers.deep_mixing.policy import Episode, Policy, Size
from dasp.controllers.deep_mixing.reward import RHO, rewards
from dasp.controllers.deep_mixing.slots import slots_of
from dasp.controllers.deep_mixing.system import RECIPE, trims
from dasp.evaluation.tracks import Standing, measure_standing, measure_track_errors
from dasp.mixing.mixdown import mix_down
from dasp.songs.engineer import engineers_mix
from dasp.songs.synthetic import synthetic_song
from dasp.training import Schedule, Task, Training
from dasp.training.command import program
from dasp.training.config import as_table
from dasp.training.half_weights import save_half
from dasp.units import db_to_gain, power_to_db

__all__ = ["Config", "build"]

UNSEEN = 400_000
"""The seed of the first song that is not trained on. Benchmarks begin at a million."""

TRAINING = Training(
    steps=300,
    batch_size=8,
    learning_rate=3e-3,
    schedule=Schedule("cosine", warm_up_steps=20),
    clip_norm=1.0,
    ema_decay=0.95,
    validate_every=50,
    checkpoint_every=200,
)


@dataclass(frozen=True)
class Config:
    """Which songs are heard, how the reward becomes a gradient, and how large the policy is."""

    size: Size = field(default_factory=Size)
    aim: Literal["levels", "mix"] = "levels"
    """The true mix: the engineer's levels alone, or all that he did before the master."""
    estimator: Literal["reinforce", "reparameterised", "mean"] = "reparameterised"
    draws: int = 4
    """Of one song in a step."""
    rho: float = RHO
    songs: int = 128
    unseen_songs: int = 32
    seconds: float = 24.0
    sample_rate: int = 22_050
    cache: str = ""
    """A folder that keeps what is heard of each song."""
    training: Training = TRAINING

    def __post_init__(self):
        for name in ("songs", "unseen_songs", "sample_rate"):
            check_range(name, getattr(self, name), low=1)
        check_range("draws", self.draws, low=2 if self.estimator == "reinforce" else 1)
        check_range("rho", self.rho, low=0)
        check_range("seconds", self.seconds, above=0)


class Example(NamedTuple):
    """A song as the policy hears it, and what the engineer made of it.

    Args:
        shared: Powers that the tracks share, `(chunks, BANDS, tracks, tracks)`.
        slots: The slot of each track, `(tracks,)`.
        present: Which tracks there are, `(tracks,)`.
        target: Cepstra of the engineer's mix, `(chunks, CEPSTRA)`.
        loudness: Of each track in it, `(tracks,)`.
    """

    shared: Tensor
    slots: Tensor
    present: Tensor
    target: Tensor
    loudness: Tensor


@dataclass(frozen=True)
class Songs:
    """What is trained on."""

    songs: list[Example]

    def __call__(self, generator: torch.Generator) -> Example:
        """A song that is drawn with a generator."""
        return self.songs[int(torch.randint(len(self.songs), (), generator=generator))]


def build(config: Config) -> Task:
    """The songs, and what the loop needs."""
    seen, unseen = (
        made_songs(range(first, first + count), config)
        for first, count in ((0, config.songs), (UNSEEN, config.unseen_songs))
    )

    def loss(model: Callable, batch: Example) -> Tensor:
        def played(choose: Callable, batch: Example) -> Episode:
            return model(batch.shared, batch.slots, batch.present, choose)

        def worth(episode: Episode, batch: Example) -> Tensor:
            return rewards(episode, batch.target, batch.present, rho=config.rho)

        if config.estimator == "mean" or not torch.is_grad_enabled():
            return -worth(played(mean, batch), batch).mean()
        batch = Example(*(x.repeat_interleave(config.draws, 0) for x in batch))
        if config.estimator == "reparameterised":
            return -worth(played(draw, batch), batch).mean()
        # What was drawn is what it is; the divergence in the reward still has a gradient.
        episode = played(lambda distribution: draw(distribution).detach(), batch)
        reward = worth(episode, batch)
        by_song = reward.detach().unflatten(0, (-1, config.draws))
        others = (by_song.sum(1, keepdim=True) - by_song) / (config.draws - 1)
        advantage = (by_song - others).flatten(0, 1)
        return -(advantage * episode.log_density + reward).mean()

    def measure(model: Policy) -> dict[str, dict[str, float]]:
        gains = {
            "policy": lambda song: policy_gains(model, song),
            "equal loudness": lambda song: song.present * torch.ones(len(song.target), 1),
        }
        return {name: measured(mixer, unseen) for name, mixer in gains.items()}

    def save(path: Path, model: nn.Module) -> None:
        save_half(path, model, {"recipe": RECIPE, "config": as_table(config)})

    validation = [collate([song]) for song in unseen]
    return Task(Policy(config.size), loss, Songs(seen), validation, collate, measure=measure,
                save=save)  # fmt: skip


@torch.no_grad()
def policy_gains(policy: Policy, song: Example) -> Tensor:
    """The gains of a policy for a song, `(chunks, tracks)`, without chance."""
    batch = collate([song])
    return policy(batch.shared, batch.slots, batch.present, mean).gains[0]


def measured(gains: Callable[[Example], Tensor], songs: Sequence[Example]) -> dict[str, float]:
    """Mean reward without what changes cost, and mean error of the tracks' levels in LU."""
    reward, level = [], []
    for song in songs:
        own = gains(song)
        error = (cepstra(powers_of_mix(song.shared, own)) - song.target).square().sum(-1)
        reward.append(torch.exp(-error).mean().item())
        level.append(level_error(own, song))
    return {"reward": sum(reward) / len(songs), "level": sum(level) / len(songs)}


def level_error(gains: Tensor, song: Example) -> float:
    """Mean error of the levels of a song's tracks over all chunks, in LU."""
    power = song.shared.diagonal(dim1=-2, dim2=-1).sum(1)
    level = power_to_db((power * gains.square()).sum(0)) - power_to_db(power.sum(0))
    place = torch.zeros_like(level)
    wanted = torch.where(song.present, song.loudness, -torch.inf)
    return measure_track_errors(Standing(level, place), Standing(wanted, place)).level


def collate(examples: Sequence[Example]) -> Example:
    """A batch, with absent tracks where a song has fewer."""
    most = max(len(song.slots) for song in examples)

    def filled(x: Tensor, axes: int) -> Tensor:
        return nn.functional.pad(x, (0, most - x.shape[-1]) * axes)

    axes = {"shared": 2, "slots": 1, "present": 1, "target": 0, "loudness": 1}
    return Example(**{
        name: torch.stack([filled(getattr(s, name), n) if n else getattr(s, name)
                           for s in examples])
        for name, n in axes.items()
    })  # fmt: skip


def made_songs(seeds: range, config: Config) -> list[Example]:
    """What is heard of made songs, or was."""

    def made(seed: int) -> Example:
        name = f"shared-{seed}-{config.seconds:g}s-{config.sample_rate}Hz.safetensors"
        path = Path(config.cache) / name
        if config.cache and path.exists():
            return Example(**load_file(path))
        example = made_song(seed, config.seconds, config.sample_rate)
        if config.cache:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as unfinished:
                save_file(example._asdict(), unfinished)
        return example

    songs = [made(seed) for seed in tqdm(seeds, desc="songs", leave=False, disable=None)]
    return songs if config.aim == "mix" else [at_true_levels(song) for song in songs]


def at_true_levels(song: Example) -> Example:
    """The song with another mix to find: its tracks at the engineer's levels, and nothing else."""
    return song._replace(target=cepstra(powers_of_mix(song.shared, true_gains(song))))


def true_gains(song: Example) -> Tensor:
    """The engineer's gains, `(tracks,)`, whose mean is 1 as that of the policy's."""
    gains = torch.where(song.present, db_to_gain(song.loudness), 0.0)
    return gains / gains.sum() * song.present.sum()


@torch.no_grad()
def made_song(seed: int, seconds: float, sample_rate: int) -> Example:
    """A made song, and its engineer's mix before the strip of the master.

    The mix is as loud as it is with gains whose mean is 1, as those of the policy are: so that the
    policy has a balance to find and no level.
    """
    multitrack = synthetic_song(seed, seconds=seconds, sample_rate=sample_rate)
    song, mix = multitrack.song, engineers_mix(multitrack, seed)
    trims_db, present = trims(song)
    levelled = [track * db_to_gain(db) for track, db in zip(song.tracks, trims_db, strict=True)]
    loudness = measure_standing(mix, song.tracks).loudness
    mean_gain = db_to_gain(loudness[present]).mean()
    wanted = mix_down(song.tracks, replace(mix, master=()))
    target = cepstra(shared_powers([wanted / mean_gain], sample_rate)[..., 0, 0])
    return Example(
        shared_powers(levelled, sample_rate), torch.tensor(slots_of(song.roles)), present, target,
        loudness.float(),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
