"""The exponential moving average of a model's weights, which is often better than the last ones.

Source: B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging",
SIAM J. Control Optim. 30(4), 1992; with the weights of the average as in most of deep learning.
"""

import copy

import torch
from torch import nn


def averaged_copy(model: nn.Module) -> nn.Module:
    """Copy a model, to hold the average of its weights.

    Args:
        model: The model.

    Returns:
        The copy, whose weights ask for no gradient.
    """
    return copy.deepcopy(model).requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move an average towards the weights: average = d average + (1 - d) model.

    At first d = step / (step + 1) is less than `decay`, a plain mean: or else the average would
    long remember where training began. What the model keeps beside weights is copied.

    Args:
        average: The average, which is changed.
        model: The model after the step.
        decay: The largest d, 0 to less than 1.
        step: Number of the step, from 1.
    """
    decay = min(decay, step / (step + 1))
    for mean, weight in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)
    for kept, buffer in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(buffer)
