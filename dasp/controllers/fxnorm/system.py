"""A mix by a network that hears normalised stems: audio in, audio out.

Tracks are added up to vocals, drums, bass and other, the effects of these are normalised, and the
network makes the mix of them. There are no settings in between, so none come out of it.

Source: M. A. Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain
data", ISMIR 2022.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.auto.evidence import hear_evidence
from dasp.controllers.fxnorm.baseline import BaselineSize
from dasp.controllers.fxnorm.features import GROUPS, RATE, load_features
from dasp.controllers.fxnorm.network import MaskSize
from dasp.controllers.fxnorm.normalise import fx_normalise, group_stems
from dasp.controllers.rules.balance import LOUDNESS_BY_ROLE_LU
from dasp.controllers.trained_file import load_network
from dasp.mixing.song import Song
from dasp.signal.resample import resample
from dasp.units import db_to_gain
from dasp.weights import FOLDER

WEIGHTS = FOLDER / "fxnorm.safetensors"
RECIPE = "fxnorm"

Kind = Literal["masks", "wave-u-net"]
"""The paper's network, or its baseline."""

Stems = Literal["wet", "dry", "dry-normalised"]
"""What a network is trained on: the stems of mixes and recordings, both with normalised effects, or
("dry") recordings that only have the loudness of their group."""

WINDOW, OVERLAP = 2**19, 2**16
"""Samples that are mixed at once, about as many as the paper trains on, and between two of them."""


@torch.no_grad()
def fxnorm_mix(song: Song, weights: Path | None = None) -> Tensor:
    """Mix a song by a network that hears its stems without their effects.

    Args:
        song: The tracks, their names and roles.
        weights: A file that `dasp train fxnorm` has left; that of the package where none is given.

    Returns:
        The mix `(2, time)`; its level is what the network makes it.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    network, config = shipped() if weights is None else load_fxnorm(weights)
    mix = render(network, heard_stems(song, normalised=config["stems"] != "dry"))
    mix = resample(mix, RATE, song.sample_rate)
    time = song.tracks[0].shape[-1]
    return nn.functional.pad(mix, (0, max(0, time - mix.shape[-1])))[..., :time]


def heard_stems(song: Song, *, normalised: bool = True) -> Tensor:
    """Make what a network hears of a song.

    Args:
        song: The tracks, their names and roles.
        normalised: Whether effects are normalised; else stems have the loudness of their group.

    Returns:
        Left and right of vocals, drums, bass and other, `(8, time)` at 44.1 kHz.
    """
    stems = group_stems(levelled_in_groups(song))
    stems = {group: resample(x.float(), song.sample_rate, RATE) for group, x in stems.items()}
    stems = fx_normalise(stems, RATE) if normalised else at_group_loudness(stems)
    silence = torch.zeros_like(next(iter(stems.values())))
    return torch.cat([stems.get(group, silence) for group in GROUPS])


def levelled_in_groups(song: Song) -> Song:
    """Bring tracks of one group to the levels of their roles, unless they have a balance already.

    Args:
        song: The tracks, their names and roles.

    Returns:
        The song; as it is where no group has two tracks, or where levels as these are a mix's.
    """
    if len(group_stems(song)) == len(song.tracks) or hear_evidence(song).balanced > 0.5:
        return song
    tracks = []
    for track, role in zip(song.tracks, song.roles, strict=True):
        own = measure_loudness(track, song.sample_rate)
        gain_db = torch.where(own > ABSOLUTE_GATE_LUFS, LOUDNESS_BY_ROLE_LU[role] - 23.0 - own, 0.0)
        tracks.append(track * db_to_gain(gain_db))
    return replace(song, tracks=tuple(tracks))


def at_group_loudness(stems: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bring stems to the loudness of their group, and do nothing else to them.

    Args:
        stems: Audio `(2, time)` at 44.1 kHz by the name of the group.

    Returns:
        Stems of the same shapes; silent ones as they are.
    """
    features = load_features()
    found = {}
    for group, x in stems.items():
        own = measure_loudness(x, RATE)
        gain_db = torch.where(own > ABSOLUTE_GATE_LUFS, features[group].loudness_lufs - own, 0.0)
        found[group] = x * db_to_gain(gain_db)
    return found


def render(
    network: nn.Module, stems: Tensor, *, window: int = WINDOW, overlap: int = OVERLAP
) -> Tensor:
    """Mix a whole song window by window, and fade from each to the next.

    What a network hears of the whole of an excerpt (its norms, its memory, its gate) it hears of a
    window. The last window ends with the song, so that all are of one length.

    Args:
        network: The network.
        stems: Audio `(8, time)`.
        window: Samples that are mixed at once.
        overlap: Samples of a fade, fewer than `window`.

    Returns:
        The mix `(2, time)`.
    """
    time = stems.shape[-1]
    if not stems.any():
        return torch.zeros_like(stems[:2])
    last = max(0, time - window)
    fade = torch.linspace(0, 1, overlap, device=stems.device)
    mix = torch.zeros_like(stems[:2])
    for start in (*range(0, last, window - overlap), last):
        part = network(stems[None, :, start : start + window])[0]
        if start:
            before = mix[:, start : start + overlap]
            part[:, :overlap] = torch.lerp(before, part[:, :overlap], fade)
        mix[:, start : start + window] = part
    return mix


def network_of(config: Mapping[str, Any]) -> nn.Module:
    """Build the network of a configuration of the recipe, with new weights.

    Args:
        config: The configuration, as it is kept beside weights.

    Returns:
        The network.
    """
    if config["kind"] == "masks":
        return MaskSize(**config["masks"]).network()
    return BaselineSize(**config["baseline"]).network()


def load_fxnorm(path: str | Path = WEIGHTS) -> tuple[nn.Module, dict[str, Any]]:
    """Read a network from the weights that `dasp train fxnorm` wrote.

    Args:
        path: The file; that of the package where none is given.

    Returns:
        The network, ready for use, and the configuration of its training.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    return load_network(path, RECIPE, network_of)


shipped = cache(load_fxnorm)
"""`load_fxnorm` of the file of the package, which is read once."""
