"""The interaction of the bands of a graphic EQ solved on a GPU, a block of threads a row.

Stands in for `_gains_that_sum_to` of `dasp.functional.graphic_eq`, where its meaning is told.
"""

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch

TOGETHER = 32
"""Threads of a block: one for each band."""


def gains_that_sum_to(keep: bool, asked_db: Tensor, off_centre: Tensor) -> tuple[Tensor, tuple]:
    peak_db = torch.empty_like(asked_db)
    _launch("gains", asked_db.detach(), off_centre.detach(), peak_db)
    return peak_db, (peak_db,) if keep else ()


def gains_that_sum_to_adjoint(
    grad: Tensor, peak_db: Tensor, asked_db: Tensor, off_centre: Tensor
) -> tuple[Tensor, None]:
    """By the theorem of implicit functions: the slopes of the sum, transposed, give it back."""
    d_asked = torch.empty_like(asked_db)
    _launch("gains_back", grad.contiguous(), peak_db, off_centre.detach(), d_asked)
    return d_asked, None


def _launch(name: str, *tensors: Tensor) -> None:
    rows, bands = tensors[0].shape[:2]
    launch(f"graphic_eq.{name}", rows, *tensors, rows, together=TOGETHER, BANDS=bands)
