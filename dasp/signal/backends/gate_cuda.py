"""When a noise gate is open, on a GPU; see `dasp.functional.gate`."""

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch


def is_open(
    keep: bool, level_db: Tensor, opening_db: Tensor, closing_db: Tensor, hold: Tensor
) -> tuple[Tensor, tuple]:
    """For levels `(rows, time)`, and thresholds and samples `(rows, 1)`."""
    arguments = [t.detach().contiguous() for t in (level_db, opening_db, closing_db, hold)]
    y = torch.empty_like(arguments[0], dtype=torch.bool)
    launch("gate.is_open", len(y), *arguments, y, *y.shape)
    return y, ()
