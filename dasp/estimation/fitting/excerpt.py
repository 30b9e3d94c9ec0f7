"""What is heard of two long recordings."""

import torch
from torch import Tensor

from dasp.signal.stft import frames

LEAD_IN_S = 0.25
"""What a chain hears before an excerpt, so that its filters and detectors are no longer at rest."""


class Excerpt:
    """The first `seconds` of `processed` with half as much energy as the loudest, and a lead-in.

    The earlier, the better: at the beginning of a recording, the state of the chain is known.

    `dry` has several readings `(starts, channels, time)` of the input, each moved in time.
    """

    def __init__(self, dry: Tensor, processed: Tensor, sample_rate: float, seconds: float):
        time = processed.shape[-1]
        length = round(seconds * sample_rate) if seconds * sample_rate < time else time
        hop = max(1, length // 8)
        energy = frames(processed.double().square().sum(-2), length, hop).sum(-1)
        start = hop * int((energy >= 0.5 * energy.max()).nonzero()[0])
        self.lead_in = min(start, round(LEAD_IN_S * sample_rate))
        self.dry = dry[..., start - self.lead_in : start + length]
        self.target = processed[..., start : start + length]

    def heard(self, output: Tensor) -> Tensor:
        """What counts of a chain's output for `dry`."""
        return output[..., self.lead_in :]

    def residual(self, output: Tensor) -> Tensor:
        """The error `(..., starts, samples)`, whose squares add up to the error-to-signal ratio."""
        return (self.heard(output) - self.target).flatten(-2) / torch.linalg.norm(self.target)
