"""The two stages of a fit: a search from far away, and a polish.

The search is Adam on a distance that is smooth far from the answer (`dasp.fitting.distance`), with
the gradient that was asked for.

The polish is least squares on the waveform by Levenberg and Marquardt. It needs the derivative of
every sample of the output by every control, and takes it from symmetric differences, also where
automatic derivatives are at hand: the compiled kernels make fifty outputs in one call, many times
faster than forward mode makes as many derivatives, and the answer is the same. For "spsa" they are
symmetric differences along a few random sign vectors, new at each step: simultaneous perturbation,
read sample by sample. A proxy cannot be polished beyond what it knows; there Adam goes on, on the
error-to-signal ratio.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from dasp.fitting.adam import adam
from dasp.fitting.distance import Distance
from dasp.fitting.excerpt import Excerpt
from dasp.fitting.knobs import Knobs
from dasp.fitting.levenberg_marquardt import levenberg_marquardt
from dasp.grad import with_gradient
from dasp.grad.tcn import TCN
from dasp.losses import esr
from dasp.processors.processor import Processor

SEARCH_STEPS = {"autodiff": 20, "finite_difference": 5, "spsa": 40}
STEPS, PROXY_STEPS = 30, 150

LOOSE_STEPS, LOOSE_GOAL = 100, 10 ** (-25 / 10)
"""Of random directions: they go around small hills, but arrive slowly."""

RATE = 0.02
SPSA_DRAWS, POLISH_DRAWS = 4, 12
EPSILON = 1e-2, 1e-3
"""From the first to the last step of a search by differences."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Stages:
    """What both stages need to know."""

    processor: Processor
    knobs: Knobs
    sample_rate: float
    gradient: str
    network: TCN | None
    generator: torch.Generator
    note: Progress

    @property
    def can_polish(self) -> bool:
        """Whether the processor itself is asked, and not a network that stands for it."""
        return self.gradient in SEARCH_STEPS

    def output(self, u: Tensor, excerpt: Excerpt, processor: Processor | None = None) -> Tensor:
        """What the processor makes of the dry excerpt at `u` `(..., starts, n)`."""
        dry = excerpt.dry.expand(*u.shape[:-1], -1, -1)
        return (processor or self.processor)(dry, self.sample_rate, **self.knobs.settings(u))

    def error(self, u: Tensor, excerpt: Excerpt) -> Tensor:
        """Error-to-signal ratio of each start."""
        with torch.no_grad():
            return excerpt.residual(self.output(u, excerpt)).double().square().sum(-1)

    def search(self, u: Tensor, excerpt: Excerpt, distance: Distance) -> Tensor:
        """Better settings `(starts, n)`, by `distance`."""
        steps = SEARCH_STEPS.get(self.gradient, PROXY_STEPS)
        processor = self._with_gradient(steps)

        def loss(u: Tensor) -> Tensor:
            heard = excerpt.heard(self.output(u, excerpt, processor))
            return distance(heard, excerpt.target.expand_as(heard), self.sample_rate)

        u = adam(loss, u, steps=steps, rate=RATE)
        self._note("search", self.error(u, excerpt))
        return u

    def polish(
        self, u: Tensor, excerpt: Excerpt, *, goal: float, loose: bool = False, **options: float
    ) -> Tensor:
        """Better settings `(starts, n)`, by the waveform; under the error `goal`, it ends.

        If `loose`, random directions go first, which get past answers that are best only nearby.
        """
        if not self.can_polish:
            return self._polish_by_adam(u, excerpt)

        def residual(u: Tensor) -> Tensor:
            return excerpt.residual(self.output(u, excerpt)).to(u)

        improve = partial(levenberg_marquardt, residual, on_step=partial(self._note, "polish"))
        with torch.no_grad():
            if self.gradient == "spsa" or loose:
                enough = goal if self.gradient == "spsa" else LOOSE_GOAL
                signs = partial(self._signs, u)
                u = improve(u, steps=LOOSE_STEPS, directions=signs, goal=enough, **options)
            if self.gradient != "spsa":
                u = improve(u, steps=STEPS, goal=goal, **options)
        return u

    def _polish_by_adam(self, u: Tensor, excerpt: Excerpt) -> Tensor:
        processor = self._with_gradient(PROXY_STEPS)

        def loss(u: Tensor) -> Tensor:
            heard = excerpt.heard(self.output(u, excerpt, processor))
            return esr(heard, excerpt.target.expand_as(heard), reduction="none")

        return adam(
            loss, u, steps=PROXY_STEPS, rate=RATE / 2, on_step=partial(self._note, "polish")
        )

    def _with_gradient(self, steps: int) -> Processor:
        options = {"network": self.network}
        if self.gradient in ("spsa", "finite_difference"):
            first, last = EPSILON
            falling = iter(
                [first * (last / first) ** (i / max(steps - 1, 1)) for i in range(steps)]
            )
            options = {
                "generator": self.generator,
                "draws": SPSA_DRAWS,
                "epsilon": falling.__next__,
            }
        return with_gradient(self.processor, self.gradient, **options)

    def _signs(self, u: Tensor) -> Tensor:
        shape = (min(POLISH_DRAWS, u.shape[-1]), u.shape[-1])
        return 2 * torch.randint(2, shape, generator=self.generator).to(u) - 1

    def _note(self, stage: str, error: Tensor) -> None:
        self.note(stage, 10 * error.min().clamp(min=1e-16).log10().item())
