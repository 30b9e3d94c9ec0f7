"""The spectral stereo panner.

Tracks that live in the same frequency band are spread over the stereo field, so that they mask
each other less; what lives below 200 Hz stays in the centre.

Source: E. Perez Gonzalez and J. D. Reiss, "Automatic mixing: live downmixing stereo panner",
DAFx 2007.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp.signal.biquad import design_band_pass
from dasp.signal.iir import sosfilt
from dasp.signal.stft import frames

BAND_CENTRES_HZ = (100.0, 400.0, 1000.0, 2500.0, 5000.0, 7500.0, 10_000.0, 15_000.0)
BAND_Q = 1.4
CENTRED_BELOW_HZ = 200.0
FRAME_S = 0.1
GATE_DB = -30.0
WIDTH = 0.059
"""How far the outermost positions are drawn in, from 0 (not at all) to 0.5 (to the centre)."""


def spectral_pan(
    tracks: Sequence[Tensor], sample_rate: float, *, width: float = WIDTH
) -> list[float]:
    """Pan each track by the band that dominates it, in the order of priority.

    Args:
        tracks: Audio `(channels, time)` of each track.
        sample_rate: In Hz.
        width: The widest pan, 0 to 1.

    Returns:
        A pan in [-1, 1] for each track.
    """
    bands = [dominant_band(track, sample_rate) for track in tracks]
    return [
        0.0
        if band is None or BAND_CENTRES_HZ[band] < CENTRED_BELOW_HZ
        else _drawn_in(position(bands[: i + 1].count(band), bands.count(band)), width)
        for i, band in enumerate(bands)
    ]


def position(i: int, n: int) -> float:
    """Place one of several sources in one band: 0 is left, 1 is right.

    Args:
        i: Number of the source, from 1.
        n: How many there are.

    Returns:
        The place.

    >>> [[round(position(i, n), 3) for i in range(1, n + 1)] for n in (1, 2, 3, 4)]
    [[0.5], [0.0, 1.0], [0.5, 0.0, 1.0], [0.333, 0.667, 0.0, 1.0]]
    """
    if n == 1:
        return 0.5
    if (i + n) % 2:
        return (n - i - 1) / (2 * (n - 1))
    return 1 - (n - i) / (2 * (n - 1))


def dominant_band(track: Tensor, sample_rate: float) -> int | None:
    """Find the band that holds the highest peak in most frames.

    Frames more than 30 dB below the loudest do not vote: between its own notes a microphone
    hears the others.

    Args:
        track: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        The number of the band, or None for silence.
    """
    centres = [f for f in BAND_CENTRES_HZ if f < 0.45 * sample_rate]
    filters = design_band_pass(torch.tensor(centres), sample_rate, q=BAND_Q)
    bands, _ = sosfilt(track.mean(-2, keepdim=True), filters)
    size = round(FRAME_S * sample_rate)
    if bands.shape[-1] < size:
        size = max(bands.shape[-1], 1)
    peaks = frames(bands, size, size).abs().amax(-1)
    loudest = peaks.amax(0)
    if not loudest.numel() or loudest.max() == 0:
        return None
    voting = loudest >= loudest.max() * 10 ** (GATE_DB / 20)
    return int(torch.bincount(peaks.argmax(0)[voting]).argmax())


def _drawn_in(place: float, width: float) -> float:
    """A place in [0, 1] as a pan in [-1, 1], drawn towards the centre."""
    return (2 * place - 1) * (1 - 2 * width)
