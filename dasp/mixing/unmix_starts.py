"""New starts for the strips of single tracks, with what all the others contribute left open.

A descent of many bands ends in hollows. Which track stands in one, and what it should be, shows
when each track is given any response whatever: with cross-spectra A, and n the products of tracks
and residual, least squares in each group of bands asks for changes A^-1 n of the responses, and
what no other track can make up for has the weight 1 / (A^-1)_kk. To fit one strip to such a target
is so small a problem that hundreds of starts take seconds.
"""

import math
from dataclasses import fields, replace

import torch
from torch import Tensor

from dasp.mixing.cross_spectra import CrossSpectra
from dasp.mixing.linear_strips import (
    LOWEST_HIGH_PASS_HZ,
    PARTS,
    LinearStrips,
    coordinates,
    jacobian,
    read_coordinates,
    residual_products,
    strip_responses,
)

STARTS = 12
"""Of each track in the first round; afterwards the worse half of the tracks has twice as many."""

GROUP = 4
"""Bands whose change of response is taken to be the same."""

RIDGE = 1e-6
FIRST_STEPS, KEPT, LAST_STEPS = 6, 3, 15
_KEEP, _LEAST_ERROR = 1e-3, 1e-12


def begin_again(
    spectra: CrossSpectra,
    strips: LinearStrips,
    parts: tuple[str, ...],
    generator: torch.Generator,
    *,
    worse_half: bool = False,
) -> LinearStrips:
    """Strips of which those that fit their target better from another start are exchanged.

    `spectra` are those around `strips` (`cross_spectra.around`). All tracks are tried, or the half
    that is farther from its targets.
    """
    target, weights, distance = targets(spectra, strips)
    count = math.ceil((distance > 0).sum().item() / (2 if worse_half else 1))
    chosen = distance.argsort(descending=True, stable=True)[:count].sort().values
    some, target, weights = _rows(strips, chosen), target[:, chosen], weights[:, chosen]
    theta = _starts(some, spectra.sample_rate, STARTS * (2 if worse_half else 1), generator)
    fits = _Fits(some, target, weights, spectra, parts)
    theta, error = fits.descended(theta, FIRST_STEPS)
    kept = error.argsort(dim=1, stable=True)[:, :KEPT]
    theta, error = fits.descended(theta.take_along_dim(kept[..., None], 1), LAST_STEPS)
    best = error.argmin(1, keepdim=True)
    # A track that did best from where it stood stays: it goes down with all the others.
    best_is_new = kept.take_along_dim(best, 1)[:, 0] != 0
    found = theta.take_along_dim(best[..., None], 1)[:, 0]
    everyone = coordinates(strips, spectra.sample_rate)[0].clone()
    everyone[chosen[best_is_new]] = found[best_is_new]
    return read_coordinates(everyone, strips)


def targets(spectra: CrossSpectra, strips: LinearStrips) -> tuple[Tensor, Tensor, Tensor]:
    """Responses that tracks should have, `(2, tracks, bins)`, their weights, and how far each
    track is from them, `(tracks,)`, in power over that of the mix."""
    H = strip_responses(strips, spectra)
    residual, A = residual_products(spectra, H), spectra.tracks.expand(2, -1, -1, -1)
    grouped, products = _in_groups(A).permute(0, 3, 1, 2), _in_groups(residual).permute(0, 2, 1)
    power = grouped.diagonal(dim1=-2, dim2=-1).real
    heard = (power > 0) & (strips.gains != 0).any(-1)
    scale = torch.where(heard, power.clamp(min=torch.finfo(power.dtype).tiny) ** -0.5, 0.0)
    matrix = grouped * scale[..., None] * scale[..., None, :]
    matrix = matrix + torch.diag_embed(torch.where(heard, RIDGE, 1.0)).to(matrix)
    inverse = torch.linalg.inv(matrix)
    change = (inverse @ (products * scale)[..., None])[..., 0] * scale
    share = torch.where(heard, 1 / inverse.diagonal(dim1=-2, dim2=-1).real, 0.0)
    own = A.diagonal(dim1=1, dim2=2).permute(0, 2, 1).real
    weights = _spread(share, own.shape[-1]) * own / spectra.power.sum()
    change = _spread(change, own.shape[-1])
    return H + change, weights, (weights * change.abs().square()).sum((0, -1))


def _in_groups(x: Tensor) -> Tensor:
    missing = -x.shape[-1] % GROUP
    return torch.nn.functional.pad(x, (0, missing)).unflatten(-1, (-1, GROUP)).sum(-1)


def _spread(x: Tensor, bins: int) -> Tensor:
    """`(sides, groups, tracks)` as `(sides, tracks, bins)`."""
    return x.permute(0, 2, 1).repeat_interleave(GROUP, -1)[..., :bins]


def _rows(strips: LinearStrips, rows: Tensor) -> LinearStrips:
    return replace(strips, **{f.name: getattr(strips, f.name)[rows] for f in fields(strips)})


def _starts(strips: LinearStrips, rate: float, count: int, generator: torch.Generator) -> Tensor:
    """Coordinates `(tracks, count, 22)`: as it stands, plain, and bands at random, of all of the
    strip and of some of it in turn."""
    theta, low, high, plain = coordinates(strips, rate)
    plain = plain.expand_as(theta).clone()
    plain[:, PARTS["gain"]] = theta[:, PARTS["gain"]]
    plain[:, PARTS["high_pass"]] = math.log(4 * LOWEST_HIGH_PASS_HZ)
    starts = [theta, plain]
    gain_db, freq, q = slice(4, 22, 3), slice(5, 22, 3), slice(6, 22, 3)
    for i in range(count - len(starts)):
        draw = torch.rand(theta.shape, generator=generator, dtype=theta.dtype).to(theta)
        start = plain.clone()
        start[:, gain_db] = 12 * draw[:, gain_db] - 6
        start[:, freq] = low[:, freq] + (high - low)[:, freq] * draw[:, freq]
        start[:, q] = math.log(0.7) + draw[:, q]
        start[:, 3] = plain[:, 3] + draw[:, 3] * math.log(15)
        if i % 2:
            some = draw < 0.4
            some[:, :4] = False
            start = torch.where(some, start, theta)
        starts.append(start)
    return torch.stack(starts, 1)


class _Fits:
    """Strips fitted to targets of their own, many at once, by Levenberg and Marquardt's method."""

    def __init__(self, strips, target, weights, spectra: CrossSpectra, parts) -> None:
        self.strips, self.target, self.weights = strips, target, weights
        self.freq_hz, self.rate = spectra.freq_hz, spectra.sample_rate
        theta, self.low, self.high, self.plain = coordinates(strips, self.rate)
        self.plain = self.plain.expand_as(theta)
        self.free = torch.zeros_like(theta, dtype=torch.bool)
        for part in parts:
            self.free[:, PARTS[part]] = True
        self.free[:, PARTS["high_pass"]] &= strips.high_pass_on[:, None]

    def descended(self, theta: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Coordinates `(tracks, starts, 22)` some steps on, and errors `(tracks, starts)`."""
        tracks, starts = theta.shape[:2]
        row = torch.arange(tracks, device=theta.device).repeat_interleave(starts)
        strips, free, plain = _rows(self.strips, row), self.free[row], self.plain[row]
        target, weights = self.target[:, row], self.weights[:, row]
        prices = _KEEP / (self.high - self.low).square()
        prices = torch.where(torch.arange(22) < 2, 0.0, prices)

        def errors(theta: Tensor) -> Tensor:
            H = read_coordinates(theta, strips).responses(self.freq_hz, self.rate)
            return (weights * (theta[:, :2].T[..., None] * H - target).abs().square()).sum((0, -1))

        theta = theta.flatten(0, 1)
        error, damping = errors(theta), torch.full_like(theta[:, 0], 1e-3)
        for _ in range(steps):
            price = prices * (error + _LEAST_ERROR)[:, None]
            H, J = jacobian(theta, strips, self.freq_hz, self.rate)
            weighted = weights[:, :, None] * J
            slope = (weighted.conj() * (H - target)[:, :, None]).real.sum((0, -1))
            slope = slope + price * (theta - plain)
            J, weighted = (torch.view_as_real(x).flatten(-2) for x in (J, weighted))
            hessian = (weighted @ J.mT).sum(0) + torch.diag_embed(price)
            held = ~free | (theta <= self.low) & (slope > 0) | (theta >= self.high) & (slope < 0)
            slope = torch.where(held, 0.0, slope)
            hessian = torch.where(held[:, :, None] | held[:, None], 0.0, hessian)
            diagonal = damping[:, None] * hessian.diagonal(dim1=1, dim2=2)
            matrix = hessian + torch.diag_embed(diagonal + torch.where(held, 1.0, 1e-18))
            step = torch.linalg.solve_ex(matrix, -slope[..., None])[0][..., 0].nan_to_num(0, 0, 0)
            trial = torch.minimum(torch.maximum(theta + step, self.low), self.high)
            trial_error = errors(trial)
            change = price * ((trial - plain).square() - (theta - plain).square())
            better = trial_error + change.sum(-1) < error
            theta = torch.where(better[:, None], trial, theta)
            error = torch.where(better, trial_error, error)
            damping = torch.where(better, damping / 4, damping * 8).clamp(1e-9, 1e8)
        return theta.unflatten(0, (tracks, starts)), error.unflatten(0, (tracks, starts))
