"""A mix by the policy of DeepMixing: gains that move, once a second, at the mean of each draw."""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.deep_mixing.dirichlet import mean
from dasp.controllers.deep_mixing.hearing import chunk_times_s, shared_powers
from dasp.controllers.deep_mixing.policy import Policy, Size
from dasp.controllers.deep_mixing.slots import slots_of
from dasp.controllers.rules.strips import gains_and_pans
from dasp.controllers.trained_file import load_network
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.units import db_to_gain, gain_to_db
from dasp.weights import FOLDER

WEIGHTS = FOLDER / "deep_mixing.safetensors"
RECIPE = "deep_mixing"

TRACK_LUFS = -30.0
"""Loudness of a track whose gain is 1, which leaves faders room for faint recordings."""


@torch.no_grad()
def deep_mixing(song: Song, *, weights: Path | None = None) -> Mix:
    """Find gains that move, by a policy that was trained by reinforcement.

    Args:
        song: The tracks, their names and roles.
        weights: A file that `dasp train deep_mixing` has left; without one those of the package.

    Returns:
        The mix. Silent tracks stay as they are.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    policy = shipped() if weights is None else load_trained(weights)
    trims_db, present = trims(song)
    if not present.any():
        return gains_and_pans(song)
    levelled = [track * db_to_gain(db) for track, db in zip(song.tracks, trims_db, strict=True)]
    shared = shared_powers(levelled, song.sample_rate)[None]
    slots = torch.tensor([slots_of(song.roles)])
    gains = policy(shared, slots, present[None], mean).gains[0].mT
    # Of the first chunk the policy says nothing: it has heard no mix yet.
    gains = torch.cat((gains[:, 1:2], gains[:, 1:]), 1) if gains.shape[1] > 1 else gains
    gains_db = gain_to_db(gains) + trims_db[:, None] + TRACK_LUFS
    gains_db = torch.where(present[:, None], gains_db, 0.0)
    return gains_and_pans(
        song, gains_db=gains_db, time_s=chunk_times_s(gains.shape[-1], song.sample_rate)
    )


def trims(song: Song) -> tuple[Tensor, Tensor]:
    """Measure the gains that bring each track to 0 LUFS.

    Args:
        song: The tracks.

    Returns:
        Gains in dB `(tracks,)`, 0 of silent ones; and which tracks are heard at all.
    """
    loudness = torch.stack([measure_loudness(x, song.sample_rate) for x in song.tracks]).double()
    present = loudness > ABSOLUTE_GATE_LUFS
    return torch.where(present, -loudness, 0.0), present


def load_trained(path: str | Path = WEIGHTS) -> Policy:
    """Read a policy from the weights that `dasp train deep_mixing` wrote.

    Args:
        path: The file; that of the package where none is given.

    Returns:
        The policy, ready for use.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    policy, _ = load_network(path, RECIPE, lambda config: Policy(Size(**config["size"])))
    return policy


shipped = cache(load_trained)
"""`load_trained` of the file of the package, which is read once."""
