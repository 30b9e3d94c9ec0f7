"""Gain sharing: microphones share the gain of one that is fully open.

Each is turned down by as much as it is weaker than the sum of all, so that who speaks is heard,
and the noise of the others does not add up. D. Dugan, "Automatic microphone mixing", JAES 23,
1975.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp._checks import check_choice
from dasp.controllers.rules.strips import frame_powers, gains_and_pans
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.signal.ballistics import ballistics
from dasp.units import power_to_db

FRAME_S = 0.05
ATTACK_S, RELEASE_S = 0.01, 0.3
AMBIENT_DB = -80.0
"""A level in dB of full scale that every microphone hears: in silence all have the same share."""


def dugan(song: Song) -> Mix:
    """Share one gain among all tracks, twenty times a second.

    Args:
        song: The tracks.

    Returns:
        The mix, whose gains move.

    Raises:
        ValueError: Never for the law that is used here.
    """
    size = round(FRAME_S * song.sample_rate)
    powers = frame_powers(song.tracks, size) + 10 ** (AMBIENT_DB / 10)
    attack, release = torch.exp(-FRAME_S / torch.tensor((ATTACK_S, RELEASE_S)).double())
    smooth, _ = ballistics(powers, attack, release, zi=powers[:, 0])
    gains_db = power_to_db(share_gain(smooth))
    time_s = (torch.arange(gains_db.shape[-1], dtype=torch.float64) + 0.5) * size / song.sample_rate
    return gains_and_pans(song, gains_db=gains_db, time_s=time_s)


def share_gain(
    powers: Tensor, weights_db: float | Sequence[float] = 0.0, *, law: str = "power"
) -> Tensor:
    """Share a gain of 1 among microphones by their powers.

    g_i^2 = P_i / sum P for the law "power", whose squared gains add up to 1 at any moment. With
    "amplitude", g_i = a_i / sum a with a = sqrt(P): gains add up to 1, and differ more. Weights in
    dB, one for each track, favour microphones as if they heard that much more.

    Args:
        powers: Powers `(tracks, ...)`, not all 0.
        weights_db: One for each track, or one for all: favours microphones as if they heard that
            much more.
        law: "power" or "amplitude".

    Returns:
        The squared gain of each microphone, of the shape of `powers`.

    Raises:
        ValueError: If the law is neither.

    >>> share_gain(torch.tensor([1.0, 1.0, 2.0]))
    tensor([0.2500, 0.2500, 0.5000])
    """
    check_choice("law", law, ("power", "amplitude"))
    weights = 10 ** (torch.as_tensor(weights_db, dtype=powers.dtype, device=powers.device) / 10)
    weighted = powers * weights.reshape(-1, *[1] * (powers.ndim - 1))
    if law == "power":
        return weighted / weighted.sum(0)
    amplitudes = weighted.sqrt()
    return (amplitudes / amplitudes.sum(0)).square()
