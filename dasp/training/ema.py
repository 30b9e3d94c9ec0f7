"""The exponential moving average of a model's weights, which is often better than the last ones.

Source: B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging",
SIAM J. Control Optim. 30(4), 1992; with the weights of the average as in most of deep learning.
"""

import copy

import torch
from torch import nn


def averaged_copy(model: nn.Module) -> nn.Module:
    """A model to hold the average, which begins at the weights as they are."""
    return copy.deepcopy(model).requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """average = d average + (1 - d) model, after step number `step`, from 1.

    At first d = step / (step + 1) is less than `decay`, a plain mean: or else the average would
    long remember where training began. What the model keeps beside weights is copied.
    """
    decay = min(decay, step / (step + 1))
    for mean, weight in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)
    for kept, buffer in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(buffer)
