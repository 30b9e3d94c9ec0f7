"""What a dynamics processor needs to know of a row of audio, by name.

All forms of its kernels take these values one after the other, in the order that is written here
and nowhere else.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from torch import Tensor


class Curve(NamedTuple):
    """The static curve of a gain computer: the gain reduction that a level asks for."""

    threshold_db: Tensor
    """Level at which the gain begins to fall."""
    slope: Tensor
    """Gain reduction in dB for each dB beyond the threshold."""
    knee_db: Tensor
    """Width of the quadratic bend around the threshold."""
    range_db: Tensor
    """Largest gain reduction; infinite where there is none."""


class Smoother(NamedTuple):
    """A smoother that rises and falls at its own speeds."""

    attack: Tensor
    """Pole while it rises."""
    release: Tensor
    """Pole while it falls."""
    start: Tensor
    """Output before the first sample."""


class Output(NamedTuple):
    """What becomes of the audio behind the gain reduction."""

    makeup_gain_db: Tensor
    mix: Tensor
    """Share of the compressed signal, from 0 to 1."""


COLUMNS = (*Curve._fields, *Smoother._fields, *Output._fields)


Kind = type[Curve] | type[Smoother] | type[Output]


def in_schema(*kinds: Kind) -> str:
    """The fields of some of these values as arguments in the schema of an operator."""
    return ", ".join(f"Tensor {field}" for kind in kinds for field in kind._fields)


def grouped(values: Sequence, *kinds: Kind) -> list[Any]:
    """One value of each kind, of as many of `values` as they have fields, and a list of the rest.

    >>> grouped([0.9, 0.99, 0.0, 6.0, 1.0, "rest"], Smoother, Output)[1:]
    [Output(makeup_gain_db=6.0, mix=1.0), ['rest']]
    """
    left = iter(values)
    return [*(kind(*islice(left, len(kind._fields))) for kind in kinds), list(left)]
