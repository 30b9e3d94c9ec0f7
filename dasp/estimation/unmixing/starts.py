"""New starts for the strips of single tracks, with what all the others contribute left open.

A descent of many bands ends in hollows. Which track stands in one, and what it should be, shows
when each track is given any response whatever: these are certain (`free_responses`), whatever the
settings are so far. To fit one strip to such a target, where the weights say that it counts, is so
small a problem that hundreds of starts take seconds.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.estimation.levenberg_marquardt import (
    Equations,
    Objective,
    Pull,
    Stop,
    levenberg_marquardt,
)
from dasp.estimation.unmixing.cross_spectra import CrossSpectra
from dasp.estimation.unmixing.free_responses import free_responses
from dasp.estimation.unmixing.linear_strips import (
    LOWEST_HIGH_PASS_HZ,
    PARTS,
    LinearStrips,
    coordinates,
    read_coordinates,
    relative_changes,
    rows_of,
    strip_responses,
)

FEW, MANY = 2, 96
"""Starts: as a track stands and plain, which is often enough; and besides them at random."""

DESCENTS = ((MANY, 6), (32, 15), (8, 15), (2, 30))
"""So many starts, the best so far, go on for so many steps."""

KEPT = (0.0, 0.5, 0.7)
"""Shares of the bands that stay as they are, in turn, where the others are drawn anew."""

NEAR, NEAR_ENDS = 0.1, (1e-11, 1e-3)
"""A track is near its target at this share of what no responses explain, within limits that are
shares of the mix. Where a room or a compressor is left unexplained, nearer is of no use."""

ABSENT, ABSENT_ENDS = 0.3, (1e-7, 1e-5)
"""A track is absent if what only it could explain is this share of it, within such limits."""

LEAST_HIGH_PASS_HZ = 10.0
"""A high-pass that comes to lie lower is none."""

KEEP = 0.3
"""Price of a setting that leaves its neutral value by its whole range, relative to the error: it
keeps starts from hollows where wide bands at the ends of their ranges take back what others do. It
falls as the error does, and the descents of all tracks together pay less."""

_LEAST_ERROR = 1e-14


class NewStart(NamedTuple):
    """Where to begin again.

    Args:
        strips: Strips nearer to their targets.
        is_random: Whether any start was random: if none was, to begin again from the same place
            comes to the same place.
        least: What no responses explain, as a share of the power of the mix.
    """

    strips: LinearStrips
    is_random: bool
    least: float


def begin_again(
    spectra: CrossSpectra,
    strips: LinearStrips,
    parts: tuple[str, ...],
    generator: torch.Generator,
    tries: int = 1,
) -> NewStart:
    """Fit the strip of each track to its own target from new starts, and remove absent tracks.

    Args:
        spectra: Cross-spectra around `strips`, as `cross_spectra.around` returns them.
        strips: The strips so far.
        parts: Parts to fit, as for `fit_strips`; with "high_pass", a high-pass may come and go.
        generator: Source of the random starts.
        tries: Rounds of many starts for a track that is still far from its target after a few.

    Returns:
        Strips nearer to their targets, and how they were found.
    """
    hz = torch.where(strips.high_pass_on, strips.high_pass_hz, LOWEST_HIGH_PASS_HZ)
    possible = replace(
        strips, high_pass_hz=hz, high_pass_on=strips.high_pass_on | ("high_pass" in parts)
    )
    target, weights, distance, least = targets(spectra, strips)
    evidence = (weights * target.abs().square()).sum((0, -1))
    absent = evidence < (ABSENT * least).clamp(*ABSENT_ENDS)
    near = (NEAR * least).clamp(*NEAR_ENDS)
    distance = distance * ~absent
    everyone = coordinates(possible, spectra.sample_rate)[0].clone()
    everyone[absent, :2] = 0
    is_random = False
    for count in (FEW, *[MANY] * tries):
        far = (distance > near).nonzero()[:, 0]
        if not len(far):
            break
        is_random = count > FEW
        some = rows_of(read_coordinates(everyone, possible), far)
        fits = _Fits(some, target[:, far], weights[:, far], spectra, parts)
        everyone[far], distance[far] = fits.best(count, generator)
    found = read_coordinates(everyone, possible)
    high_pass_on = possible.high_pass_on & (found.high_pass_hz > LEAST_HIGH_PASS_HZ)
    return NewStart(replace(found, high_pass_on=high_pass_on), is_random, least.item())


def targets(spectra: CrossSpectra, strips: LinearStrips) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Find the responses that tracks should have, with the contributions of all others left open.

    Args:
        spectra: Cross-spectra of tracks and mix.
        strips: The strips so far.

    Returns:
        Responses `(2, tracks, n)`, their weights, the distance of each track from them
        `(tracks,)`, and what they leave of the mix, both in power over that of the mix.
    """
    H = strip_responses(strips, spectra)
    target, weights = free_responses(spectra, H, (strips.gains != 0).any(-1))
    least = spectra.error(spectra.coefficients(target)) / spectra.power
    return target, weights, (weights * (target - H).abs().square()).sum((0, -1)), least


class _Fits:
    """Strips fitted to targets of their own, many at once."""

    def __init__(self, strips, target, weights, spectra: CrossSpectra, parts) -> None:
        self.strips, self.target, self.weights = strips, target, weights
        self.freq_hz, self.rate = spectra.freq_hz, spectra.sample_rate
        self.theta, self.low, self.high, plain = coordinates(strips, self.rate)
        self.plain = plain.expand_as(self.theta).clone()
        self.plain[:, PARTS["high_pass"]] = math.log(LOWEST_HIGH_PASS_HZ)
        self.free = torch.zeros_like(self.theta, dtype=torch.bool)
        for part in parts:
            self.free[:, PARTS[part]] = True
        self.prices = KEEP / (self.high - self.low).square()
        self.prices[:, PARTS["gain"] + PARTS["high_pass"]] = 0

    def best(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The best of `count` starts: coordinates `(tracks, 22)`, and errors `(tracks,)`."""
        theta = self.starts(count, generator)
        error = self.errors(theta)
        for most, steps in DESCENTS:
            kept = error.argsort(dim=1, stable=True)[:, :most]
            theta, error = self.descended(theta.take_along_dim(kept[..., None], 1), steps)
        error, best = error.min(1)
        return theta[torch.arange(len(theta)), best], error

    def starts(self, count: int, generator: torch.Generator) -> Tensor:
        """Coordinates `(tracks, count, 22)`: as it stands, plain, and with bands at random."""
        as_it_stands = self.theta[:, None]
        plain = torch.cat((self.theta[:, :3], self.plain[:, 3:]), 1)[:, None]
        draw, chance = (
            torch.rand(len(plain), count - 2, n, generator=generator, dtype=plain.dtype).to(plain)
            for n in (22, 8)
        )
        start = plain.repeat(1, count - 2, 1)
        gain_db, freq, q = slice(4, 22, 3), slice(5, 22, 3), slice(6, 22, 3)
        start[..., gain_db] = 12 * draw[..., gain_db] - 6
        start[..., freq] = self.low[:, freq] + (self.high - self.low)[:, freq] * draw[..., freq]
        start[..., q] = math.log(0.7) + draw[..., q]
        high_pass = math.log(20) * (1 + draw[..., 3])
        start[..., 3] = torch.where(chance[..., 7] < 0.5, high_pass, start[..., 3])
        share = torch.tensor(KEPT).to(plain)[torch.arange(count - 2) % len(KEPT)]
        kept = (chance[..., :7] < share[:, None]).repeat_interleave(torch.tensor([1] + 6 * [3]), -1)
        start[..., 3:] = torch.where(kept, as_it_stands[..., 3:], start[..., 3:])
        starts = torch.cat((as_it_stands, plain, start), 1)
        return torch.where(self.free[:, None], starts, as_it_stands)

    def descended(self, theta: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Coordinates `(tracks, starts, 22)` after some steps, and errors `(tracks, starts)`."""
        start = self.theta[:, None]
        found = levenberg_marquardt(
            Objective(lambda tries: torch.stack([*map(self.errors, tries)]), self.equations), theta,
            low=torch.where(self.free[:, None], self.low, start),
            high=torch.where(self.free[:, None], self.high, start),
            pull=Pull(self.plain[:, None], self.prices[:, None], least_error=_LEAST_ERROR),
            stop=Stop(steps),
        )  # fmt: skip
        return found, self.errors(found)

    def errors(self, theta: Tensor) -> Tensor:
        """Errors `(tracks, starts)` of coordinates `(tracks, starts, 22)`."""
        rows, strips, target, weights = self._flat(theta)
        C = read_coordinates(rows, strips).responses(self.freq_hz, self.rate)
        errors = weights * (rows[:, :2].T[..., None] * C - target).abs().square()
        return errors.sum((0, -1)).view_as(theta[..., 0])

    def equations(self, theta: Tensor) -> Equations:
        """The normal equations of each track and start.

        Responses g C of both sides share C, and so all sums over frequency but those of weights.
        """
        rows, strips, target, weights = self._flat(theta)
        C, changes = relative_changes(rows, strips, self.freq_hz, self.rate)
        gains = rows[:, :2].T[..., None]
        power = weights * C.abs().square()
        away = weights * C.conj() * (gains * C - target)
        # The real part of a complex product is a real one of twice the length.
        J = torch.view_as_real(changes).flatten(-2)
        shared = (gains.square() * power).sum(0).repeat_interleave(2, -1)
        pulled = torch.view_as_real((gains * away).sum(0)).flatten(-2)
        matrix, slope = rows.new_zeros(len(rows), 22, 22), torch.zeros_like(rows)
        matrix[:, 2:, 2:] = (J * shared[:, None]) @ J.mT
        slope[:, 2:] = (J @ pulled[..., None])[..., 0]
        for s in range(2):
            across = gains[s] * (changes.real @ power[s][..., None])[..., 0]
            matrix[:, s, 2:] = matrix[:, 2:, s] = across
            matrix[:, s, s] = power[s].sum(-1)
            slope[:, s] = away[s].real.sum(-1)
        shape = theta.shape[:2]
        return Equations(matrix.unflatten(0, shape), slope.unflatten(0, shape))

    def _flat(self, theta: Tensor) -> tuple[Tensor, LinearStrips, Tensor, Tensor]:
        """Coordinates as rows, with the strips, targets and weights of each."""
        row = torch.arange(len(theta), device=theta.device).repeat_interleave(theta.shape[1])
        rows, strips = theta.flatten(0, 1), rows_of(self.strips, row)
        on = strips.high_pass_on & (rows[:, 3] > math.log(LEAST_HIGH_PASS_HZ))
        return rows, replace(strips, high_pass_on=on), self.target[:, row], self.weights[:, row]
