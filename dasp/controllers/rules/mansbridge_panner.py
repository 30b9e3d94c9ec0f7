"""The panner that keeps tracks of a like spectrum apart, and both sides of each band in balance.

A track goes to the side where the one nearest to it in spectral centroid is not, the further out
the brighter it is; leads and the low end stay in the centre. Then tracks of bands that lean to one
side are drawn to the other. S. Mansbridge, S. Finn and J. D. Reiss, "An autonomous system for
multitrack stereo pan positioning", AES 133rd Convention, 2012.

The paper's loop runs in real time. Here a whole song is known: each track has one centroid, the
mean over its loud frames, and one pan.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from dasp.controllers.rules.strips import gains_and_pans
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.signal.stft import stft

FFT_SIZE = 2048
CENTRED_BELOW_HZ = 200.0
WIDEST_HZ = 8000.0
"""Centroid from which on a track stands at the edge; the paper draws the curve, ours is a straight
line on a logarithmic scale."""
MOST_PAN = 0.9
LEAD_ROLES = ("vocal",)

MOST_MEAN_PAN = 0.2
BAND_EDGES_HZ = (750.0, 1650.0, 3650.0, 7750.0, 16_000.0)
TOLERANCE = 0.05
STEP = 0.3
MOST_ROUNDS = 20


def mansbridge_panner(song: Song) -> Mix:
    """Pan tracks by `pan_by_centroids`, balanced by `balance_bands`.

    Args:
        song: The tracks, their names and roles.

    Returns:
        The mix.
    """
    spectra = torch.stack([_spectrum(track) for track in song.tracks])
    f = torch.linspace(0, song.sample_rate / 2, spectra.shape[-1], dtype=spectra.dtype)
    centroids = ((spectra * f).sum(-1) / spectra.sum(-1).clamp(min=1e-12)).tolist()
    lead = [role in LEAD_ROLES for role in song.roles]
    pans = pan_by_centroids(centroids, lead)
    inside = [(f >= low) & (f < high) for low, high in pairwise((0.0, *BAND_EDGES_HZ))]
    bands = torch.stack([spectra[:, band].sum(-1) for band in inside], -1)
    return gains_and_pans(song, pans=balance_bands(pans, bands))


def pan_by_centroids(centroids_hz: Sequence[float], lead: Sequence[bool]) -> list[float]:
    """Place each track in the order of priority; the first goes left.

    Each goes to the side where the placed track with the nearest centroid is not, or, where that
    would leave the mean pan of all more than 0.2 off the centre, to the side that evens it out.

    Args:
        centroids_hz: Spectral centroid of each track.
        lead: Whether a track is a lead, which stays in the centre.

    Returns:
        A pan in [-1, 1] for each track.

    >>> pan_by_centroids([100.0, 8000.0, 7000.0, 2000.0], [False, False, False, True])
    [0.0, -0.9, 0.86..., 0.0]
    """
    pans: list[float] = []
    for centroid, is_lead in zip(centroids_hz, lead, strict=True):
        if is_lead or centroid < CENTRED_BELOW_HZ:
            pans.append(0.0)
            continue
        placed = [
            (abs(math.log(other / centroid)), pan)
            for other, pan in zip(centroids_hz, pans, strict=False)
            if pan
        ]
        side = -math.copysign(1.0, min(placed)[1]) if placed else -1.0
        pan = side * _width(centroid)
        total = sum(pans)
        drifts = abs(total + pan) > MOST_MEAN_PAN * (len(pans) + 1)
        if placed and drifts and abs(total - pan) < abs(total + pan):
            pan = -pan
        pans.append(pan)
    return pans


def balance_bands(pans: Sequence[float], bands: Tensor) -> list[float]:
    """Move pans until left and right are even in each band, as far as that can be had.

    Where the angle
    atan(sum L / sum R) of a band is more than 0.05 of a right angle off its middle, the tracks
    that are strongest in it, and are not in the centre, move by 0.3 times that excess to the
    weaker side.

    Args:
        pans: Pan of each track in [-1, 1].
        bands: Magnitudes `(tracks, bands)` of each track.

    Returns:
        The pans.
    """
    moved = torch.tensor(pans, dtype=torch.float64)
    free = moved != 0
    belongs = bands.argmax(-1)
    for _ in range(MOST_ROUNDS):
        for band in range(bands.shape[-1]):
            off = lean(moved, bands[:, band])
            if abs(off) > TOLERANCE:
                here = free & (belongs == band)
                nudged = (moved + STEP * 2 * off).clamp(-MOST_PAN, MOST_PAN)
                moved = torch.where(here, nudged, moved)
    return moved.tolist()


def lean(pans: Tensor, magnitudes: Tensor) -> float:
    """Measure how far a band leans to the left.

    Args:
        pans: Pan of each track in [-1, 1], `(tracks,)`.
        magnitudes: Magnitude of each track in the band, `(tracks,)`.

    Returns:
        -0.5 (all right) through 0 (even) to 0.5 (all left).

    >>> lean(torch.tensor([-1.0]), torch.ones(1)), lean(torch.tensor([-0.5, 0.5]), torch.ones(2))
    (0.5, 0.0)
    """
    angle = (pans.double() + 1) * math.pi / 4
    left, right = (angle.cos() * magnitudes).sum(), (angle.sin() * magnitudes).sum()
    return round((torch.atan2(left, right) / (math.pi / 2)).item() - 0.5, 9)


def _width(centroid_hz: float) -> float:
    """How far out a track of a centroid stands."""
    octaves = math.log2(centroid_hz / CENTRED_BELOW_HZ)
    return MOST_PAN * min(1.0, octaves / math.log2(WIDEST_HZ / CENTRED_BELOW_HZ))


def _spectrum(track: Tensor) -> Tensor:
    """Mean magnitude of the loud frames of a track, `(bins,)`, float64."""
    magnitude = stft(track.double().mean(-2), FFT_SIZE, FFT_SIZE // 2).abs()
    power = magnitude.square().sum(-2)
    loud = (power >= 1e-3 * power.amax()) & (power > 0)
    return (magnitude * loud).sum(-1) / loud.sum().clamp(min=1)
