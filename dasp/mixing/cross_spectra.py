"""The error of linear strips against a mix, from cross-spectra: however long the song, as quickly.

With responses H_k(f) of tracks X_k, |Y - sum H_k X_k|^2 is a quadratic form in the H_k, whose
coefficients are the cross-spectra A_kl = conj(X_k) X_l and m_k = conj(X_k) Y. Responses of
equalisers are smooth, so that bins close to each other may be added up, a few hundred bands in
all; what is then to be fitted no longer knows of time. A sum of products is never negative, so
that no response can seem better than it is by more than it changes within a band.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dasp.signal.fftconv import fast_fft_length

BANDS_PER_OCTAVE = 48
LOWEST_HZ = 10.0
"""All below is one band."""

SEGMENT = 2**19
"""Long songs are cut into segments of so many samples."""

FADE_S, RING_S = 0.1, 0.3
"""Segments fade in and out, so that a cut in the middle of a sound does no harm, and have silence
after them for responses to ring in."""


class CrossSpectra(NamedTuple):
    """Sums over a song in bands up to Nyquist, for each side of the mix. All are energies."""

    sample_rate: float
    freq_hz: Tensor
    """The middle of each band, `(bands,)`."""
    tracks: Tensor
    """A `(sides, tracks, tracks, bands)`; one side where tracks are mono."""
    mix: Tensor
    """m `(2, tracks, bands)`."""
    power: Tensor
    """|Y|^2 `(2, bands)`."""


def cross_spectra(
    tracks: Tensor, mix: Tensor, sample_rate: float, *, bands_per_octave: int = BANDS_PER_OCTAVE
) -> CrossSpectra:
    """Cross-spectra of `tracks` `(tracks, channels, time)` and `mix` `(2, time)`, float64."""
    between, with_mix, power = 0.0, 0.0, 0.0
    for X, Y, starts in _segments(tracks, mix, sample_rate, bands_per_octave):
        between = between + torch.stack(
            [torch.stack([_summed(x.conj() * side, starts) for x in side]) for side in X]
        )
        with_mix = with_mix + _summed(X.conj() * Y[:, None], starts)
        power = power + _summed(Y.abs().square(), starts)
    freq_hz = _bands(_fft_size(mix, sample_rate), sample_rate, bands_per_octave)[1]
    return CrossSpectra(sample_rate, freq_hz, between, with_mix, power)


def around(spectra: CrossSpectra, tracks: Tensor, residual: Tensor, H: Tensor) -> CrossSpectra:
    """Cross-spectra after which responses H `(2, tracks, bins)` leave exactly this `residual`.

    To add up bins takes responses to be the same in a band, which they are not quite. Around
    responses whose residual is known, this holds for what is changed alone: descents that begin
    again from here end where the residual itself is least.
    """
    with_residual, power = 0.0, 0.0
    for X, R, starts in _segments(tracks, residual, spectra.sample_rate, BANDS_PER_OCTAVE):
        with_residual = with_residual + _summed(X.conj() * R[:, None], starts)
        power = power + _summed(R.abs().square(), starts)
    A = spectra.tracks.expand(2, -1, -1, -1)
    reached = torch.stack([(a * h).sum(1) for a, h in zip(A, H, strict=True)])
    power = power + (H.conj() * (2 * with_residual + reached)).real.sum(1)
    return spectra._replace(mix=with_residual + reached, power=power)


def _fft_size(mix: Tensor, sample_rate: float) -> int:
    return fast_fft_length(min(mix.shape[-1], SEGMENT) + round(RING_S * sample_rate))


def _segments(tracks: Tensor, mix: Tensor, sample_rate: float, per_octave: int):
    """Spectra of tracks `(channels, tracks, bins)` and mix of each segment, and where in them each
    band starts."""
    size = _fft_size(mix, sample_rate)
    starts, _ = _bands(size, sample_rate, per_octave)
    scale = math.sqrt(2 / size)  # Parseval's, for one side of the spectrum
    for start in range(0, mix.shape[-1], SEGMENT):
        part = slice(start, start + SEGMENT)
        fade = _fades(mix[..., part].shape[-1], round(FADE_S * sample_rate)).to(mix.device)
        X = torch.fft.rfft(tracks[..., part].double() * fade, size).movedim(1, 0)
        Y = torch.fft.rfft(mix[..., part].double() * fade, size)
        yield X * scale, Y * scale, starts


def _bands(size: int, sample_rate: float, per_octave: int) -> tuple[np.ndarray, Tensor]:
    """Where each band starts among the bins from the first on, and its middle in Hz."""
    bins_hz = np.arange(1, size // 2 + 1) * (sample_rate / size)
    band = np.floor(per_octave * np.log2(np.maximum(bins_hz / LOWEST_HZ, 1.0)))
    starts = np.flatnonzero(np.diff(band, prepend=-1.0))
    counts = np.diff(starts, append=len(bins_hz))
    return starts, torch.from_numpy(np.add.reduceat(bins_hz, starts) / counts)


def _summed(bins: Tensor, starts: np.ndarray) -> Tensor:
    """Bins `(..., size // 2 + 1)` added up in bands; the one at 0 Hz is left out."""
    return torch.from_numpy(np.add.reduceat(bins[..., 1:].cpu().numpy(), starts, axis=-1))


def _fades(time: int, fade: int) -> Tensor:
    """1, but for half a period of a cosine at either end."""
    fade = min(fade, time // 2)
    ramp = torch.sin(torch.arange(fade, dtype=torch.float64) * (math.pi / 2 / max(fade, 1))) ** 2
    return torch.cat((ramp, torch.ones(time - 2 * fade, dtype=torch.float64), ramp.flip(-1)))
