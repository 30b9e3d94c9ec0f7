"""The stages of a fit: a search from far away, an approach, and a polish.

The search is Adam on a distance that is smooth far from the answer (`distance`), with the gradient
that was asked for.

The approach and the polish are least squares by Levenberg and Marquardt: on levels in bands over
time (`levels`), pulled towards moderate settings, less and less; and on the waveform.
They need the derivative of every number by every control, and take it from differences, also where
automatic derivatives are at hand: the compiled kernels make thirty outputs in one call, many times
faster than forward mode makes as many derivatives, and the answer is the same. For
"spsa" there is no approach, and the polish takes symmetric differences along a few random sign
vectors, new at each step: simultaneous perturbation, read sample by sample. A proxy cannot be
polished beyond what it knows; there Adam goes on, on the error-to-signal ratio.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from dasp.estimation.adam import adam
from dasp.estimation.differences import by_differences
from dasp.estimation.fitting.distance import Distance
from dasp.estimation.fitting.excerpt import Excerpt
from dasp.estimation.fitting.knobs import Knobs
from dasp.estimation.fitting.levels import UNIT_DB, levels_apart
from dasp.estimation.levenberg_marquardt import (
    Damping,
    Equations,
    Objective,
    Stop,
    levenberg_marquardt,
)
from dasp.grad import with_gradient
from dasp.grad.tcn import TCN
from dasp.losses import esr
from dasp.processors import Processor
from dasp.units import power_to_db

SEARCH_STEPS = {"autodiff": 12, "finite_difference": 5, "spsa": 40}
SPSA_STEPS, PROXY_STEPS = 100, 150

FOUR_AT_ONCE = Damping(
    power=0.0, first=1e-2, tries=(0.03, 0.3, 3.0, 30.0), after_success=1.0, after_failure=100.0,
    most=1e4, longest=0.5,
)  # fmt: skip
"""A processor runs four times as many settings in one call at little cost, and no control is to be
moved further at a time than half its range: a linear model is not to be believed that far."""

POLISH = Stop(steps=30, patience=5, least_gain=0.15)
LAST_POLISH = Stop(steps=30, patience=3, least_gain=0.35)
"""Of what is explained already: all that is heard takes longer, and nothing new is found there."""

PULLS, PULL_STEPS = (1e-2, 1e-3, 1e-4, 0.0), 5
"""What the square of the way across a range costs in an approach, beside the error of its levels.
Of answers that sound alike, the one with moderate settings leads on; two bands at the ends of
their ranges, each undoing the other, do not."""

WORTH_A_STEP = 0.03
"""An approach goes on to the next pull where a step lowers the error by a smaller share."""

NEAR_DB = 0.1
"""Levels that are so near leave nothing to approach."""

RATE, QUICK_RATE = 0.02, 0.03
"""Of Adam: at first, and with derivatives as exact as those of "autodiff"."""

SPSA_DRAWS, POLISH_DRAWS = 4, 12
EPSILON = 1e-2, 1e-3
"""From the first to the last step of a search by differences."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Stages:
    """The stages of a fit, and what all of them need.

    Args:
        processor: The processor to fit.
        knobs: Its free parameters.
        sample_rate: In Hz.
        gradient: Source of the derivatives, one of `dasp.grad.GRADIENTS`.
        network: The trained proxy, where `gradient` needs one.
        generator: Source of all that is random.
        note: Called after each step with its stage and the smallest error in dB.
    """

    processor: Processor
    knobs: Knobs
    sample_rate: float
    gradient: str
    network: TCN | None
    generator: torch.Generator
    note: Progress

    @property
    def can_polish(self) -> bool:
        """Whether derivatives come from the processor itself, and not from a proxy network."""
        return self.gradient in SEARCH_STEPS

    @property
    def can_approach(self) -> bool:
        """Whether all derivatives of a level are at hand; random directions are too few of them."""
        return self.can_polish and self.gradient != "spsa"

    def output(self, u: Tensor, excerpt: Excerpt, processor: Processor | None = None) -> Tensor:
        """Process the dry excerpt with given controls.

        Args:
            u: Controls `(..., starts, n)`.
            excerpt: The excerpt.
            processor: What to run in the place of the processor, such as a proxy.

        Returns:
            Audio `(..., starts, channels, time)`, lead-in included.
        """
        dry = excerpt.dry.expand(*u.shape[:-1], -1, -1)
        return (processor or self.processor)(dry, self.sample_rate, **self.knobs.settings(u))

    def error(self, u: Tensor, excerpt: Excerpt) -> Tensor:
        """Compute the error-to-signal ratio of each start.

        Args:
            u: Controls `(..., starts, n)`.
            excerpt: The excerpt.

        Returns:
            Error as a ratio of powers, `(..., starts)`.
        """
        with torch.no_grad():
            return excerpt.error(self.output(u, excerpt))

    def search(self, u: Tensor, excerpt: Excerpt, distance: Distance) -> Tensor:
        """Improve settings by the gradient of a distance.

        Args:
            u: Controls `(starts, n)`.
            excerpt: The excerpt.
            distance: From output, target and sample rate to the distance of each start.

        Returns:
            Controls `(starts, n)`.
        """
        steps = SEARCH_STEPS.get(self.gradient, PROXY_STEPS)
        processor = self._with_gradient(steps)

        def loss(u: Tensor) -> Tensor:
            heard = excerpt.heard(self.output(u, excerpt, processor))
            return distance(heard, excerpt.target.expand_as(heard), self.sample_rate)

        rate = QUICK_RATE if self.gradient == "autodiff" else RATE
        u = adam(loss, u, steps=steps, rate=rate)
        self._note("search", self.error(u, excerpt))
        return u

    def approach(self, u: Tensor, centre: Tensor, excerpt: Excerpt) -> Tensor:
        """Improve settings by least squares on levels in bands over time.

        Args:
            u: Controls `(starts, n)`.
            centre: Controls `(starts, n)` that the settings are pulled towards, less and less.
            excerpt: The excerpt.

        Returns:
            Controls `(starts, n)`; `u` for "spsa".
        """
        if not self.can_approach:
            return u
        apart = levels_apart(excerpt.target, self.sample_rate)

        def residual(u: Tensor) -> Tensor:
            return apart(excerpt.heard(self.output(u, excerpt)))

        squares = by_differences(residual, low=0, high=1)
        with torch.no_grad():
            for pull in PULLS:
                goal = 0 if pull else (NEAR_DB / UNIT_DB) ** 2
                stop = Stop(PULL_STEPS, goal, least_gain=WORTH_A_STEP)
                u = levenberg_marquardt(
                    _pulled(squares, pull, centre), u, low=0, high=1, damping=FOUR_AT_ONCE,
                    stop=stop,
                )  # fmt: skip
        self._note("approach", self.error(u, excerpt))
        return u

    def polish(
        self,
        u: Tensor,
        excerpt: Excerpt,
        *,
        goal: float,
        rival: float = math.inf,
        power: float = 0,
        stop: Stop = POLISH,
    ) -> Tensor:
        """Improve settings by least squares on the waveform.

        Args:
            u: Controls `(starts, n)`.
            excerpt: The excerpt.
            goal: Error-to-signal ratio that is small enough.
            rival: Error-to-signal ratio of other settings, which are to be beaten.
            power: The power of the damping, from 0 (Levenberg) to 1 (Marquardt).
            stop: What else ends it; the number of steps is another with "spsa".

        Returns:
            Controls `(starts, n)`.
        """
        if not self.can_polish:
            return self._polish_by_adam(u, excerpt)

        def residual(u: Tensor) -> Tensor:
            return excerpt.residual(self.output(u, excerpt))

        few = self.gradient == "spsa"
        squares = by_differences(
            residual, low=0, high=1, directions=partial(self._signs, u) if few else None
        )
        steps = SPSA_STEPS if few else stop.steps
        stop = replace(stop, steps=steps, goal=goal, rival=rival)
        with torch.no_grad():
            return levenberg_marquardt(
                squares, u, low=0, high=1, damping=replace(FOUR_AT_ONCE, power=power), stop=stop,
                on_step=partial(self._note, "polish"),
            )  # fmt: skip

    def _polish_by_adam(self, u: Tensor, excerpt: Excerpt) -> Tensor:
        processor = self._with_gradient(PROXY_STEPS)

        def loss(u: Tensor) -> Tensor:
            heard = excerpt.heard(self.output(u, excerpt, processor))
            return esr(heard, excerpt.target.expand_as(heard), reduction="none")

        return adam(
            loss, u, steps=PROXY_STEPS, rate=RATE / 2, on_step=partial(self._note, "polish")
        )

    def _with_gradient(self, steps: int) -> Processor:
        if self.gradient not in ("spsa", "finite_difference"):
            return with_gradient(self.processor, self.gradient, network=self.network)
        first, last = EPSILON
        falling = iter([first * (last / first) ** (i / max(steps - 1, 1)) for i in range(steps)])
        return with_gradient(
            self.processor, self.gradient,
            generator=self.generator, draws=SPSA_DRAWS, epsilon=falling.__next__,
        )  # fmt: skip

    def _signs(self, u: Tensor) -> Tensor:
        shape = (min(POLISH_DRAWS, u.shape[-1]), u.shape[-1])
        return 2 * torch.randint(2, shape, generator=self.generator).to(u) - 1

    def _note(self, stage: str, error: Tensor) -> None:
        self.note(stage, power_to_db(error.min()).item())


def _pulled(squares: Objective, pull: float, centre: Tensor) -> Objective:
    """A sum of squares, and what it costs to be away from a centre."""

    def error(u: Tensor) -> Tensor:
        return squares.error(u) + pull * (u - centre).square().sum(-1)

    def equations(u: Tensor) -> Equations:
        plain = squares.equations(u)
        matrix = plain.matrix + pull * torch.eye(u.shape[-1]).to(u)
        return plain._replace(matrix=matrix, slope=plain.slope + pull * (u - centre))

    return Objective(error, equations)
