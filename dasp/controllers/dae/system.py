"""Stems from raw tracks by trained auto-encoders: audio in, audio out, and no settings."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice, checked_sample_rate
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.dae.frames import LUFS, SAMPLE_RATE, with_magnitudes
from dasp.controllers.dae.network import AutoEncoder, Networks, Size
from dasp.controllers.trained_file import load_network
from dasp.mixing.song import Song
from dasp.signal.resample import resample
from dasp.units import db_to_gain
from dasp.weights import FOLDER

WEIGHTS = FOLDER / "dae.safetensors"
RECIPE = "dae"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "bass": ("bass",),
    "guitar": ("guitar",),
    "vocals": ("vocal", "backing vocal"),
    "keys": ("keys", "synth"),
}
"""The roles of the tracks that each group has."""


@torch.no_grad()
def dae_stem(
    x: Tensor, sample_rate: float, *, group: str, networks: Networks | None = None
) -> Tensor:
    """Turn a raw track to a stem, as loud as it was.

    The network hears the magnitudes of each channel, with all channels at one loudness, and says
    those of the stem; the phase is that of the raw track.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz. At another than 44,100 Hz the track is resampled to that and back.
        group: What plays, one of the groups that the networks were trained for.
        networks: The networks; without any those of the package.

    Returns:
        Audio of the shape of `x`; silence stays silent.

    Raises:
        ValueError: If `x` is no audio, the rate has no meaning, or there is no network of the
            group.

    Source: M. A. Martínez Ramírez and J. D. Reiss, "Stem audio mixing as a content-based
    transformation of audio features", Workshop on Intelligent Music Production, 2017.

    >>> dae_stem(0.1 * torch.randn(2, 44_100), 44_100, group="bass").shape
    torch.Size([2, 44100])
    """
    check_audio(x, "x")
    if x.ndim != 2:
        raise ValueError(f"x: expected (channels, time), got shape {tuple(x.shape)}")
    sample_rate = checked_sample_rate(sample_rate)
    networks = shipped() if networks is None else networks
    check_choice("group", group, networks.groups)
    if x.shape[-1] == 0:
        return x
    loudness = measure_loudness(x, sample_rate)
    if loudness <= ABSOLUTE_GATE_LUFS:
        return x
    heard = resample(x.float(), sample_rate, SAMPLE_RATE) * db_to_gain(LUFS - loudness)
    stem = through(networks.of(group), heard)
    made = measure_loudness(stem, SAMPLE_RATE)
    if made > ABSOLUTE_GATE_LUFS:
        stem = stem * db_to_gain(loudness - made)
    return resample(stem, SAMPLE_RATE, sample_rate)[..., : x.shape[-1]].to(x.dtype)


def through(network: AutoEncoder, x: Tensor) -> Tensor:
    """Run audio at the loudness that a network knows through it.

    Args:
        network: The network.
        x: Audio `(*batch, time)` at 44,100 Hz and 0 LUFS.

    Returns:
        Audio of the shape of `x`.
    """
    return with_magnitudes(x, network.size.fft_size, network)


def dae_stems(song: Song, *, weights: Path | None = None) -> Song:
    """Turn the raw tracks of a song to stems, where there is a network for what they play.

    Args:
        song: The tracks, their names and roles.
        weights: A file that `dasp train dae` has left; without one those of the package.

    Returns:
        The song with other tracks; those that no network knows stay as they are.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.

    >>> song = Song.of(["BD", "bass"], [0.1 * torch.randn(1, 44_100) for _ in range(2)], 44_100)
    >>> [torch.equal(*both) for both in zip(song.tracks, dae_stems(song).tracks, strict=True)]
    [True, False]
    """
    networks = shipped() if weights is None else load_trained(weights)
    tracks = []
    for role, track in zip(song.roles, song.tracks, strict=True):
        group = group_of(role)
        if group is not None and group in networks.groups:
            track = dae_stem(track, song.sample_rate, group=group, networks=networks)
        tracks.append(track)
    return replace(song, tracks=tuple(tracks))


def group_of(role: str) -> str | None:
    """Tell the group of a role.

    Args:
        role: What a track plays.

    Returns:
        One of `GROUPS`, or None.

    >>> group_of("synth"), group_of("kick")
    ('keys', None)
    """
    return next((group for group, roles in GROUPS.items() if role in roles), None)


def load_trained(path: str | Path = WEIGHTS) -> Networks:
    """Read networks from the weights that `dasp train dae` wrote.

    Args:
        path: The file; that of the package where none is given.

    Returns:
        The networks, ready for use.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    networks, _ = load_network(
        path, RECIPE, lambda config: Networks(config["groups"], Size(**config["size"]))
    )
    return networks


shipped = cache(load_trained)
"""`load_trained` of the file of the package, which is read once."""
