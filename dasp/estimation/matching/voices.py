"""What engineers do to voices: a Gaussian over the gains of an EQ, and the usual compressor.

Of 455 vocal chains that were fitted to recordings; `python -m benchmarks.voice_presets` has made
the table of them.

Source: C.-Y. Yu et al., "DiffVox: a differentiable model for capturing and analysing vocal effects
distributions", DAFx 2025; the table is of its presets, MIT licence, whose notice it has in it.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dasp.estimation.matching.prior import Belief, Prior

TABLE = Path(__file__).with_name("voices.json")
VOICES = ("vocal", "backing vocal")
"""The roles that are voices."""

OWN_DB = 1.0
"""Standard deviation of what a gain may do beside all presets."""


def voice_gains(bands: int) -> Prior:
    """Build the prior of a graphic EQ for a voice.

    Args:
        bands: Number of thirds of an octave from 20 Hz on.

    Returns:
        A Gaussian over gains in dB.
    """
    return _prior(*_gains(), bands)


def voice_bands(response: Tensor) -> Prior:
    """Build the prior of the gains of another EQ for a voice.

    Args:
        response: What 1 dB of each of its gains does in the 31 thirds of an octave, in dB, `(31,
            gains)`.

    Returns:
        A Gaussian over the gains that come nearest to the presets, in dB.
    """
    mean, covariance = _gains()
    nearest = torch.linalg.pinv(response.double())
    return _prior(nearest @ mean, nearest @ covariance @ nearest.mT, len(nearest))


def voice_dynamics() -> dict[str, Belief]:
    """Tell what the compressor of a voice is likely to be.

    Returns:
        Beliefs of its ratio, attack and release.
    """
    table = _table()
    return {
        f"compressor.{name}": Belief(table[name]["spread"], table[name]["mean"])
        for name in ("ratio", "attack_ms", "release_ms")
    }


def _prior(mean: Tensor, covariance: Tensor, count: int) -> Prior:
    covariance = covariance[:count, :count] + OWN_DB**2 * torch.eye(count)
    return Prior(mean[:count].float(), torch.linalg.cholesky(covariance).float())


def _gains() -> tuple[Tensor, Tensor]:
    table = _table()
    rows = [torch.tensor(row).double() for row in table["covariance"]]
    lower = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    covariance = lower + lower.tril(-1).mT
    return torch.tensor(table["gain_db"]).double(), covariance


@cache
def _table() -> dict[str, Any]:
    return json.loads(TABLE.read_text(encoding="utf-8"))
