"""The error of linear strips against a mix, from cross-spectra: however long the song, as quickly.

Responses of equalisers are smooth over frequency, so that a cubic spline with some hundred
coefficients tells all of one, H_k(f) = sum over i of c_ki B_i(f). With spectra X_k of the tracks
and Y of the mix, the error is a quadratic form in the coefficients,

    |Y - sum H_k X_k|^2 = |Y|^2 - 2 Re sum c_ki* m_ki + sum c_ki* A_ki,lj c_lj,
    A_ki,lj = sum over f of X_k* X_l B_i B_j,    m_ki = sum over f of X_k* Y B_i,

where A is 0 unless |i - j| <= 3. What is to be fitted no longer knows of time, and the least error
of all responses whatever, which is where to look for settings, takes one set of equations
(`dasp.estimation.unmixing.free_responses`).
"""

import functools
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from scipy.interpolate import BSpline
from torch import Tensor

from dasp.estimation.unmixing.stretches import FADE_S, fades
from dasp.signal.fftconv import fast_fft_length

KNOTS_PER_OCTAVE = 12
LINEAR_HZ, WIDEST_HZ = 20.0, 500.0
"""Knots are evenly spaced far below the first, and no farther apart than the second, so that a
delay, which turns with frequency, is smooth as well."""

_TURN_HZ = WIDEST_HZ * KNOTS_PER_OCTAVE / math.log(2) - LINEAR_HZ

DEGREE = 3
NEAR = 2 * DEGREE + 1

SEGMENT = 2**19
"""Long songs are cut into segments of so many samples."""

RING_S = 0.3
"""Segments fade in and out, so that a cut in the middle of a sound does no harm, and have silence
after them for responses to ring in."""


class CrossSpectra(NamedTuple):
    """Cross-spectra of tracks and a mix, summed over a song, in splines over frequency.

    Args:
        sample_rate: In Hz.
        stretches: Samples of the song that count.
        freq_hz: Frequencies in Hz at which responses are computed, `(n,)`.
        to_spline: From values at these frequencies to coefficients of the spline, `(n, n)`.
        tracks: A, `(sides, tracks, tracks, n, 7)`, of i and j - i from -3 to 3; one side for mono
            tracks.
        mix: m, `(2, tracks, n)`.
        power: |Y|^2 of both sides together, `()`.
        heard: Spectra of the tracks, `(channels, tracks, bins)`, one for each segment of the song,
            complex64: they only meet what is left of the mix, which has to be known to few digits.
    """

    sample_rate: float
    stretches: tuple[slice, ...]
    freq_hz: Tensor
    to_spline: Tensor
    tracks: Tensor
    mix: Tensor
    power: Tensor
    heard: tuple[Tensor, ...]

    def coefficients(self, H: Tensor) -> Tensor:
        """Convert responses to coefficients of splines.

        Args:
            H: Responses at `freq_hz`, `(..., n)`.

        Returns:
            Coefficients c, `(..., n)`.
        """
        return H @ self.to_spline.T.to(H)

    def reached(self, c: Tensor) -> Tensor:
        """Compute A c: the products of the tracks with the output of the responses.

        Args:
            c: Coefficients `(2, tracks, n)`.

        Returns:
            Products `(2, tracks, n)`.
        """
        A = self.tracks.expand(2, *self.tracks.shape[1:])
        return torch.stack([(a * beside(x)).sum((1, -1)) for a, x in zip(A, c, strict=True)])

    def error(self, c: Tensor) -> Tensor:
        """Compute the energy of the difference between the mix and the output of the responses.

        Args:
            c: Coefficients `(2, tracks, n)`.

        Returns:
            Energy `()`, 0 or more.
        """
        products = c.conj() * (self.reached(c) - 2 * self.mix)
        return (self.power + products.real.sum()).clamp(min=0)


def beside(c: Tensor) -> Tensor:
    """Put each coefficient beside its three neighbours on either side.

    Args:
        c: Coefficients `(..., n)`.

    Returns:
        Coefficients `(..., n, 7)`, 0 beyond the ends.
    """
    return torch.nn.functional.pad(c, (DEGREE, DEGREE)).unfold(-1, NEAR, 1)


def cross_spectra(
    tracks: Tensor, mix: Tensor, sample_rate: float, stretches: Sequence[slice] = ()
) -> CrossSpectra:
    """Compute the cross-spectra of tracks and a mix.

    Args:
        tracks: Audio `(tracks, channels, time)`, float64.
        mix: Audio `(2, time)`, float64.
        sample_rate: In Hz.
        stretches: Samples that count; all of them if empty.

    Returns:
        The cross-spectra.
    """
    count, sides = tracks.shape[:2]
    knots = _knots(sample_rate)
    sites = np.array([knots[i + 1 : i + 1 + DEGREE].mean() for i in range(len(knots) - DEGREE - 1)])
    sites[0] = sites[1] / 2  # the logarithm of a high-pass has no slope at 0 Hz
    inverse = np.linalg.inv(BSpline.design_matrix(sites, knots, DEGREE).toarray())
    A = tracks.new_zeros(sides, count, count, len(sites), NEAR, dtype=torch.complex128)
    m = A.new_zeros(2, count, len(sites))
    power = mix.new_zeros(())
    stretches = tuple(stretches) or (slice(0, mix.shape[-1]),)
    size = _size(stretches, sample_rate)
    pieces = _pieces(size, sample_rate, mix.device)
    heard = []
    both = (_segments(x, stretches, size, sample_rate) for x in (tracks, mix))
    for X, Y in zip(*both, strict=True):
        X = X.movedim(1, 0)
        power = power + Y[:, 1:].abs().square().sum()
        for first, bins, B in pieces:
            for side in range(sides):
                Z = (B[:, None] * X[side, :, bins]).flatten(0, 1)
                block = (Z.conj() @ Z.T).unflatten(0, (-1, count)).unflatten(-1, (-1, count))
                for p in range(DEGREE + 1):
                    A[side, :, :, first + p, DEGREE - p : NEAR - p] += block[p].permute(0, 2, 1)
        m += _towards(X, Y, pieces, len(sites))
        heard.append(X.to(torch.complex64))
    freq_hz, to_spline = (torch.from_numpy(x).to(mix.device) for x in (_hertz(sites), inverse))
    return CrossSpectra(sample_rate, stretches, freq_hz, to_spline, A, m, power, tuple(heard))


def around(spectra: CrossSpectra, residual: Tensor, H: Tensor) -> CrossSpectra:
    """Adjust cross-spectra so that given responses leave exactly a known residual.

    A spline is not quite the response itself. Around responses whose residual is known, the
    difference matters only for what is changed: descents that begin again from there end where the
    residual itself is smallest.

    Args:
        spectra: The cross-spectra.
        residual: What the responses leave of the mix, `(2, time)`, float64.
        H: The responses at `spectra.freq_hz`, `(2, tracks, n)`.

    Returns:
        The adjusted cross-spectra.
    """
    c = spectra.coefficients(H)
    with_residual, power = torch.zeros_like(spectra.mix), torch.zeros_like(spectra.power)
    size = _size(spectra.stretches, spectra.sample_rate)
    pieces = _pieces(size, spectra.sample_rate, residual.device)
    segments = _segments(residual, spectra.stretches, size, spectra.sample_rate)
    for X, R in zip(spectra.heard, segments, strict=True):
        with_residual += _towards(X, R, pieces, c.shape[-1])
        power = power + R[:, 1:].abs().square().sum()
    reached = spectra.reached(c)
    power = power + (c.conj() * (2 * with_residual + reached)).real.sum()
    return spectra._replace(mix=with_residual + reached, power=power)


def _scale(freq_hz: np.ndarray) -> np.ndarray:
    """Convert frequencies in Hz to the scale on which knots are 1 apart."""
    octaves = np.log2(1 + np.minimum(freq_hz, _TURN_HZ) / LINEAR_HZ)
    return KNOTS_PER_OCTAVE * octaves + np.maximum(freq_hz - _TURN_HZ, 0) / WIDEST_HZ


def _hertz(place: np.ndarray) -> np.ndarray:
    """Convert the scale on which knots are 1 apart to frequencies in Hz."""
    turn = _scale(np.array(_TURN_HZ))
    low = LINEAR_HZ * (2 ** (np.minimum(place, turn) / KNOTS_PER_OCTAVE) - 1)
    return low + WIDEST_HZ * np.maximum(place - turn, 0)


def _knots(sample_rate: float) -> np.ndarray:
    end = _scale(np.array(sample_rate / 2))
    inner = np.linspace(0, end, math.ceil(end) + 1)
    return np.concatenate(([0.0] * DEGREE, inner, [end] * DEGREE))


def _size(stretches: Sequence[slice], sample_rate: float) -> int:
    """Length of the transforms of a song."""
    longest = max(part.stop - part.start for part in stretches)
    return fast_fft_length(min(longest, SEGMENT) + round(RING_S * sample_rate))


@functools.lru_cache(maxsize=4)
def _pieces(size: int, sample_rate: float, device: torch.device) -> list:
    """The pieces between knots: the first of four splines that are not 0 there, the bins, and the
    values of the splines, `(4, bins)`."""
    place = _scale(np.arange(1, size // 2 + 1) * (sample_rate / size))
    knots = _knots(sample_rate)
    splines = BSpline.design_matrix(np.minimum(place, knots[-1]), knots, DEGREE)
    first = splines.indices.reshape(len(place), -1)[:, 0]
    values = torch.from_numpy(splines.data.reshape(len(place), -1).T.copy()).to(device)
    edges = [0, *(np.flatnonzero(np.diff(first)) + 1).tolist(), len(place)]
    return [(int(first[a]), slice(a + 1, b + 1), values[:, a:b]) for a, b in pairwise(edges)]


def _segments(
    x: Tensor, stretches: Sequence[slice], size: int, sample_rate: float
) -> Iterator[Tensor]:
    """Spectra `(..., bins)` of the segments of audio `(..., time)`."""
    scale = math.sqrt(2 / size)  # Parseval's, for one side of the spectrum
    fade = round(FADE_S * sample_rate)
    for stretch in stretches:
        for start in range(stretch.start, stretch.stop, SEGMENT):
            part = x[..., start : min(start + SEGMENT, stretch.stop)].double()
            window = fades(part.shape[-1], fade, start > 0).to(part)
            yield torch.fft.rfft(part * window, size) * scale


def _towards(X: Tensor, Y: Tensor, pieces: list, n: int) -> Tensor:
    """m, `(2, tracks, n)`; a mono track goes to both sides."""
    m = X.new_zeros(2, X.shape[1], n, dtype=torch.complex128)
    for first, bins, B in pieces:
        shares = B * Y[:, None, bins]
        m[..., first : first + DEGREE + 1] += (shares @ X[..., bins].to(shares).mH).mT
    return m
