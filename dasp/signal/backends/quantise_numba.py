"""Rounding with dither in one compiled pass."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._rows import array_of, over_range

CHUNK = 256
"""Samples whose noise is drawn at once, and stays in the cache."""

loop = compiled(error_model="numpy")
part = compiled(error_model="numpy", kept=False)


def rounded(keep: bool, x: Tensor, keys: Tensor, bits: int, dither: bool) -> tuple[Tensor, tuple]:
    rows, row_keys = array_of(x), array_of(keys)
    y = np.empty(rows.shape, np.int16 if bits <= 16 else np.int32)
    most = 2.0 ** (bits - 1)
    limits = np.array([-most, most - 1, 2.0 ** (8 * y.itemsize - bits)], rows.dtype)
    noisy = dither and not _is_on_steps(rows, most)
    loop = partial(_round_rows, rows, row_keys, limits, noisy, y)
    over_range(loop, len(rows), rows.size)
    return torch.from_numpy(y), ()


@loop
def _is_on_steps(x, most):
    for row in range(len(x)):
        for n in range(x.shape[1]):
            steps = x[row, n] * most
            if steps != np.rint(steps):
                return False
    return True


@loop
def _round_rows(x, keys, limits, noisy, y, first, last):
    draws = np.empty((2, CHUNK), np.uint64)
    for row in range(first, last):
        drawn = np.uint64(keys[row])
        for start in range(0, x.shape[1], CHUNK):
            now = slice(start, start + CHUNK)
            if noisy:
                drawn = _draw(drawn, draws)
                _round_with_noise(x[row, now], draws.view(np.float64), limits, y[row, now])
            else:
                _round(x[row, now], limits, y[row, now])


@part
def _draw(drawn, draws):
    """Both halves of the next 64 random bits of a row, each as the bits of the float 2^52 + half.

    So no integer is converted, for which processors have no instruction that takes several.
    """
    for n in range(draws.shape[1]):
        drawn += np.uint64(0x9E3779B97F4A7C15)
        z = (drawn ^ (drawn >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        draws[0, n] = (z & np.uint64(0xFFFFFFFF)) | np.uint64(0x4330000000000000)
        draws[1, n] = (z >> np.uint64(32)) | np.uint64(0x4330000000000000)
    return drawn


@part
def _round_with_noise(x, draws, limits, y):
    real = x.dtype.type
    least, most, unit = limits
    for n in range(len(x)):
        noise = real(2.0**-32 * (draws[0, n] - draws[1, n]))
        nearest = np.rint(real(-least * x[n] + noise))
        nearest = nearest if nearest > least else least
        y[n] = unit * (nearest if nearest < most else most)


@part
def _round(x, limits, y):
    least, most, unit = limits
    for n in range(len(x)):
        nearest = np.rint(-least * x[n])
        nearest = nearest if nearest > least else least
        y[n] = unit * (nearest if nearest < most else most)
