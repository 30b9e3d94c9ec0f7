"""What is heard of two long recordings."""

import torch
from torch import Tensor

from dasp.analysis.excerpt import busiest_stretch

LEAD_IN_S = 0.25
"""What a chain hears before an excerpt, so that its filters and detectors are no longer at rest."""

ENOUGH = 0.5**0.5
"""Of the level of the loudest stretch of its length: half of its energy."""


class Excerpt:
    """An excerpt of two recordings, with a lead-in for the dry one.

    The excerpt is the first of its length that has half as much energy as the loudest. The earlier,
    the better: at the beginning of a recording, the state of the chain is known.

    Args:
        dry: Readings of the input, each moved in time, `(starts, channels, time)`.
        processed: Audio `(channels, time)`.
        sample_rate: In Hz.
        seconds: Length of the excerpt.
    """

    def __init__(self, dry: Tensor, processed: Tensor, sample_rate: float, seconds: float):
        time = processed.shape[-1]
        length = round(seconds * sample_rate) if seconds * sample_rate < time else time
        part = busiest_stretch(processed, length, enough=ENOUGH)
        self.lead_in = min(part.start, round(LEAD_IN_S * sample_rate))
        self.dry = dry[..., part.start - self.lead_in : part.stop]
        self.target = processed[..., part]

    def heard(self, output: Tensor) -> Tensor:
        """Cut the lead-in off the output of a chain.

        Args:
            output: Output for `dry`, `(..., channels, time)`.

        Returns:
            Audio `(..., channels, time)` of the length of the excerpt.
        """
        return output[..., self.lead_in :]

    def residual(self, output: Tensor) -> Tensor:
        """Compute the error of an output, whose squares add up to the error-to-signal ratio.

        Args:
            output: Output for `dry`, `(..., starts, channels, time)`.

        Returns:
            Error `(..., starts, samples)`.
        """
        return (self.heard(output) - self.target).flatten(-2) / torch.linalg.norm(self.target)

    def error(self, output: Tensor) -> Tensor:
        """Compute the error-to-signal ratio of an output.

        Args:
            output: Output for `dry`, `(..., starts, channels, time)`.

        Returns:
            Error as a ratio of powers, `(..., starts)`.
        """
        return self.residual(output).double().square().sum(-1)
