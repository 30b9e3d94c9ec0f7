"""Mixes that cost nothing, which a system has to beat: stems `(channels, time)` to a stereo mix."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp.controllers.rules.equal_loudness import equal_loudness
from dasp.controllers.rules.rule_mix import rule_mix
from dasp.controllers.rules.strips import gains_and_pans
from dasp.mixing.mixdown import mix_down
from dasp.mixing.roles import guess_role, stereo_pairs
from dasp.mixing.settings import Mix, Stage, Track
from dasp.processors.catalogue import LOW_PASS, STEREO_WIDENER

RANDOM_GAIN_DB = 12.0
ANCHOR_LOW_PASS_HZ = 3500.0


def baselines(
    names: Sequence[str], tracks: Sequence[Tensor], sample_rate: int, *, seed: int = 0
) -> dict[str, Tensor]:
    """Every baseline by its name. The seed is that of the random one."""
    mixes = baseline_mixes(names, tracks, sample_rate, seed=seed)
    heard = {name: mix_down(tracks, mix) for name, mix in mixes.items()}
    return {**heard, "anchor": anchor(names, tracks, sample_rate)}


def baseline_mixes(
    names: Sequence[str], tracks: Sequence[Tensor], sample_rate: int, *, seed: int = 0
) -> dict[str, Mix]:
    """The settings of every baseline that a console can be set to."""
    return {
        "mono sum": mono_sum(names, tracks, sample_rate),
        "equal loudness": equal_loudness(names, tracks, sample_rate),
        "random": random_mix(names, sample_rate, torch.Generator().manual_seed(seed)),
        "rule mix": rule_mix(names, tracks, sample_rate),
    }


def mono_sum(names: Sequence[str], tracks: Sequence[Tensor], sample_rate: int) -> Mix:
    """The plain sum of all tracks, in mono on both sides."""
    to_mono = Stage(STEREO_WIDENER, {"width": 0.0})
    return Mix(
        sample_rate,
        tuple(
            Track(name, role=guess_role(name), strip=(to_mono,) if track.shape[-2] == 2 else ())
            for name, track in zip(names, tracks, strict=True)
        ),
    )


def random_mix(names: Sequence[str], sample_rate: int, draw: torch.Generator) -> Mix:
    """Gains within 12 dB either way and pans from side to side, all as likely."""
    u = 2 * torch.rand(2, len(names), generator=draw, dtype=torch.float64) - 1
    gains_db, pans = RANDOM_GAIN_DB * u[0], u[1].tolist()
    return gains_and_pans(names, sample_rate, gains_db=gains_db, pans=pans)


def anchor(names: Sequence[str], tracks: Sequence[Tensor], sample_rate: int) -> Tensor:
    """The hidden anchor of a listening test: the two overheads hard left and right, low-passed.

    Without a pair of overheads it is the mono sum, low-passed at 3.5 kHz as well. M. A. Martínez
    Ramírez, D. Stoller and D. Moffat, "A deep learning approach to intelligent drum mixing with
    the Wave-U-Net", JAES 69, 2021.
    """
    sides = stereo_pairs(list(names))
    overheads = {
        side: tracks[i].mean(-2, keepdim=True)
        for i, side in sides.items()
        if guess_role(names[i]) == "overhead"
    }
    if len(overheads) == 2:
        x = torch.cat((overheads["left"], overheads["right"]))
    else:
        x = mix_down(tracks, mono_sum(names, tracks, sample_rate))
    return LOW_PASS(x, sample_rate, freq_hz=ANCHOR_LOW_PASS_HZ, order=8)
