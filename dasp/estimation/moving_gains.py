"""Gains over time that bring tracks nearest to a mix: faders that were moved.

Each gain is a curve of straight lines between knots, a sum of triangles: g_k(t) = sum over b of
c_kb h_b(t). Only triangles that are neighbours overlap, so that the normal equations are a band,
solved in time proportional to the song. Between knots where a track is silent the curve is
whatever bends it least.

Source: D. Barchiesi and J. Reiss, "Reverse engineering of a mix", JAES 58, 2010.
"""

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_range
from dasp.estimation.least_squares import as_tracks, check_mix


def fit_moving_gains(
    tracks: Tensor, mix: Tensor, *, block_samples: int, smoothness: float = 1e-4
) -> Tensor:
    """Fit gains over time for each track and side, by least squares.

    Args:
        tracks: Audio `(tracks, channels, time)` or `(tracks, time)`.
        mix: Audio `(2, time)`.
        block_samples: Distance of the knots in samples, 1 or more.
        smoothness: Cost of a change from knot to knot, above 0, relative to the mean power of the
            track in a block.

    Returns:
        Gains as factors at the knots, `(tracks, 2, (time - 1) // block_samples + 2)`, float64; the
        first knot is sample 0.

    Raises:
        ValueError: If a shape or a value is outside its range.

    Source: D. Barchiesi and J. Reiss, "Reverse engineering of a mix", JAES 58, 2010.

    >>> fit_moving_gains(torch.randn(3, 1000), torch.randn(2, 1000), block_samples=100).shape
    torch.Size([3, 2, 11])
    """
    tracks = as_tracks(tracks)
    check_mix(tracks, mix)
    check_range("block_samples", block_samples, low=1)
    check_range("smoothness", smoothness, above=0.0)
    sides = [
        _solve(tracks[:, min(c, tracks.shape[1] - 1)].double(), mix[c].double(), block_samples,
               smoothness)
        for c in (0, 1)
    ]  # fmt: skip
    return torch.stack(sides, 1)


def gain_curves(knots: Tensor, block_samples: int, time: int) -> Tensor:
    """Interpolate gains linearly between knots.

    Args:
        knots: Gains at the knots, `(..., knots)`.
        block_samples: Distance of the knots in samples; the first is sample 0.
        time: Length of the result in samples.

    Returns:
        Gain at every sample, `(..., time)`.

    >>> gain_curves(torch.tensor([0.0, 1.0, 5.0]), 2, 4)
    tensor([0.0000, 0.5000, 1.0000, 3.0000])
    """
    place = torch.arange(time, dtype=torch.float64, device=knots.device) / block_samples
    left = place.long()
    return torch.lerp(knots[..., left], knots[..., left + 1], (place - left).to(knots))


def _solve(tracks: Tensor, target: Tensor, block: int, smoothness: float) -> Tensor:
    """The knots of one side, `(tracks, knots)`."""
    count, time = tracks.shape
    blocks = (time - 1) // block + 1
    x = nnf.pad(tracks, (0, blocks * block - time)).reshape(count, blocks, block)
    y = nnf.pad(target, (0, blocks * block - time)).reshape(blocks, block)
    rise = torch.arange(block, dtype=x.dtype, device=x.device) / block
    # In each block, the tracks under the falling triangle of its knot and the rising one of the
    # next: the products are a square of the matrix that slides down the diagonal from block to
    # block.
    pieces = torch.cat((x * (1 - rise), x * rise)).transpose(0, 1)
    squares = pieces @ pieces.transpose(1, 2)
    moments = (pieces @ y[..., None])[..., 0]

    power = tracks.square().sum(-1) / blocks
    price = torch.where(power > 0, smoothness * power, 1.0)
    change = torch.kron(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).to(price), torch.diag(price))
    squares = squares + change

    band = np.zeros((2 * count, (blocks + 1) * count))
    right = np.zeros((blocks + 1) * count)
    for b, (square, moment) in enumerate(
        zip(squares.cpu().numpy(), moments.cpu().numpy(), strict=True)
    ):
        right[b * count : (b + 2) * count] += moment
        for below in range(2 * count):
            diagonal = np.diagonal(square, -below)
            band[below, b * count : b * count + len(diagonal)] += diagonal
    # A track that is silent from end to end has any constant; this makes it 0.
    band[0] += np.tile(
        np.where(power.cpu().numpy() > 0, 1e-12 * price.cpu().numpy(), 1.0), blocks + 1
    )
    knots = scipy.linalg.solveh_banded(band, right, lower=True)
    return torch.from_numpy(knots.reshape(blocks + 1, count).T.copy()).to(tracks.device)
