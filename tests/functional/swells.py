"""Noise that swells, and what written-out loops of dynamics need."""

import math

import torch

SAMPLE_RATE = 8000


def swells(*shape):
    """Noise whose level goes up and down between -66 and 0 dB."""
    x = torch.randn(*shape, dtype=torch.float64)
    level_db = -33 + 33 * torch.sin(torch.arange(shape[-1]) / 60)
    return x * 10 ** (level_db / 20)


def pole(time_ms):
    return math.exp(-1000 / (time_ms * SAMPLE_RATE))


def level_db(sample):
    return 20 * math.log10(max(abs(sample), 1e-8))
