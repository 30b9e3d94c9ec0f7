"""What the small Diff-MST network hears: mean spectra of tracks and reference, and what plays.

A mean spectrum is the power of 64 bands of left, of right, and of what the two share (the real part
of their cross spectrum), from which those of mid and side follow.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, design_k_weighting
from dasp.controllers.console.features import BANDS, FLOOR_DB, busiest_part, mel_filterbank
from dasp.controllers.console.mix import TRIM_LUFS
from dasp.mixing.roles import KNOWN_ROLES, check_roles
from dasp.mixing.routing import as_stereo
from dasp.signal.biquad import frequency_response
from dasp.signal.side_by_side import side_by_side
from dasp.signal.stft import stft
from dasp.units import db_to_gain, power_to_db

LEFT, RIGHT, SHARED = range(3)
FFT_AT_44100 = 4096
RATE = 44_100

SHARE_FLOOR_DB = -40.0
"""A track with less of what plays in a band has no part in it."""

TRACK_NUMBERS = 3 * BANDS + len(KNOWN_ROLES)
MIX_NUMBERS = 6 * BANDS + 1


class HeardTracks(NamedTuple):
    """Tracks, all as loud as each other.

    Args:
        bands: Mean spectra `(*batch, tracks, 3, BANDS)`.
        roles: 1 for the role of each, of `KNOWN_ROLES`, `(*batch, tracks, roles)`.
        loudness: As they were recorded, in LUFS without gates, `(*batch, tracks)`.
        playing: Where something plays, `(*batch, tracks)`.
    """

    bands: Tensor
    roles: Tensor
    loudness: Tensor
    playing: Tensor


@torch.no_grad()
def hear_tracks(
    tracks: Sequence[Tensor], roles: Sequence[str], sample_rate: float, *, overlap: bool = False
) -> HeardTracks:
    """Hear the tracks of a song.

    Args:
        tracks: Audio `(channels, time)` of each track.
        roles: What each is.
        sample_rate: In Hz.
        overlap: As `mean_spectrum` takes it.

    Returns:
        What is heard of them.

    Raises:
        ValueError: If a role is not known.
    """
    check_roles(roles)
    spectra = side_by_side(
        lambda x: mean_spectrum(busiest_part(x, sample_rate), sample_rate, overlap=overlap), tracks
    )
    bands = torch.stack(spectra)
    loudness = loudness_of(bands)
    playing = loudness > ABSOLUTE_GATE_LUFS
    trim = db_to_gain(torch.where(playing, TRIM_LUFS - loudness, 0.0)).square()
    numbers = torch.tensor([KNOWN_ROLES.index(role) for role in roles])
    known = torch.nn.functional.one_hot(numbers, len(KNOWN_ROLES)).float()
    return HeardTracks(bands * trim[:, None, None], known, loudness, playing)


def mean_spectrum(x: Tensor, sample_rate: float, *, overlap: bool = False) -> Tensor:
    """Measure the mean power of each band of left, of right, and of what the two share.

    Args:
        x: Audio `(*batch, channels, time)`, mono or stereo.
        sample_rate: In Hz.
        overlap: Whether frames overlap by half, which takes twice as long and leaves less to
            chance.

    Returns:
        `(*batch, 3, BANDS)`; what is shared can be negative.

    >>> mean_spectrum(torch.randn(2, 8000), 8000).shape
    torch.Size([3, 64])
    """
    size = max(64, 2 * round(FFT_AT_44100 * sample_rate / 88_200))
    mono = x.shape[-2] == 1
    spectra = stft((x if mono else as_stereo(x)).float(), size, size // (2 if overlap else 1))
    # One frame lies behind the other in memory: the mean goes over them first.
    parts = torch.view_as_real(spectra.mT)
    powers = parts.square().mean(-3).sum(-1)
    if mono:
        powers = powers.expand(*powers.shape[:-2], 3, -1)
    else:
        left, right = parts.unbind(-4)
        shared = (left * right).mean(-3).sum(-1)
        powers = torch.cat((powers, shared[..., None, :]), -2)
    return powers @ _bank(size // 2 + 1, sample_rate).to(powers) / (size / 4) ** 2


def loudness_of(bands: Tensor) -> Tensor:
    """Compute the loudness of a mean spectrum: of all that plays and all that pauses, ungated.

    Args:
        bands: `(*batch, 3, BANDS)`.

    Returns:
        Loudness in LUFS, `(*batch)`.
    """
    power = bands[..., :2, :].clamp(min=0).sum(-2) @ _loudness_weights().to(bands)
    return power_to_db(power) - 0.691


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def centres_hz() -> Tensor:
    """Measure where the bands are.

    Returns:
        Centres in Hz, `(BANDS,)`.
    """
    bank = mel_filterbank(2**14 + 1, RATE)
    return torch.linspace(0, RATE / 2, len(bank)) @ bank


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def widths_hz() -> Tensor:
    """Measure how much of the frequency axis each band stands for.

    Returns:
        Widths in Hz, `(BANDS,)`.
    """
    return torch.gradient(centres_hz())[0]


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def _bank(bins: int, sample_rate: float) -> Tensor:
    return mel_filterbank(bins, sample_rate)


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def _loudness_weights() -> Tensor:
    """How much of the square of a signal, K-weighted, is in each band of mean power."""
    centres = centres_hz()
    response = frequency_response(design_k_weighting(RATE), centres, RATE).abs().square()
    # A sine of amplitude 1 has a power of 1 in its bin, and of 1.5 in all that the window shows.
    return (response * widths_hz() * FFT_AT_44100 / RATE / 3).float()


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


def track_numbers(heard: HeardTracks, behind: Tensor) -> Tensor:
    """Put what is heard of tracks into numbers for a network.

    Args:
        heard: The tracks.
        behind: Their mean spectra behind their strips, `(*batch, tracks, 3, BANDS)`.

    Returns:
        `(*batch, tracks, TRACK_NUMBERS)`: levels of mid and side, the part that each has in the
        mix, and roles.
    """
    _, _, mid, side = in_db(heard.bands).unbind(-2)
    power = behind[..., :2, :].clamp(min=0).sum(-2)
    share = power / power.sum(-2, keepdim=True).clamp(min=1e-12)
    part_db = 10 * (share + 10 ** (SHARE_FLOOR_DB / 10)).log10()
    return torch.cat((mid / 20 + 1, side / 20 + 1, part_db / 20 + 1, heard.roles), -1)


def mix_numbers(wanted: Tensor, mix: Tensor) -> Tensor:
    """Put what is heard of a reference and of a mix into numbers for a network, side by side.

    Args:
        wanted: Mean spectrum of the reference, `(*batch, 3, BANDS)`.
        mix: That of the mix as it is set.

    Returns:
        `(*batch, 2, MIX_NUMBERS)`: of the left and of the right side.
    """
    both = torch.cat((_sides(wanted), _sides(wanted) - _sides(mix)), -1)
    # A transformer does not know the order of its tokens: each says which side it is.
    which = both.new_tensor([[-1.0], [1.0]]).expand(*both.shape[:-1], 1)
    return torch.cat((both, which), -1)


def _sides(bands: Tensor) -> Tensor:
    """Level of each side, how much louder it is than the other, and side beside mid."""
    left, right, mid, side = in_db(bands).unbind(-2)
    shared = (side - mid) / 20
    return torch.stack((
        torch.cat((left / 20 + 1, (left - right) / 20, shared), -1),
        torch.cat((right / 20 + 1, (right - left) / 20, shared), -1),
    ), -2)  # fmt: skip
