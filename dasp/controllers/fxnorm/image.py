"""The stereo image of a stem, brought to that of its group."""

import torch
from torch import Tensor

from dasp.controllers.fxnorm.features import (
    GROUPS,
    RATE,
    STEP,
    EffectFeatures,
    heard_frames,
    similarity,
    smooth,
)
from dasp.signal.stft import istft, stft

FFT_SIZE, HOP = 2048, 1024
CENTRED = 0.9
"""Bins at least so similar stand in the centre: they lean to the side of the stem."""

LEANS_HZ = (50.0, 2500.0)
"""The frequencies that tell to which side a stem leans."""

SMOOTHING_POINTS = 501 // STEP | 1


def leaning(x: Tensor) -> int:
    """Tell to which side a stem leans, between 50 and 2,500 Hz.

    Args:
        x: Audio `(2, time)` at 44,100 Hz.

    Returns:
        -1 for the left, 1 for the right, and for a stem that leans to none.
    """
    low, high = (round(hz * FFT_SIZE / RATE) for hz in LEANS_HZ)
    heard = stft(x, FFT_SIZE, HOP, "sqrt_hann")[:, low:high]
    left, right = heard.abs().square().sum((1, 2)).tolist()
    return -1 if left > right else 1


def match_image(x: Tensor, features: EffectFeatures, group: str, *, side: int) -> Tensor:
    """Pan each frequency of a stem so that its mean similarity is that of its group.

    Every bin keeps its power and its phases; what stands in the centre goes to one side.

    Args:
        x: Audio `(2, time)` at 44,100 Hz, not silent.
        features: Those of the group.
        group: Its name.
        side: What `leaning` tells of the stem.

    Returns:
        Audio of the shape of `x`.
    """
    spectra = stft(x, FFT_SIZE, HOP, "sqrt_hann")
    magnitudes = spectra.abs()
    alike = similarity(*magnitudes)
    own = smooth(alike[:, heard_frames(spectra)].mean(-1), SMOOTHING_POINTS)
    wanted = alike * (features.similarity.to(x) / own.clamp(min=1e-6))[:, None]
    ratio = weaker_to_stronger(wanted.clamp(0.0, 1.0))
    stronger = (magnitudes.square().sum(0) / (1 + ratio.square())).sqrt()
    sides = torch.where(alike > CENTRED, side, torch.sign(magnitudes[1] - magnitudes[0]))
    levels = torch.stack([torch.where(sides == one, stronger, ratio * stronger) for one in (-1, 1)])
    freq_hz = torch.linspace(0, RATE / 2, alike.shape[0])
    panned = (freq_hz < GROUPS[group].pan_below_hz)[:, None] & (magnitudes.sum(0) > 0)
    phases = torch.where(magnitudes > 0, spectra.angle(), spectra.flip(0).angle())
    moved = torch.polar(levels, phases)
    return istft(torch.where(panned, moved, spectra), FFT_SIZE, HOP, x.shape[-1], "sqrt_hann")


def weaker_to_stronger(similarity: Tensor) -> Tensor:
    """Compute the ratio of two magnitudes of a given similarity.

    It is the root of s = 2 r / (1 + r^2) in [0, 1].

    Args:
        similarity: From 0 to 1.

    Returns:
        The ratio of the weaker to the stronger, from 0 to 1.

    >>> [round(ratio, 4) for ratio in weaker_to_stronger(torch.tensor([0.0, 0.8, 1.0])).tolist()]
    [0.0, 0.5, 1.0]
    """
    root = (1 - similarity.square()).clamp(min=0).sqrt()
    return similarity / (1 + root)
