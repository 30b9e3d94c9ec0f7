"""What the small Diff-MST network hears: mean spectra of tracks and reference, and what plays.

A mean spectrum is the power of 64 bands of left, of right, and of what the two share (the real part
of their cross spectrum), from which those of mid and side follow.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.console.features import (
    BANDS,
    FLOOR_DB,
    busiest_part,
    hear,
    mel_filterbank,
)
from dasp.controllers.console.mix import TRIM_LUFS, shipped
from dasp.mixing.routing import as_stereo
from dasp.signal.stft import stft
from dasp.units import db_to_gain

LEFT, RIGHT, SHARED = range(3)
FFT_AT_44100 = 4096
SOUND = 64
"""Length of the embedding of a track by the ears of the trained console."""

TRACK_NUMBERS = 2 * BANDS + SOUND
MIX_NUMBERS = 3 * BANDS + 1


class HeardTracks(NamedTuple):
    """Tracks, all as loud as each other.

    Args:
        bands: Mean spectra `(*batch, tracks, 3, BANDS)`.
        sound: What plays, `(*batch, tracks, SOUND)`.
        loudness: As they were recorded, in LUFS, `(*batch, tracks)`.
        playing: Where something plays, `(*batch, tracks)`.
    """

    bands: Tensor
    sound: Tensor
    loudness: Tensor
    playing: Tensor


@torch.no_grad()
def hear_tracks(tracks: Sequence[Tensor], sample_rate: float) -> HeardTracks:
    """Hear the tracks of a song.

    Args:
        tracks: Audio `(channels, time)` of each track.
        sample_rate: In Hz.

    Returns:
        What is heard of them.
    """
    loudness = torch.stack([measure_loudness(track, sample_rate) for track in tracks])
    playing = loudness > ABSOLUTE_GATE_LUFS
    trim = db_to_gain(torch.where(playing, TRIM_LUFS - loudness, 0.0)).square()
    bands = torch.stack([mean_spectrum(busiest_part(x, sample_rate), sample_rate) for x in tracks])
    sound = shipped().model.embed(hear(tracks, sample_rate))
    return HeardTracks(bands * trim[:, None, None], sound, loudness, playing)


def mean_spectrum(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the mean power of each band of left, of right, and of what the two share.

    Args:
        x: Audio `(*batch, channels, time)`, mono or stereo.
        sample_rate: In Hz.

    Returns:
        `(*batch, 3, BANDS)`; what is shared can be negative.

    >>> mean_spectrum(torch.randn(2, 8000), 8000).shape
    torch.Size([3, 64])
    """
    size = max(64, 2 * round(FFT_AT_44100 * sample_rate / 88_200))
    left, right = stft(as_stereo(x).float(), size, size // 2).unbind(-3)
    shared = left.real * right.real + left.imag * right.imag
    powers = torch.stack((left.abs().square(), right.abs().square(), shared), -3).mean(-1)
    return powers @ mel_filterbank(size // 2 + 1, sample_rate).to(powers) / (size / 4) ** 2


def four_spectra(bands: Tensor) -> Tensor:
    """Compute the spectra of left, right, mid and side.

    Args:
        bands: `(*batch, 3, BANDS)`.

    Returns:
        Powers `(*batch, 4, BANDS)`, 0 or more.
    """
    left, right, shared = bands.unbind(-2)
    mid, side = (left + right + 2 * shared) / 4, (left + right - 2 * shared) / 4
    return torch.stack((left, right, mid, side), -2).clamp(min=0)


def in_db(bands: Tensor) -> Tensor:
    """Compute levels of left, right, mid and side, beside the mean band of left and right.

    Args:
        bands: `(*batch, 3, BANDS)`.

    Returns:
        Levels in dB, `(*batch, 4, BANDS)`, about `FLOOR_DB` for nothing.
    """
    powers = four_spectra(bands)
    mean = powers[..., :2, :].mean((-2, -1))[..., None, None].clamp(min=1e-12)
    return 10 * (powers / mean + 10 ** (FLOOR_DB / 10)).log10()


def track_numbers(heard: HeardTracks) -> Tensor:
    """Put what is heard of tracks into numbers for a network.

    Args:
        heard: The tracks.

    Returns:
        `(*batch, tracks, TRACK_NUMBERS)`.
    """
    _, _, mid, side = in_db(heard.bands).unbind(-2)
    return torch.cat((mid / 20 + 1, side / 20 + 1, heard.sound), -1)


def mix_numbers(bands: Tensor) -> Tensor:
    """Put what is heard of a mix into numbers for a network: of its left, and of its right.

    Args:
        bands: Mean spectrum `(*batch, 3, BANDS)`.

    Returns:
        `(*batch, 2, MIX_NUMBERS)`.
    """
    left, right, mid, side = in_db(bands).unbind(-2)
    shared = (side - mid) / 20
    sides = torch.stack((
        torch.cat((left / 20 + 1, (left - right) / 20, shared), -1),
        torch.cat((right / 20 + 1, (right - left) / 20, shared), -1),
    ), -2)  # fmt: skip
    # A transformer does not know the order of its tokens: each says which side it is.
    which = left.new_tensor([[-1.0], [1.0]]).expand(*sides.shape[:-1], 1)
    return torch.cat((sides, which), -1)
