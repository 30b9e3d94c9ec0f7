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
    """Decay time of responses `(..., time)` between two frequencies, from -5 dB to `down_to_db`."""
    (rt60_s,) = rt60_s_of_bands(h, sample_rate, [(low_hz, high_hz)], down_to_db=down_to_db)
    return rt60_s


def rt60_s_of_bands(
    h: Tensor, sample_rate: float, bands: list[tuple[float, float]], *, down_to_db: float = -25.0
) -> list[float]:
    """Decay times of responses `(..., time)` in bands.

    The energy decays of all responses are added before they are read, as rooms are measured
    at several places: noise in a narrow band scatters. Nothing outside of a band is let
    through, and its edges are rounded so that the filter does not ring on.
    """
    time = h.shape[-1]
    spectrum = torch.fft.rfft(h, 2 * time)
    freq_hz = torch.fft.rfftfreq(2 * time, 1 / sample_rate, dtype=h.dtype)
    return [_rt60_s(spectrum, freq_hz, low, high, down_to_db) for low, high in bands]


def _rt60_s(
    spectrum: Tensor, freq_hz: Tensor, low_hz: float, high_hz: float, down_to_db: float
) -> float:
    """In one band, of which no more samples are made than it has use for."""
    if high_hz < math.inf:
        bins = min(freq_hz.numel(), 4 * int((freq_hz < high_hz).sum()))
        spectrum, freq_hz = spectrum[..., :bins], freq_hz[:bins]
        place = (freq_hz / max(low_hz, 1e-3)).log2() / math.log2(high_hz / max(low_hz, 1e-3))
        spectrum = spectrum * torch.sin(math.pi * place.clamp(0, 1)).square()
    time = freq_hz.numel() - 1  # the half before the padding
    band = torch.fft.irfft(spectrum)[..., :time]
    energy = band.square().reshape(-1, time).sum(0).flip(0).cumsum(0).flip(0)
    level_db = 10 * torch.log10(energy / energy[0] + 1e-30)
    read = (level_db <= -5) & (level_db >= down_to_db)
    second = torch.arange(time, dtype=level_db.dtype)[read] / (2 * freq_hz[-1])
    second = second - second.mean()
    slope = (second * level_db[read]).sum() / second.square().sum()
    return -60 / slope.item()
