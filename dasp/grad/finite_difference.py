"""Gradients from outputs alone: one control after the other."""

import torch
from torch import Tensor

from dasp.grad._black_box import Epsilon, black_box
from dasp.processors import Processor


def finite_difference(processor: Processor, *, epsilon: Epsilon = 1e-3) -> Processor:
    """Estimate the gradient of a processor by central differences, one control after the other.

    The output is the processor's own. A gradient costs two more outputs for each control that has
    one, and is exact but for terms in epsilon²; at an end of a range the difference is one-sided.
    The audio has no gradient.

    Args:
        processor: Any processor; a chain is one black box.
        epsilon: Step of each control in [0, 1], above 0 and at most 0.5; or a function without
            arguments that returns it, called for every gradient.

    Returns:
        The same processor with that gradient. It runs block by block where `processor` does and no
        gradient is asked for.

    Raises:
        ValueError: If `processor` is no `Processor`, or `epsilon` is out of its range.

    >>> from dasp.processors.catalogue import GAIN
    >>> gain_db = torch.tensor([0.0], requires_grad=True)
    >>> finite_difference(GAIN)(torch.ones(1, 1, 1), 44_100, gain_db=gain_db).sum().backward()
    >>> round(gain_db.grad.item(), 3)  # of 10 ** (gain_db / 20), ln(10) / 20
    0.115
    """
    return black_box(processor, "finite_difference", _one_by_one, epsilon)


def _one_by_one(items: torch.Size, movable: int) -> Tensor:
    each = torch.eye(movable).view(movable, *[1] * len(items), movable)
    return each.expand(movable, *items, movable)
