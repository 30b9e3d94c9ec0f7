"""Mixes that cost nothing, which a system has to beat."""

import torch
from torch import Tensor

from dasp.controllers.rules.equal_loudness import equal_loudness
from dasp.controllers.rules.rule_mix import rule_mix
from dasp.controllers.rules.strips import gains_and_pans
from dasp.mixing.mixdown import mix_down
from dasp.mixing.roles import stereo_pairs
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.processors.catalogue import LOW_PASS, STEREO_WIDENER
from dasp.processors.stage import Stage

RANDOM_GAIN_DB = 12.0
ANCHOR_LOW_PASS_HZ = 3500.0


def baselines(song: Song, *, seed: int = 0) -> dict[str, Tensor]:
    """Mix a song with every baseline.

    Args:
        song: The song.
        seed: Seed of the random mix.

    Returns:
        Audio of each baseline, `(2, time)`, by name.
    """
    mixes = baseline_mixes(song, seed=seed)
    heard = {name: mix_down(song.tracks, mix) for name, mix in mixes.items()}
    return {**heard, "anchor": anchor(song)}


def baseline_mixes(song: Song, *, seed: int = 0) -> dict[str, Mix]:
    """Find the settings of every baseline that a console can be set to.

    Args:
        song: The song.
        seed: Seed of the random mix.

    Returns:
        The mix of each baseline by name.
    """
    return {
        "mono sum": mono_sum(song),
        "equal loudness": equal_loudness(song),
        "random": random_mix(song, torch.Generator().manual_seed(seed)),
        "rule mix": rule_mix(song),
    }


def mono_sum(song: Song) -> Mix:
    """Build the mix that sums all tracks in mono.

    Args:
        song: The song.

    Returns:
        A mix whose two sides are the same.
    """
    to_mono = Stage(STEREO_WIDENER, {"width": 0.0})
    return Mix(
        song.sample_rate,
        tuple(
            Track(name, role=role, strip=(to_mono,) if track.shape[-2] == 2 else ())
            for name, role, track in zip(song.names, song.roles, song.tracks, strict=True)
        ),
    )


def random_mix(song: Song, draw: torch.Generator) -> Mix:
    """Draw a mix with random gains, within 12 dB either way, and random pans, from side to side.

    Args:
        song: The song.
        draw: Source of the uniform draws.

    Returns:
        The mix.
    """
    u = 2 * torch.rand(2, len(song.names), generator=draw, dtype=torch.float64) - 1
    gains_db, pans = RANDOM_GAIN_DB * u[0], u[1].tolist()
    return gains_and_pans(song, gains_db=gains_db, pans=pans)


def anchor(song: Song) -> Tensor:
    """Make the hidden anchor of a listening test: the overheads hard left and right, low-passed.

    Without a pair of overheads the anchor is the mono sum, low-passed at 3.5 kHz as well.

    Args:
        song: The song.

    Returns:
        Audio `(2, time)`.

    Source: M. A. Martínez Ramírez, D. Stoller and D. Moffat, "A deep learning approach to
    intelligent drum mixing with the Wave-U-Net", JAES 69, 2021.
    """
    sides = stereo_pairs(list(song.names))
    overheads = {
        side: song.tracks[i].mean(-2, keepdim=True)
        for i, side in sides.items()
        if song.roles[i] == "overhead"
    }
    if len(overheads) == 2:
        x = torch.cat((overheads["left"], overheads["right"]))
    else:
        x = mix_down(song.tracks, mono_sum(song))
    return LOW_PASS(x, song.sample_rate, freq_hz=ANCHOR_LOW_PASS_HZ, order=8)
