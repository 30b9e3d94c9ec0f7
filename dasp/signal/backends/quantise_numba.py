"""Rounding with dither in one compiled pass."""

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._rows import over_rows

loop = compiled(error_model="numpy")


def dithered(keep: bool, steps: Tensor, draws: Tensor, bits: int) -> tuple[Tensor, tuple]:
    dtype = torch.int16 if bits <= 16 else torch.int32
    most, shift = 2.0 ** (bits - 1), 8 * dtype.itemsize - bits
    limits = steps.new_tensor([-most, most - 1, 2.0**shift]).expand(len(steps), 3)
    y = torch.empty(steps.shape, dtype=dtype)
    over_rows(_round_rows, steps, draws, limits, y)
    return y, ()


@loop
def _round_rows(steps, draws, limits, y):
    real = steps.dtype.type
    for row in range(len(steps)):
        least, most, unit = limits[row]
        for n in range(steps.shape[1]):
            noise = 2.0**-15 * ((draws[row, n] & 0x7FFF) - (draws[row, n] >> 16))
            nearest = np.rint(real(steps[row, n] + real(noise)))
            y[row, n] = unit * min(max(nearest, least), most)
