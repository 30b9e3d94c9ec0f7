"""Takes of one part: recordings of which each plays the whole of it, told by name and envelope.

Takes that play the same at the same time are doubles: all are heard, together as loud as one. A
name that says that a take is not meant (old, unused, alt) has it muted, where it does play what the
others play. What only its name makes a take is told.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from dasp.signal.stft import frames

TAKE = re.compile(r"[ _.-]*(take|tk)[ _.-]*\d+", re.IGNORECASE)
NOT_MEANT = re.compile(
    r"[ _.-]+(alt|alternate|alternative|old|unused|outtake)(?![a-z])[ _.-]*\d*", re.IGNORECASE
)
COPY = re.compile(r"[ _.-]+copy(?![a-z])[ _.-]*\d*", re.IGNORECASE)

TOGETHER = 0.5
"""Correlation of envelopes from which on two takes play the same at the same time."""

FRAME_S = 0.1


class Take(NamedTuple):
    """A take beside another one of its part.

    Args:
        of: Number of the track that stands for the part.
        correlation: Of the two envelopes.
        meant: Whether its name leaves it possible that it is to be heard.
    """

    of: int
    correlation: float
    meant: bool

    @property
    def together(self) -> bool:
        """Whether it plays the same as the other at the same time."""
        return self.correlation >= TOGETHER


def takes(names: Sequence[str], tracks: Sequence[Tensor], sample_rate: int) -> dict[int, Take]:
    """Find the takes of parts.

    Args:
        names: Name of each track.
        tracks: Audio `(channels, time)` of each track.
        sample_rate: In Hz.

    Returns:
        Each take by its number, but for the one that stands for its part: the one that has the name
        of the part alone, or the first that is meant.

    >>> import torch
    >>> x = torch.rand(1, 20).repeat_interleave(1000, -1)
    >>> takes(["vox take 1", "vox take 2", "bass"], [x, 0.5 * x, x], 8000)[1].together
    True
    """
    parts: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        parts.setdefault(_part(name), []).append(i)
    found = {}
    for part, own in parts.items():
        if len(own) < 2 or not any(_says_take(names[i]) for i in own):
            continue
        own.sort(key=lambda i: (not _is_meant(names[i]), names[i].strip().lower() != part))
        first, *others = own
        envelope = _envelope(tracks[first], sample_rate)
        for i in others:
            correlation = _correlation(envelope, _envelope(tracks[i], sample_rate))
            found[i] = Take(first, correlation, _is_meant(names[i]))
    return found


def _part(name: str) -> str:
    for pattern in (NOT_MEANT, COPY, TAKE):
        name = pattern.sub("", name)
    return name.strip(" _.-").lower()


def _says_take(name: str) -> bool:
    return any(pattern.search(name) for pattern in (NOT_MEANT, COPY, TAKE))


def _is_meant(name: str) -> bool:
    return not NOT_MEANT.search(name)


def _envelope(x: Tensor, sample_rate: int) -> Tensor:
    size = max(1, round(FRAME_S * sample_rate))
    return frames(x, size, size).double().square().mean((0, -1)).sqrt()


def _correlation(one: Tensor, other: Tensor) -> float:
    """The coefficient of Pearson, over the frames in which either plays; 0 where neither moves."""
    plays = (one > 0.03 * one.max()) | (other > 0.03 * other.max())
    one, other = one[plays], other[plays]
    one, other = one - one.mean(), other - other.mean()
    return ((one @ other) / (one.norm() * other.norm()).clamp(min=1e-20)).item()
