"""Compressors fitted to a mix, together with the gains behind them.

The settings of all tracks' compressors move at once: a change of one kind of setting in every
track is one forward derivative, since no track hears another. Gauss and Newton's method takes
these images of changes as the columns of a least-squares problem, damped as in `linear_strips`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from dasp.processors.catalogue import COMPRESSOR

FITTED = ("threshold_db", "ratio", "attack_ms", "release_ms")
PARAMS = {param.name: param for param in COMPRESSOR.params}
MOST_STEPS = 15

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
    level_db = 20 * torch.log10(torch.quantile(loud[:, ::16], 0.97, dim=-1))
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
        steps: Largest number of steps.

    Returns:
        Controls in [0, 1], `(tracks, 4)`.
    """

    def compressed(controls: Tensor) -> Tensor:
        return images(compress(tracks, sample_rate, controls))

    error, gains = _best_gains(compressed(controls), mix)
    start, damping = controls, 1e-2
    for _ in range(steps):
        before = error
        hessian, slope = _derivatives(compressed, controls, gains, mix)
        price = _PRICE * error
        hessian.diagonal()[: controls.numel()].add_(price)
        slope[: controls.numel()] += price * (controls - start).flatten()
        while damping < 1e6:
            matrix = hessian + torch.diag(damping * hessian.diagonal() + 1e-12 * error)
            step = torch.linalg.solve(matrix, -slope)[: controls.numel()]
            trial = (controls + step.view_as(controls)).clamp(0, 1)
            trial_error, trial_gains = _best_gains(compressed(trial), mix)
            if trial_error < error:
                controls, error, gains = trial, trial_error, trial_gains
                damping = max(damping / 5, 1e-6)
                break
            damping *= 6
        if before - error < 1e-3 * error:
            break
    return controls


def _best_gains(images: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Error under the best gains, relative to the mix, and these gains `(tracks, 2)`."""
    gains, error = torch.zeros_like(images[..., 0]), 0.0
    for s in range(2):
        side = images[:, s]
        gram, moment = side @ side.T, side @ mix[s]
        ridge = torch.diag(1e-9 * gram.diagonal() + torch.finfo(gram.dtype).tiny)
        gains[:, s] = torch.linalg.solve(gram + ridge, moment)
        error = error + (mix[s] - gains[:, s] @ side).square().sum()
    return error / mix.square().sum(), gains


def _derivatives(compressed, controls: Tensor, gains: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Half the second and the first derivatives by controls and then by gains of both sides."""
    count = controls.numel()
    columns = []
    for i in range(controls.shape[1]):
        tangent = torch.zeros_like(controls)
        tangent[:, i] = 1
        images, change = torch.func.jvp(compressed, (controls,), (tangent,))
        columns.append(change)
    changes = torch.stack(columns, 1) * gains[:, None, :, None]  # (tracks, controls, 2, time)
    unknowns = count + 2 * len(controls)
    hessian, slope = mix.new_zeros(unknowns, unknowns), mix.new_zeros(unknowns)
    for s in range(2):
        own = slice(count + s * len(controls), count + (s + 1) * len(controls))
        rows = torch.cat((changes[:, :, s].flatten(0, 1), images[:, s]))
        products = rows @ rows.T
        towards = rows @ (gains[:, s] @ images[:, s] - mix[s])
        place = torch.cat((torch.arange(count), torch.arange(unknowns)[own]))
        hessian[place[:, None], place] += products
        slope[place] += towards
    power = mix.square().sum()
    return hessian / power, slope / power
