"""Train a random forest to mix drums: from features of microphones to their gains.

R2 of the gains, and the mean error of a microphone's level:

    other songs of the sessions that it was trained on      0.88    1.0 dB
    other sessions, kits, microphones and hits              0.56    2.0 dB
    mean gains, on the latter                              -0.25    3.3 dB

The paper (D. Moffat and M. Sandler, "Machine learning multitrack gain mixing of drums", AES 147,
2019) has 0.984 in training and 0.915 on test and validation, on ENST-Drums: other data.

    dasp train random_forest --kit HITS/ -o forest.safetensors

249 s of one core; docs/random_forest.md has more. It needs scikit-learn, to use a forest
does not.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from dasp._checks import check_range
from dasp.controllers.forest.slot_features import (
    LEVELS,
    SLOTS,
    find_slots,
    relative_levels,
    slot_features,
)
from dasp.controllers.forest.system import half_levels, keeping_power, predict_gains
from dasp.controllers.forest.trees import Forest, from_sklearn, save_forest
from dasp.estimation.least_squares import fit_filters
from dasp.mixing.mixdown import mix_down
from dasp.songs.drum_sessions import DrumSession, open_session
from dasp.songs.kit_groove import Kit, halves, load_kit
from dasp.training import Direct
from dasp.training.command import program
from dasp.units import db_to_gain, gain_to_db

__all__ = ["Config", "build"]

UNSEEN = 10_000
"""The seed of the first session that is not trained on."""

SONGS_EACH = 1000
"""Seeds of songs that belong to a session; PLAYED_AGAIN is one that is not trained on."""

PLAYED_AGAIN = 100
PREAMPS_DB = 5.0


class Songs(NamedTuple):
    """Features `(songs, slots, 14)` and gains `(songs, slots, 2)`."""

    features: Tensor
    found: Tensor
    """What least squares find."""
    known: Tensor
    """What the engineer set."""


def listen(session: DrumSession, seed: int, *, whole: bool = False) -> Songs:
    """One song, and the gains in its dry mix, or in the `whole` one with all that is on it."""
    song = session.record(seed)
    slots = find_slots(song.names, song.roles, song.channels)
    rows = torch.tensor([SLOTS.index(slot) for slot in slots])
    features = slot_features(song.tracks, slots, song.sample_rate)
    dry = session.dry_mix
    mix = mix_down(song.tracks, session.mix if whole else dry)
    found = fit_filters(torch.stack(song.tracks), mix, non_negative=True).filters[..., 0]
    one = torch.ones(1, 1)
    known = [mix_down([one], replace(dry, tracks=(t,)))[:, 0] for t in dry.tracks]

    def in_slots(gains: Tensor) -> Tensor:
        nothing = torch.zeros(len(SLOTS), 2, dtype=torch.float64)
        return keeping_power(nothing.index_copy(0, rows, gains.double()), features)

    return Songs(features, in_slots(found), in_slots(torch.stack(known)))


def other_preamps(songs: Songs, copies: int, generator: torch.Generator) -> Songs:
    """The songs, and copies as they would be at other gains of the preamps, by `PREAMPS_DB`.

    Levels move with a preamp, and the gain that makes the same mix moves against it.
    """
    features = songs.features.repeat(copies, 1, 1)
    change_db = torch.randn(features.shape[:2], generator=generator, dtype=features.dtype)
    change_db = torch.where(features.any(-1), PREAMPS_DB * change_db, 0.0)[..., None]
    is_level = torch.arange(features.shape[-1]) < len(LEVELS)
    features = features + torch.where(is_level, change_db, 0.0)
    found, known = (
        keeping_power(gains.repeat(copies, 1, 1) / db_to_gain(change_db), features)
        for gains in (songs.found, songs.known)
    )
    return Songs(*map(torch.cat, zip(songs, (features, found, known), strict=True)))


def grow(songs: Songs, *, trees: int, leaves: int, seed: int) -> Forest:
    """A forest from relative features to gains, a tree with at most so many leaves."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(
        trees, max_leaf_nodes=leaves, max_features=1 / 3, random_state=seed
    )
    told = relative_levels(songs.features).flatten(1)
    wanted = (songs.found * half_levels(songs.features)).flatten(1)
    return from_sklearn(forest.fit(told.numpy(), wanted.numpy()))


def r2(output: Tensor, songs: Songs) -> float:
    """The share of the variance of the known gains, around the mean of their slot and side, that
    is explained.

    Only songs in which a slot is heard count: the gain of an empty one, 0, is no merit.
    """
    heard = songs.features.any(-1)[..., None]
    mean = (songs.known * heard).sum(0) / heard.sum(0).clamp(min=1)
    error = ((output - songs.known) * heard).square().sum()
    return 1 - (error / ((songs.known - mean) * heard).square().sum()).item()


def off_by_db(output: Tensor, songs: Songs) -> float:
    """Mean absolute difference in dB of the level of every microphone that is heard."""
    levels_db = [gain_to_db(gains.norm(dim=-1)) for gains in (output, songs.known)]
    return (levels_db[0] - levels_db[1]).abs()[songs.features.any(-1)].mean().item()


def gather(sessions: Sequence[int], songs: Sequence[int], kit: Kit | None, **how: bool) -> Songs:
    """The songs of sessions, of which every second one has the real kit, if there is one."""
    heard = []
    for n in tqdm(sessions, desc="sessions", mininterval=5.0):
        session = open_session(n, kit if n % 2 else None)
        heard += [listen(session, SONGS_EACH * n + song, **how) for song in songs]
    return Songs(*map(torch.stack, zip(*heard, strict=True)))


@dataclass(frozen=True)
class Config:
    """Which sessions are heard, and how large the forest is."""

    kit: str = ""
    """A folder of hits, for the real kit."""
    sessions: int = 55
    """To train on."""
    unseen_sessions: int = 10
    """To measure on."""
    songs: int = 3
    """Of each session."""
    copies: int = 10
    """Of each song, at other preamps."""
    trees: int = 60
    leaves: int = 150
    """Of a tree, at most."""
    seed: int = 0

    def __post_init__(self):
        for name in ("sessions", "unseen_sessions", "songs", "trees", "leaves"):
            check_range(name, getattr(self, name), low=1)
        check_range("copies", self.copies, low=0)


def build(config: Config) -> Direct:
    """How a forest grows from the songs of all sessions, and what it is measured on."""
    known_hits, other_hits = halves(load_kit(config.kit)) if config.kit else (None, None)
    others = range(UNSEEN, UNSEEN + config.unseen_sessions)

    @cache
    def heard() -> tuple[Songs, Songs]:
        both = gather(range(config.sessions), (*range(config.songs), PLAYED_AGAIN), known_hits)
        is_again = torch.arange(len(both.found)) % (config.songs + 1) == config.songs
        songs, again = (Songs(*(part[rows] for part in both)) for rows in (~is_again, is_again))
        return songs, again

    def find() -> Forest:
        songs, _ = heard()
        generator = torch.Generator().manual_seed(config.seed)
        told = other_preamps(songs, config.copies, generator)
        return grow(told, trees=config.trees, leaves=config.leaves, seed=config.seed)

    def measure(forest: Forest) -> dict[str, dict[str, float]]:
        songs, again = heard()
        unseen = gather(others, range(2), other_hits)
        whole = gather(others, range(1), other_hits, whole=True)
        gains = [predict_gains(forest, heard.features) for heard in (songs, again, unseen)]
        return {
            "forest": {
                "labels off by, dry mixes (dB)": off_by_db(songs.found, songs),
                "labels off by, whole mixes (dB)": off_by_db(whole.found, whole),
                "R2 of gains, trained on": r2(gains[0], songs),
                "R2 of gains, other songs": r2(gains[1], again),
                "R2 of gains, other sessions": r2(gains[2], unseen),
                "gains off by, other songs (dB)": off_by_db(gains[1], again),
                "gains off by, other sessions (dB)": off_by_db(gains[2], unseen),
            }
        }

    def save(path: Path, forest: Forest) -> None:
        save_forest(path, forest)

    return Direct(find, measure, save)


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
