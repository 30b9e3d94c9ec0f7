"""The normal equations of filters that turn tracks into a mix.

With a filter of `taps` for each track, mix[n] = sum over k, i of h_k[i] x_k[n - i], least squares
asks for G h = m, where G holds the products of all tracks at all pairs of delays. They follow from
correlations, which the FFT gives: the first row, G[k, 0, l, j] = sum over n of x_k[n] x_l[n - j],
and from row to row what enters at the start of the signal and what leaves at its end,

    G[k, i + 1, l, j + 1] = G[k, i, l, j] + x_k[-1 - i] x_l[-1 - j] - x_k[N - 1 - i] x_l[N - 1 - j].

Source: the covariance method, J. D. Markel and A. H. Gray, "Linear prediction of speech", 1976.
"""

import torch
from torch import Tensor

from dasp.signal.fftconv import fast_fft_length

LEAST_BLOCK = 4096
"""Correlations are summed over blocks of this many samples, or of three times the taps."""

BLOCKS_AT_ONCE = 64


def normal_equations(tracks: Tensor, targets: Tensor, taps: int) -> tuple[Tensor, Tensor]:
    """Compute the normal equations of filters that turn tracks into targets.

    Args:
        tracks: Signals `(tracks, time + taps - 1)`, which begin `taps - 1` samples before the
            targets, so that every delay reads samples that exist.
        targets: Signals `(targets, time)`.
        taps: Length of the filters in samples.

    Returns:
        G `(tracks, taps, tracks, taps)` and m `(targets, tracks, taps)`, both float64.

    Source: the covariance method, J. D. Markel and A. H. Gray, "Linear prediction of speech",
    1976.
    """
    tracks, targets = tracks.double(), targets.double()
    products = correlations(torch.cat((tracks[:, taps - 1 :], targets)), tracks, taps)
    return _all_rows(tracks, products[: len(tracks)], taps), products[len(tracks) :]


def correlations(now: Tensor, tracks: Tensor, taps: int) -> Tensor:
    """Compute correlations: the sums over n of now_k[n] tracks_l[n + taps - 1 - j] for j < taps.

    Args:
        now: Signals `(now, time)`.
        tracks: Signals `(tracks, time + taps - 1)`.
        taps: Number of delays.

    Returns:
        Correlations `(now, tracks, taps)`.
    """
    past, time = taps - 1, now.shape[-1]
    hop = max(LEAST_BLOCK, 3 * taps)
    size = fast_fft_length(hop + past)
    hop = size - past
    total = tracks.new_zeros(size // 2 + 1, len(now), len(tracks), dtype=torch.complex128)
    for start in range(0, time, hop * BLOCKS_AT_ONCE):
        stop = min(start + hop * BLOCKS_AT_ONCE, time)
        blocks = -(-(stop - start) // hop)
        total = total + _cross_spectra(
            _blocks(now[:, start:stop], blocks, hop, hop),
            _blocks(tracks[:, start : stop + past], blocks, hop, size),
            size,
        )
    return torch.fft.irfft(total.movedim(0, -1), size)[..., :taps].flip(-1)


def _blocks(x: Tensor, blocks: int, hop: int, length: int) -> Tensor:
    """`x` `(rows, time)` as `(rows, blocks, length)`, `hop` apart, with zeros after its end."""
    missing = (blocks - 1) * hop + length - x.shape[-1]
    return torch.nn.functional.pad(x, (0, missing)).unfold(-1, length, hop)


def _cross_spectra(now: Tensor, past: Tensor, size: int) -> Tensor:
    """Cross-spectra `(bins, now, past)`, summed over the blocks."""
    now, past = torch.fft.rfft(now, size), torch.fft.rfft(past, size)
    return torch.einsum("zbf,cbf->fzc", now.conj(), past)


def _all_rows(tracks: Tensor, first: Tensor, taps: int) -> Tensor:
    """G from its first row, by the samples that enter and leave from one delay to the next."""
    gram = tracks.new_empty(len(tracks), taps, len(tracks), taps)
    gram[:, 0] = first
    gram[:, :, :, 0] = first.permute(1, 2, 0)
    past = taps - 1
    enters, leaves = tracks[:, :past].flip(-1), tracks[:, tracks.shape[-1] - past :].flip(-1)
    for i in range(past):
        change = torch.einsum("k,lj->klj", enters[:, i], enters)
        change -= torch.einsum("k,lj->klj", leaves[:, i], leaves)
        gram[:, i + 1, :, 1:] = gram[:, i, :, :-1] + change
    return gram
