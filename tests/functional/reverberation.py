"""How the tests measure a reverb: energy decay by backward integration (M. R. Schroeder, 1965)."""

import math

import torch
from torch import Tensor


def impulse(channels: int, time: int) -> Tensor:
    x = torch.zeros(channels, time, dtype=torch.float64)
    x[:, 0] = 1.0
    return x


def measured_rt60_s(
    h: Tensor,
    sample_rate: float,
    low_hz: float = 0.0,
    high_hz: float = math.inf,
    *,
    down_to_db: float = -25.0,
) -> float:
    """Decay time of responses `(..., time)` between two frequencies, from -5 dB to `down_to_db`.

    The energy decays of all responses are added before they are read, as rooms are measured
    at several places: noise in a narrow band scatters. Nothing outside of the band is let
    through, and the edges are rounded so that the filter does not ring on.
    """
    time = h.shape[-1]
    freq_hz = torch.fft.rfftfreq(2 * time, 1 / sample_rate, dtype=h.dtype)
    place = (freq_hz / max(low_hz, 1e-3)).log2() / math.log2(high_hz / max(low_hz, 1e-3))
    window = torch.sin(math.pi * place.clamp(0, 1)).square() if high_hz < math.inf else 1.0
    band = torch.fft.irfft(torch.fft.rfft(h, 2 * time) * window)[..., :time]
    energy = band.square().reshape(-1, time).sum(0).flip(0).cumsum(0).flip(0)
    level_db = 10 * torch.log10(energy / energy[0] + 1e-30)
    read = (level_db <= -5) & (level_db >= down_to_db)
    second = torch.arange(time, dtype=h.dtype)[read] / sample_rate
    second = second - second.mean()
    slope = (second * level_db[read]).sum() / second.square().sum()
    return -60 / slope.item()
