"""Crossovers by SciPy, and impulses to look at them."""

import scipy.signal
import torch

RATE = 48_000


def linkwitz_riley(x, freq_hz, kind):
    """A Butterworth filter of order 2, twice."""
    sos = scipy.signal.butter(2, freq_hz, kind, fs=RATE, output="sos")
    return scipy.signal.sosfilt(sos, scipy.signal.sosfilt(sos, x))


def magnitude_db(impulse_response):
    return 20 * torch.log10(torch.fft.rfft(impulse_response).abs())


def impulse(height=1.0):
    x = torch.zeros(1, 65_536, dtype=torch.float64)
    x[0, 0] = height
    return x
