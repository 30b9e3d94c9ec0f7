"""Loudness balance: each track towards the loudness that its role has in a mix.

A microphone was set up and a part was played by people who listened, so the recorded levels are
evidence too: no track moves more than `MOST_DB` against the others. Without that bound a close
microphone that only hears its neighbours would be raised until it is as loud as they are.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.mixing.roles import check_roles

MOST_DB = 6.0

LOUDNESS_BY_ROLE_LU = {
    "vocal": 0.0,
    "kick": -1.0,
    "snare": -2.0,
    "drums": 0.0,
    "bass": -2.0,
    "guitar": -5.0,
    "keys": -5.0,
    "synth": -5.0,
    "brass": -5.0,
    "strings": -6.0,
    "tom": -6.0,
    "other": -6.0,
    "backing vocal": -7.0,
    "overhead": -8.0,
    "percussion": -9.0,
    "effect": -9.0,
    "pad": -9.0,
    "cymbal": -10.0,
    "hihat": -11.0,
    "room": -11.0,
}
"""How loud a track of each role stands beside a lead: our own rule of thumb."""


def balance(tracks: Sequence[Tensor], roles: Sequence[str], sample_rate: float) -> list[float]:
    """Find a gain for each track by its loudness and its role.

    The gains are relative: half of them are above 0 and half below.

    Args:
        tracks: Audio `(channels, time)` of each track.
        roles: Role of each track.
        sample_rate: In Hz.

    Returns:
        Gains in dB; silent tracks have 0.

    Raises:
        ValueError: If a role is not known.
    """
    check_roles(roles)
    loudness = torch.stack([measure_loudness(track, sample_rate) for track in tracks]).double()
    wanted = torch.tensor([LOUDNESS_BY_ROLE_LU[role] for role in roles], dtype=torch.float64)
    audible = loudness > ABSOLUTE_GATE_LUFS
    if not audible.any():
        return [0.0] * len(tracks)
    change = wanted - loudness
    change = (change - change[audible].median()).clamp(-MOST_DB, MOST_DB)
    return torch.where(audible, change, 0.0).tolist()
