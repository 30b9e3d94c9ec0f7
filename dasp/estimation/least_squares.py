"""The filters, or the gains, that bring tracks nearest to a mix in the least-squares sense.

Each side of the mix is a sum of tracks through short filters, of which a static gain is the
shortest, a sub-sample delay with a gain the next, and a few dozen taps an equaliser with a delay.
Levels, pans and filters can be told from the sum; dynamics and long reverberation cannot.

Source: D. Barchiesi and J. Reiss, "Reverse engineering of a mix", JAES 58, 2010.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize
import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_audio, check_channels, check_range
from dasp.estimation.normal_equations import normal_equations
from dasp.signal.fftconv import fft_convolve

RIDGE = 1e-9
MOST_UNKNOWNS = 12_000
"""Tracks times taps: the matrix of so many takes about a gigabyte."""


@dataclass(frozen=True)
class FilterFit:
    """Filters found for every track and side."""

    filters: Tensor
    """Impulse responses `(tracks, 2, taps)`, float64; 0 for a silent track."""
    lead_samples: int
    """How far the filters begin before the sample itself: tap i delays by i - lead_samples."""
    condition: float
    """Condition number (1-norm, estimated) of the equations of tracks scaled to equal power."""

    def images(self, tracks: Tensor) -> Tensor:
        """What each track contributes to the mix, `(tracks, 2, time)`."""
        time, taps = tracks.shape[-1], self.filters.shape[-1]
        if taps == 1:
            return tracks * self.filters.to(tracks)
        late = fft_convolve(tracks, self.filters.to(tracks), full=True)
        return nnf.pad(late, (0, self.lead_samples))[..., self.lead_samples :][..., :time]


def fit_filters(
    tracks: Tensor,
    mix: Tensor,
    *,
    taps: int = 1,
    lead_samples: int = 0,
    ridge: float = RIDGE,
    non_negative: bool = False,
) -> FilterFit:
    """Fit one filter for each track and side, all together; with one tap, gains.

    Args:
        tracks: Audio `(tracks, channels, time)`, mono tracks or stereo ones, or `(tracks, time)`.
            The left of a stereo track goes to the left of the mix.
        mix: Audio `(2, time)`.
        taps: Length of the filters. Its product with the number of tracks is at most 12,000.
        lead_samples: How many taps come before the sample itself, for tracks that are late.
        ridge: Added to the power of each track, relative to it: what keeps tracks that are
            nearly alike from cancelling each other.
        non_negative: Whether all taps must be 0 or more; for gains, no reversed polarity.
    """
    tracks = as_tracks(tracks)
    check_mix(tracks, mix)
    check_range("taps", taps, low=1)
    check_range("lead_samples", lead_samples, low=0, high=taps - 1)
    check_range("ridge", ridge, low=0.0)
    if len(tracks) * taps > MOST_UNKNOWNS:
        raise ValueError(
            f"taps: {taps} taps for {len(tracks)} tracks are {len(tracks) * taps} unknowns, "
            f"over the limit of {MOST_UNKNOWNS}"
        )
    filters, conditions = [], []
    for side, targets in _sides(tracks, mix):
        padded = nnf.pad(side, (taps - 1 - lead_samples, lead_samples))
        found, condition = _solve(padded, targets, taps, ridge, non_negative)
        filters.append(found)
        conditions.append(condition)
    return FilterFit(torch.cat(filters).transpose(0, 1), lead_samples, max(conditions))


def measure_presence(
    tracks: Tensor, mix: Tensor, *, taps: int = 8, lead_samples: int = 4
) -> Tensor:
    """How much better a mix can be explained with a track than without it, `(tracks,)`, in dB.

    The error of the best filters for all tracks but one, over that for all of them, for each of
    the tracks in turn: near 0 dB for a track that is not in the mix, whatever it is. A track adds
    h' C^-1 h to the error when its filter h is left out, with C its block of G^-1.
    """
    tracks = as_tracks(tracks)
    check_mix(tracks, mix)
    without, with_all = 0.0, 1e-14 * mix.double().square().sum() + torch.finfo(mix.dtype).tiny
    for side, targets in _sides(tracks, mix):
        padded = nnf.pad(side, (taps - 1 - lead_samples, lead_samples))
        matrix, right, _ = _equations(padded, targets, taps, RIDGE)
        factor = _cholesky(matrix)
        found = torch.cholesky_solve(right, factor)
        with_all = with_all + (targets.square().sum() - (right * found).sum()).clamp(min=0)
        inverse = torch.cholesky_inverse(factor).reshape(len(side), taps, len(side), taps)
        own = torch.stack([inverse[k, :, k] for k in range(len(side))])
        h = found.reshape(len(side), taps, -1)
        without = without + (h * torch.linalg.solve(own, h)).sum((1, 2))
    return 10 * torch.log10(1 + without / with_all)


def as_tracks(tracks: Tensor) -> Tensor:
    """`(tracks, channels, time)` of tracks that may be `(tracks, time)`."""
    if tracks.ndim == 2:
        tracks = tracks[:, None]
    if tracks.ndim != 3 or tracks.shape[1] not in (1, 2):
        raise ValueError(
            "tracks: expected shape (tracks, channels, time) with 1 or 2 channels, or "
            f"(tracks, time), got {tuple(tracks.shape)}"
        )
    return tracks


def check_mix(tracks: Tensor, mix: Tensor) -> None:
    """Refuse a mix that is not stereo, or of another length than the tracks."""
    check_audio(tracks, "tracks")
    check_audio(mix, "mix")
    check_channels(mix, 2, "mix")
    if mix.ndim != 2 or mix.shape[-1] != tracks.shape[-1] or mix.shape[-1] == 0:
        raise ValueError(
            f"mix: expected shape (2, {tracks.shape[-1]}), as long as the tracks, "
            f"got {tuple(mix.shape)}"
        )


def _sides(tracks: Tensor, mix: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Tracks `(tracks, time)` and what they are to give `(targets, time)`: both sides at once
    where the tracks are mono, and have the same equations for both."""
    tracks, mix = tracks.double(), mix.double()
    if tracks.shape[1] == 1:
        return [(tracks[:, 0], mix)]
    return [(tracks[:, c], mix[c : c + 1]) for c in (0, 1)]


def _solve(
    tracks: Tensor, targets: Tensor, taps: int, ridge: float, non_negative: bool
) -> tuple[Tensor, float]:
    """Filters `(targets, tracks, taps)` by Cholesky's method, and the condition number."""
    matrix, right, scale = _equations(tracks, targets, taps, ridge)
    norm = matrix.abs().sum(0).amax().item()
    factor = _cholesky(matrix)
    solve = _non_negative if non_negative else torch.cholesky_solve
    found = solve(right, factor)
    reciprocal, _ = scipy.linalg.lapack.dpocon(factor.cpu().numpy(), norm, uplo="L")
    condition = 1 / max(reciprocal, np.finfo(np.float64).tiny)
    return (found.T * scale).reshape(-1, len(tracks), taps), condition


def _equations(
    tracks: Tensor, targets: Tensor, taps: int, ridge: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Matrix, right-hand side `(unknowns, targets)`, and the scale of each unknown.

    Tracks are scaled to equal power, so that the ridge is fair, and the condition number tells of
    how alike they are and not of their levels.
    """
    gram, moment = normal_equations(tracks, targets, taps)
    unknowns = len(tracks) * taps
    power = gram[:, 0, :, 0].diagonal()
    tiny = torch.finfo(power.dtype).tiny
    scale = torch.where(power > 0, power.clamp(min=tiny) ** -0.5, 0.0).repeat_interleave(taps)
    matrix = gram.reshape(unknowns, unknowns).mul_(scale[:, None]).mul_(scale)
    # A silent track has a row of zeros, and the filter 0.
    matrix.diagonal().add_(torch.where(scale > 0, ridge, 1.0))
    return matrix, (moment.reshape(-1, unknowns) * scale).T, scale


def _cholesky(matrix: Tensor) -> Tensor:
    try:
        return torch.linalg.cholesky(matrix)
    except torch.linalg.LinAlgError as error:
        raise ValueError(
            "tracks: some are the same but for a gain or a filter, so that what is theirs cannot "
            "be told; raise ridge, or leave one of them out"
        ) from error


def _non_negative(right: Tensor, factor: Tensor) -> Tensor:
    """min |A h - y|^2 = min |L' h - L^-1 m|^2 under h >= 0, by Lawson and Hanson's active sets."""
    root = torch.linalg.solve_triangular(factor, right, upper=False)
    upper = factor.T.cpu().numpy()
    found = [scipy.optimize.nnls(upper, column.cpu().numpy())[0] for column in root.T]
    return torch.from_numpy(np.stack(found, -1)).to(right)
