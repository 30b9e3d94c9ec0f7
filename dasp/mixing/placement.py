"""Where a track stands: from the gains of both sides back to a level and a pan."""

import math

import torch
from torch import Tensor


def gain_and_pan(gains: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the level and the pan that give a mono track the gains of two sides.

    `stereo_panner` with this pan, times the gain, has these gains in magnitude:
    theta = atan2(right, left), gain = sqrt(left^2 + right^2).

    Args:
        gains: Gains of left and right as factors, `(..., 2)`.

    Returns:
        Gain as a factor, and pan in [-1, 1], each `(...)`.

    >>> gain, pan = gain_and_pan(torch.tensor([3.0, 3.0]))
    >>> round(gain.item(), 3), abs(pan.item()) < 1e-6
    (4.243, True)
    """
    left, right = gains.abs().unbind(-1)
    return torch.hypot(left, right), torch.atan2(right, left) * (4 / math.pi) - 1


def gain_and_balance(gains: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the level and the balance that give a stereo track the gains of its two sides.

    `stereo_panner` with this pan, times the gain, has these gains in magnitude.

    Args:
        gains: Gains of left and right as factors, `(..., 2)`.

    Returns:
        Gain as a factor, and balance in [-1, 1], each `(...)`.

    >>> gain, balance = gain_and_balance(torch.tensor([2.0, 2.0]))
    >>> round(gain.item(), 3), abs(balance.item()) < 1e-6
    (2.0, True)
    """
    louder, quieter = gains.abs().amax(-1), gains.abs().amin(-1)
    share = torch.where(louder > 0, quieter / louder.clamp(min=torch.finfo(gains.dtype).tiny), 1)
    distance = 1 - torch.asin((share * math.sqrt(0.5)).clamp(max=math.sqrt(0.5))) * (4 / math.pi)
    towards = torch.sign(gains[..., 1].abs() - gains[..., 0].abs())
    return louder, towards * distance
