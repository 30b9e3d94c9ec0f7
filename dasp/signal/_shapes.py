"""Shapes that stretch over each other."""

from collections.abc import Sequence

import torch


def broadcast_shapes(*shapes: Sequence[int]) -> torch.Size:
    """The shape that all broadcast to.

    As `torch.broadcast_shapes`, whose first call imports what torch has for shapes of symbols, half
    a second of every program that filters once. Those it is asked about, and what does not fit.
    """
    if torch.compiler.is_compiling() or any(type(n) is not int for s in shapes for n in s):
        return torch.broadcast_shapes(*shapes)
    longest = max(map(len, shapes), default=0)
    found = [1] * longest
    for shape in shapes:
        for place, n in enumerate(shape, start=longest - len(shape)):
            if n != 1 and found[place] not in (1, n):
                return torch.broadcast_shapes(*shapes)  # which says what does not fit
            if n != 1:
                found[place] = n
    return torch.Size(found)
