"""The two stages of a fit: a search from far away, and a polish.

The search is Adam on the log-spectral distance, which is smooth far from the answer and does not
mind a delay. The polish is least squares on the waveform by Levenberg and Marquardt. It asks for
derivatives of the output along directions: exact ones ("autodiff"), symmetric differences of one
control after the other ("finite_difference"), or, for "spsa", symmetric differences along a few
random sign vectors, new at each step: simultaneous perturbation, read sample by sample. A proxy
cannot be polished beyond what it knows; there Adam goes on, on the error-to-signal ratio.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from dasp.fitting.adam import adam
from dasp.fitting.excerpt import Excerpt
from dasp.fitting.knobs import Knobs
from dasp.fitting.levenberg_marquardt import differences, forward_mode, levenberg_marquardt
from dasp.grad import with_gradient
from dasp.grad.tcn import TCN
from dasp.losses import esr, multi_resolution_stft
from dasp.processors.processor import Processor

SEARCH_STEPS = {"autodiff": 30, "finite_difference": 5, "spsa": 40}
POLISH_STEPS = {"autodiff": 25, "finite_difference": 25, "spsa": 100}
PROXY_STEPS = 150

RATE = 0.02
SPSA_DRAWS, POLISH_DRAWS = 4, 12
EPSILON = 1e-2, 1e-3
"""From the first to the last step of a search by differences."""

FFT_SIZES = (256, 1024, 4096)
GOAL = 10 ** (-60 / 10)

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

    def output(self, u: Tensor, excerpt: Excerpt, processor: Processor | None = None) -> Tensor:
        """What the processor makes of the dry excerpt at `u` `(..., starts, n)`."""
        dry = excerpt.dry.expand(*u.shape[:-1], -1, -1)
        return (processor or self.processor)(dry, self.sample_rate, **self.knobs.settings(u))

    def error(self, u: Tensor, excerpt: Excerpt) -> Tensor:
        """Error-to-signal ratio of each start."""
        with torch.no_grad():
            return excerpt.residual(self.output(u, excerpt)).double().square().sum(-1)

    def search(self, u: Tensor, excerpt: Excerpt) -> Tensor:
        """Better settings `(starts, n)`, by the log-spectral distance."""
        steps = SEARCH_STEPS.get(self.gradient, PROXY_STEPS)
        processor = self._with_gradient(steps)

        def loss(u: Tensor) -> Tensor:
            heard = excerpt.heard(self.output(u, excerpt, processor))
            target = excerpt.target.expand_as(heard)
            return multi_resolution_stft(heard, target, fft_sizes=FFT_SIZES, reduction="none")

        u = adam(loss, u, steps=steps, rate=RATE)
        self._note("search", self.error(u, excerpt))
        return u

    def polish(self, u: Tensor, excerpt: Excerpt) -> Tensor:
        """Better settings `(starts, n)`, by the waveform."""
        note = partial(self._note, "polish")
        if self.gradient not in POLISH_STEPS:
            return self._polish_by_adam(u, excerpt)
        spsa = self.gradient == "spsa"
        with torch.no_grad():
            return levenberg_marquardt(
                lambda u: excerpt.residual(self.output(u, excerpt)).to(u),
                u,
                forward_mode if self.gradient == "autodiff" else differences,
                steps=POLISH_STEPS[self.gradient],
                directions=partial(self._signs, u) if spsa else None,
                goal=GOAL,
                on_step=note,
            )

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
