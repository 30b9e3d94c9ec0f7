"""A small network that sets the gain and the pan of every track."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from dasp.mixing.console import Console
from dasp.processors.catalogue import GAIN, STEREO_PANNER

__all__ = ["CONSOLE", "Mixer"]

CONSOLE = Console(strip=(GAIN, STEREO_PANNER), buses={}, master=())
"""A gain and a pan for each track, and nothing on their sum."""


class Mixer(nn.Module):
    """Set gain and pan of each track by its own level and spectrum and by the mean of all tracks.

    Args:
        width: Of its layers.
    """

    BANDS = 8

    def __init__(self, width: int):
        super().__init__()
        self.hear = nn.Sequential(nn.Linear(self.BANDS, width), nn.ReLU())
        self.decide = nn.Sequential(
            nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, CONSOLE.n_controls)
        )

    def forward(self, tracks: Tensor) -> Tensor:
        """Listen to the tracks.

        Args:
            tracks: Audio `(*batch, tracks, 1, time)`.

        Returns:
            Controls `(*batch, tracks, 2)` of `CONSOLE`.
        """
        heard = self.hear(octaves_db(tracks[..., 0, :], self.BANDS) / 20)
        together = heard.mean(-2, keepdim=True).expand_as(heard)
        return torch.sigmoid(self.decide(torch.cat([heard, together], -1)))


def octaves_db(x: Tensor, bands: int) -> Tensor:
    """Measure levels in octaves from Nyquist downwards, the last with all below.

    Args:
        x: Audio `(*batch, time)`.
        bands: How many.

    Returns:
        Levels in dB, 60 dB higher than those of full scale, `(*batch, bands)`.
    """
    power = torch.fft.rfft(x).abs().square() * (2 / x.shape[-1] ** 2)
    edges = [round(power.shape[-1] / 2**octave) for octave in range(bands)] + [0]
    levels = [power[..., low:high].sum(-1) for high, low in pairwise(edges)]
    return 10 * torch.log10(torch.stack(levels, -1) + 1e-8) + 60
