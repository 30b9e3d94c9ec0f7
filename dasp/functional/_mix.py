"""The balance of dry and wet."""

import torch
from torch import Tensor

from dasp._typing import Value
from dasp.functional._arguments import per_item


def mixed(x: Tensor, wet: Tensor, mix: Value) -> Tensor:
    """(1 - mix) x + mix wet: 0 is dry, 1 only the effect."""
    mix = per_item("mix", mix, x, low=0.0, high=1.0)[..., None, None]
    return torch.lerp(x, wet, mix)
