"""Compressors fitted to a mix, together with the gains behind them.

The settings of all tracks' compressors move at once: a change of one kind of setting in every
track is one forward derivative, since no track hears another. The gains are the best for every
setting of the compressors, and no unknowns of the descent.

Source: L. Kaufman, "A variable projection method for solving separable nonlinear least squares
problems", BIT 15, 1975.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from dasp.estimation.levenberg_marquardt import (
    Damping,
    Equations,
    Objective,
    Pull,
    Stop,
    levenberg_marquardt,
)
from dasp.processors.catalogue import COMPRESSOR
from dasp.units import gain_to_db

FITTED = ("threshold_db", "ratio", "attack_ms", "release_ms")
PARAMS = {param.name: param for param in COMPRESSOR.params}
MOST_STEPS = 25

CAREFUL = Damping(first=0.1, longest=0.5)
"""At a ratio of 1 nothing else matters, and no slope leads back: the first steps are not to end
there."""

_PRICE = 1e-3
"""Of a control that leaves where it began by its whole range, relative to the error."""


def compress(tracks: Tensor, sample_rate: float, controls: Tensor) -> Tensor:
    """Compress tracks.

    Args:
        tracks: Audio `(tracks, channels, time)`.
        sample_rate: In Hz.
        controls: Controls of the compressors in [0, 1], `(tracks, 4)`, in the order of `FITTED`.

    Returns:
        Audio of the shape of `tracks`.
    """
    return COMPRESSOR(tracks, sample_rate, **compressor_settings(controls))


def compressor_settings(controls: Tensor) -> dict[str, Tensor]:
    """Convert controls of compressors to physical values.

    Args:
        controls: Controls in [0, 1], `(tracks, 4)`, in the order of `FITTED`.

    Returns:
        Values `(tracks,)` by name.
    """
    return {name: PARAMS[name].to_physical(controls[:, i]) for i, name in enumerate(FITTED)}


def first_controls(tracks: Tensor) -> Tensor:
    """Choose gentle compressors to begin with, which lower the loud part of each track.

    Args:
        tracks: Audio `(tracks, channels, time)`.

    Returns:
        Controls in [0, 1], `(tracks, 4)`, in the order of `FITTED`.
    """
    loud = tracks.abs().amax(1).clamp(min=1e-5)
    level_db = gain_to_db(torch.quantile(loud[:, ::16], 0.97, dim=-1))
    start = {"ratio": 1.5, "attack_ms": 10.0, "release_ms": 120.0}
    columns = [PARAMS["threshold_db"].to_control((level_db - 6).clamp(-75, -5))]
    columns += [PARAMS[n].to_control(torch.full_like(level_db, start[n])) for n in FITTED[1:]]
    return torch.stack(columns, -1)


def fit_compressors(
    tracks: Tensor,
    mix: Tensor,
    sample_rate: float,
    controls: Tensor,
    images: Callable[[Tensor], Tensor],
    *,
    steps: int = MOST_STEPS,
) -> Tensor:
    """Fit the compressors of all tracks to a mix, together with the gains behind them.

    A gain for each track and side is fitted along, so that the make-up gain does not matter.

    Args:
        tracks: Audio `(tracks, channels, time)`, float64.
        mix: Audio `(2, time)`, float64.
        sample_rate: In Hz.
        controls: Where to begin, `(tracks, 4)`, in [0, 1].
        images: From compressed tracks to the contribution of each, `(tracks, 2, time)`, linear.
        steps: Largest number of steps, those that fail included.

    Returns:
        Controls in [0, 1], `(tracks, 4)`.
    """

    def images_of(u: Tensor) -> Tensor:
        return images(compress(tracks, sample_rate, u.view_as(controls)))

    def error(tries: Tensor) -> Tensor:
        return torch.stack([_best_gains(images_of(u), mix)[1] for u in tries])

    u = levenberg_marquardt(
        Objective(error, lambda u: _equations(images_of, u, len(tracks), mix)),
        controls.flatten(),
        low=0.0,
        high=1.0,
        damping=CAREFUL,
        pull=Pull(controls.flatten(), torch.as_tensor(_PRICE).to(controls)),
        stop=Stop(steps, least_gain=1e-3),
    )
    return u.view_as(controls)


def _best_gains(images: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
    """The best gains `(tracks, 2)`, and their error relative to the mix."""
    x, y = images.movedim(1, 0), mix[:, None]
    gains = torch.linalg.solve(_gram(x), (x * y).sum(-1))
    error = (mix - (gains[:, None] @ x)[:, 0]).square().sum()
    return gains.T, error / mix.square().sum()


def _gram(x: Tensor) -> Tensor:
    """Products `(2, tracks, tracks)` of images `(2, tracks, time)`, which no silence makes
    singular."""
    gram = x @ x.mT
    ridge = 1e-9 * gram.diagonal(dim1=-2, dim2=-1) + torch.finfo(gram.dtype).tiny
    return gram + torch.diag_embed(ridge)


def _equations(
    images_of: Callable[[Tensor], Tensor], u: Tensor, count: int, mix: Tensor
) -> Equations:
    """The normal equations of the controls, when the gains always follow.

    What a change of gains can make up for counts for nothing: of each change of an image only the
    part is left that is orthogonal to all images.
    """
    changes = []
    for i in range(len(u) // count):
        tangent = torch.zeros_like(u)
        tangent[i :: len(u) // count] = 1
        images, *change = torch.func.jvp(images_of, (u,), (tangent,))
        changes += change
    gains, _ = _best_gains(images, mix)
    x = images.movedim(1, 0)
    J = torch.stack(changes, 1) * gains[:, None, :, None]  # (tracks, controls, 2, time)
    J = J.flatten(0, 1).movedim(1, 0)
    across = J @ x.mT
    matrix = J @ J.mT - across @ torch.linalg.solve(_gram(x), across.mT)
    residual = (gains.T[:, None] @ x)[:, 0] - mix
    slope = (J @ residual[..., None]).sum((0, -1))
    power = mix.square().sum()
    return Equations(matrix.sum(0) / power, slope / power)
