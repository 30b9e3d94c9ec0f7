"""New starts for the strips of single tracks, with what all the others contribute left open.

A descent of many bands ends in hollows. Which track stands in one, and what it should be, shows
when each track is given any response whatever: these are certain (`free_responses`), whatever the
settings are so far. To fit one strip to such a target, where the weights say that it counts, is so
small a problem that hundreds of starts take seconds.
"""

import math
from dataclasses import fields, replace

import torch
from torch import Tensor

from dasp.mixing.cross_spectra import CrossSpectra
from dasp.mixing.free_responses import free_responses
from dasp.mixing.linear_strips import (
    LOWEST_HIGH_PASS_HZ,
    PARTS,
    LinearStrips,
    coordinates,
    jacobian,
    read_coordinates,
    strip_responses,
)

TRIES, STARTS = 8, 24
"""Tracks that are still far from their targets are tried again, each time from so many starts."""

NEAR, NEAR_ENDS = 0.1, (1e-7, 1e-5)
"""A track is near its target at this share of what no responses explain, within limits that are
shares of the mix."""

ABSENT, ABSENT_ENDS = 0.3, (1e-7, 1e-5)
"""A track is absent if what only it could explain is this share of it, within such limits."""

LEAST_HIGH_PASS_HZ = 10.0
"""A high-pass that comes to lie lower is none."""

FIRST_STEPS, KEPT, LAST_STEPS = 6, 3, 15
_KEEP, _LEAST_ERROR = 1e-3, 1e-12


def begin_again(
    spectra: CrossSpectra,
    strips: LinearStrips,
    parts: tuple[str, ...],
    generator: torch.Generator,
) -> LinearStrips:
    """Strips nearer to their targets, each by itself, and without tracks that explain nothing.

    `spectra` are those around `strips` (`cross_spectra.around`). Among the `parts`, "high_pass"
    stands for a choice: it may come and go.
    """
    lowest, off = math.log(LOWEST_HIGH_PASS_HZ), math.log(LEAST_HIGH_PASS_HZ)
    if "high_pass" in parts:
        hz = torch.where(strips.high_pass_on, strips.high_pass_hz, LOWEST_HIGH_PASS_HZ)
        on = torch.ones_like(strips.high_pass_on)
        strips = replace(strips, high_pass_on=on, high_pass_hz=hz)
    target, weights, distance, least = targets(spectra, strips)
    evidence = (weights * target.abs().square()).sum((0, -1))
    absent = evidence < (ABSENT * least).clamp(*ABSENT_ENDS)
    strips = replace(strips, gains=strips.gains * ~absent[:, None])
    distance = distance * ~absent
    everyone = coordinates(strips, spectra.sample_rate)[0].clone()
    for _ in range(TRIES):
        chosen = (distance > (NEAR * least).clamp(*NEAR_ENDS)).nonzero()[:, 0]
        if not len(chosen):
            break
        some = _rows(read_coordinates(everyone, strips), chosen)
        fits = _Fits(some, target[:, chosen], weights[:, chosen], spectra, parts)
        theta = _starts(some, spectra.sample_rate, STARTS, generator)
        theta, error = fits.descended(theta, FIRST_STEPS)
        kept = error.argsort(dim=1, stable=True)[:, :KEPT]
        theta = theta.take_along_dim(kept[..., None], 1)
        high_pass = theta[..., PARTS["high_pass"]]
        theta[..., PARTS["high_pass"]] = torch.where(high_pass < off, lowest, high_pass)
        theta, error = fits.descended(theta, LAST_STEPS)
        distance[chosen], best = error.min(1)
        everyone[chosen] = theta[torch.arange(len(chosen)), best]
    found = read_coordinates(everyone, strips)
    if "high_pass" in parts:
        found = replace(found, high_pass_on=found.high_pass_hz > LEAST_HIGH_PASS_HZ)
    return found


def targets(spectra: CrossSpectra, strips: LinearStrips) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Responses that tracks should have, `(2, tracks, n)`, their weights, how far each track is
    from them, `(tracks,)`, and what they leave, both in power over that of the mix."""
    H = strip_responses(strips, spectra)
    target, weights = free_responses(spectra, H, (strips.gains != 0).any(-1))
    least = spectra.error(spectra.coefficients(target)) / spectra.power
    return target, weights, (weights * (target - H).abs().square()).sum((0, -1)), least


def _rows(strips: LinearStrips, rows: Tensor) -> LinearStrips:
    return replace(strips, **{f.name: getattr(strips, f.name)[rows] for f in fields(strips)})


def _starts(strips: LinearStrips, rate: float, count: int, generator: torch.Generator) -> Tensor:
    """Coordinates `(tracks, count, 22)`: as it stands, plain, and bands at random, of all of the
    strip and of some of it in turn."""
    theta, low, high, plain = coordinates(strips, rate)
    plain = plain.expand_as(theta).clone()
    plain[:, PARTS["gain"]] = theta[:, PARTS["gain"]]
    plain[:, PARTS["high_pass"]] = math.log(LOWEST_HIGH_PASS_HZ)
    starts = [theta, plain]
    gain_db, freq, q = slice(4, 22, 3), slice(5, 22, 3), slice(6, 22, 3)
    for i in range(count - len(starts)):
        draw = torch.rand(theta.shape, generator=generator, dtype=theta.dtype).to(theta)
        start = plain.clone()
        start[:, gain_db] = 12 * draw[:, gain_db] - 6
        start[:, freq] = low[:, freq] + (high - low)[:, freq] * draw[:, freq]
        start[:, q] = math.log(0.7) + draw[:, q]
        if i % 4 >= 2:
            start[:, 3] = math.log(20) + draw[:, 3] * math.log(20)
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

        lowest = self.low[:, PARTS["high_pass"]] + 1e-9
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
            # A high-pass at its lowest is off, and stays so.
            held[:, PARTS["high_pass"]] |= theta[:, PARTS["high_pass"]] <= lowest
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
