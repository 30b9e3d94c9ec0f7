"""What is put right in a track before its strip: an offset, channels, polarity, time.

A correction has one answer, and is no matter of taste: it stands apart from the strip, so that
mixers hear the track with it and leave it as it is. Each has its reason beside it, by its name in
`CORRECTIONS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from dasp._checks import check_choice
from dasp.functional.time_shift import time_shift

CORRECTIONS = ("offset", "mono", "swapped", "polarity", "delay", "double", "mute")
"""What `because` has reasons for. A track that is muted is left out of the mix, and one that is a
double shares the level of the track that it doubles."""


@dataclass(frozen=True)
class Preparation:
    """Corrections of a track, which are made in this order.

    Args:
        offset: The constant that is subtracted from each channel, `(channels)`; empty for none.
        mono: Whether the channels, which are alike, are heard as one.
        inverted: Whether the polarity is turned.
        delay_samples: By how much the track is moved later, or earlier below 0.
        because: The reason of each correction, by its name in `CORRECTIONS`, for a person to read.
        swapped: Whether left and right change places.
        double_of: Name of the track whose part it plays again; empty for none.

    >>> Preparation(offset=(0.5,), inverted=True).run(torch.tensor([[1.0, 0.0]]), 44_100)
    tensor([[-0.5000,  0.5000]])
    """

    offset: tuple[float, ...] = ()
    mono: bool = False
    inverted: bool = False
    delay_samples: float = 0.0
    because: Mapping[str, str] = field(default_factory=dict)
    swapped: bool = False
    double_of: str = ""

    def __bool__(self) -> bool:
        return self != Preparation()

    def run(self, x: Tensor, sample_rate: float) -> Tensor:
        """Make the corrections.

        Args:
            x: Audio `(channels, time)`.
            sample_rate: In Hz.

        Returns:
            Audio of the shape of `x`, or of one channel.

        Raises:
            ValueError: If there are more or fewer offsets than channels.
        """
        if self.offset:
            if len(self.offset) != x.shape[-2]:
                raise ValueError(
                    f"offset: expected one for each of {x.shape[-2]} channels, got "
                    f"{len(self.offset)}"
                )
            x = x - torch.tensor(self.offset).to(x)[:, None]
        if self.mono and x.shape[-2] > 1:
            x = x.mean(-2, keepdim=True)
        if self.swapped:
            x = x.flip(-2)
        if self.inverted:
            x = -x
        if self.delay_samples:
            x = time_shift(x, sample_rate, delay_samples=self.delay_samples)
        return x

    def without(self, correction: str) -> "Preparation":
        """Take a correction back, with its reason.

        Args:
            correction: One of `CORRECTIONS`; that of "mute" has its reason alone here.

        Returns:
            The others.

        Raises:
            ValueError: If there is no such correction.
        """
        check_choice("correction", correction, CORRECTIONS)
        because = {name: why for name, why in self.because.items() if name != correction}
        name = {
            "polarity": "inverted", "delay": "delay_samples", "double": "double_of", "mute": ""
        }.get(correction, correction)  # fmt: skip
        plain = {name: getattr(Preparation(), name)} if name else {}
        return replace(self, **plain, because=because)
