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
    """The filters of a least-squares fit.

    Args:
        filters: Impulse response of each track and side, `(tracks, 2, taps)`, float64; 0 for a
            silent track.
        lead_samples: Samples by which the filters begin early: tap i delays by i - lead_samples.
        condition: Condition number (1-norm, estimated) of the equations of tracks that are scaled
            to equal power.
    """

    filters: Tensor
    lead_samples: int
    condition: float

    def images(self, tracks: Tensor) -> Tensor:
        """Compute the contribution of each track to the mix.

        Args:
            tracks: Audio `(tracks, 1 or 2, time)`.

        Returns:
            Audio `(tracks, 2, time)`.
        """
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
    """Fit one filter for each track and side, all together, by least squares; one tap is a gain.

    Args:
        tracks: Audio `(tracks, channels, time)`, mono or stereo, or `(tracks, time)`. The left of a
            stereo track goes to the left of the mix.
        mix: Audio `(2, time)`.
        taps: Length of the filters in samples, 1 or more; taps times tracks is at most 12,000.
        lead_samples: Taps before the sample itself, from 0 to taps - 1, for tracks that are late.
        ridge: Power that is added to each track, relative to its own, 0 or more. It keeps tracks
            that are nearly alike from cancelling each other.
        non_negative: Whether all taps must be 0 or more; for gains, no reversed polarity.

    Returns:
        The filters, and the condition number of their equations.

    Raises:
        ValueError: If a shape or a value is outside its range, or tracks are the same but for a
            gain or a filter.

    Source: D. Barchiesi and J. Reiss, "Reverse engineering of a mix", JAES 58, 2010.

    >>> tracks = torch.randn(2, 1, 1000)
    >>> mix = torch.stack((tracks[0, 0], 0.5 * tracks[1, 0]))
    >>> gains = fit_filters(tracks, mix).filters[..., 0]
    >>> torch.allclose(gains, torch.tensor([[1.0, 0.0], [0.0, 0.5]]).double(), atol=1e-4)
    True
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


def as_tracks(tracks: Tensor) -> Tensor:
    """Bring tracks to the shape `(tracks, channels, time)`.

    Args:
        tracks: Audio `(tracks, 1 or 2, time)` or `(tracks, time)`.

    Returns:
        Audio `(tracks, channels, time)`.

    Raises:
        ValueError: If `tracks` has another shape.
    """
    if tracks.ndim == 2:
        tracks = tracks[:, None]
    if tracks.ndim != 3 or tracks.shape[1] not in (1, 2):
        raise ValueError(
            "tracks: expected shape (tracks, channels, time) with 1 or 2 channels, or "
            f"(tracks, time), got {tuple(tracks.shape)}"
        )
    return tracks


def check_mix(tracks: Tensor, mix: Tensor) -> None:
    """Refuse a mix that is not stereo, or of another length than the tracks.

    Args:
        tracks: Audio `(tracks, channels, time)`.
        mix: Audio `(2, time)`.

    Raises:
        ValueError: If `mix` has another shape, or a signal is not floating-point audio.
    """
    check_audio(tracks, "tracks")
    check_audio(mix, "mix")
    check_channels(mix, 2, "mix")
    if mix.ndim != 2 or mix.shape[-1] != tracks.shape[-1] or mix.shape[-1] == 0:
        raise ValueError(
            f"mix: expected shape (2, {tracks.shape[-1]}), as long as the tracks, "
            f"got {tuple(mix.shape)}"
        )


def _sides(tracks: Tensor, mix: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Tracks `(tracks, time)` and targets `(targets, time)` of each system of equations.

    Mono tracks have the same equations for both sides, which are then solved at once.
    """
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

    Tracks are scaled to equal power: the ridge weighs all of them alike, and the condition number
    measures the similarity of the tracks and not their levels.
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
