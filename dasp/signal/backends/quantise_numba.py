"""Rounding with dither in one compiled pass."""

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._rows import over_rows

loop = compiled(error_model="numpy")
part = compiled(error_model="numpy", kept=False)


def rounded(keep: bool, x: Tensor, keys: Tensor, bits: int, dither: bool) -> tuple[Tensor, tuple]:
    dtype = torch.int16 if bits <= 16 else torch.int32
    most, unit = 2.0 ** (bits - 1), 2.0 ** (8 * dtype.itemsize - bits)
    if dither:
        dither = not _is_on_steps(x.contiguous().numpy(), most)
    limits = x.new_tensor([-most, most - 1, unit, dither]).expand(len(x), 4)
    y = torch.empty(x.shape, dtype=dtype)
    over_rows(_round_rows, x, keys, limits, y)
    return y, ()


@loop
def _is_on_steps(x, most):
    for row in range(len(x)):
        for n in range(x.shape[1]):
            steps = x[row, n] * most
            if steps != np.rint(steps):
                return False
    return True


@loop
def _round_rows(x, keys, limits, y):
    for row in range(len(x)):
        least, most, unit, dither = limits[row]
        if dither:
            _round_with_noise(x[row], np.uint64(keys[row]), least, most, unit, y[row])
        else:
            for n in range(x.shape[1]):
                y[row, n] = unit * min(max(np.rint(-least * x[row, n]), least), most)


@part
def _round_with_noise(x, key, least, most, unit, y):
    real = x.dtype.type
    for n in range(len(x)):
        z = key + np.uint64(0x9E3779B97F4A7C15) * np.uint64(n + 1)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        difference = np.int64(z & np.uint64(0xFFFFFFFF)) - np.int64(z >> np.uint64(32))
        noise = real(2.0**-32 * difference)
        nearest = np.rint(real(-least * x[n] + noise))
        y[n] = unit * min(max(nearest, least), most)
