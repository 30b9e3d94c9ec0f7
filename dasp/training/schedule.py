"""How the learning rate moves: a pure function of the step, so that nothing is to be stored."""

import math
from dataclasses import dataclass
from typing import Literal

from dasp._checks import check_choice, check_range


@dataclass(frozen=True)
class Schedule:
    """A factor of the learning rate at each step.

    `cosine` falls from 1 to `final` along half a cosine (I. Loshchilov and F. Hutter, "SGDR",
    ICLR 2017, eq. 5, without restarts). `multistep` is multiplied by `factor` at each of the
    steps in `milestones`. A warm-up of any rises in a straight line (P. Goyal et al., "Accurate,
    large minibatch SGD", 2017, section 2.2).

    Args:
        kind: "constant", "cosine" or "multistep".
        warm_up_steps: How long the factor rises to 1, 0 or more.
        final: Where a cosine ends, 0 or more.
        milestones: Steps at which "multistep" falls.
        factor: By what it falls, above 0.

    Raises:
        ValueError: If the kind is neither, or a number is out of range.

    >>> [round(Schedule("cosine", warm_up_steps=2)(step, 6), 2) for step in range(6)]
    [0.5, 1.0, 1.0, 0.85, 0.5, 0.15]
    """

    kind: Literal["constant", "cosine", "multistep"] = "constant"
    warm_up_steps: int = 0
    final: float = 0.0
    milestones: tuple[int, ...] = ()
    factor: float = 0.1

    def __post_init__(self):
        check_choice("kind", self.kind, ("constant", "cosine", "multistep"))
        check_range("warm_up_steps", self.warm_up_steps, low=0)
        check_range("final", self.final, low=0)
        check_range("factor", self.factor, above=0)

    def __call__(self, step: int, steps: int) -> float:
        """Compute the factor of a step.

        Args:
            step: Number of the step, from 0.
            steps: How many there will be.

        Returns:
            The factor.
        """
        if step < self.warm_up_steps:
            return (step + 1) / self.warm_up_steps
        if self.kind == "cosine":
            passed = (step - self.warm_up_steps) / max(steps - self.warm_up_steps, 1)
            return self.final + (1 - self.final) * (1 + math.cos(math.pi * passed)) / 2
        if self.kind == "multistep":
            return self.factor ** sum(step >= milestone for milestone in self.milestones)
        return 1.0
