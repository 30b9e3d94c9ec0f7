"""The gain reduction of the limiter, compiled, and its adjoint; see `dasp.functional.limiter`."""

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._rows import fresh, over_rows
from dasp.signal.backends.dynamics_numba import CHUNK, level_back, level_scale, loop, to_level

CEILING, RELEASE = 0, 1
"""Columns of the values of a row, and of their gradients."""


def limiting_db(
    keep: bool, key: Tensor, ceiling_db: Tensor, release: Tensor, window: int
) -> tuple[Tensor, tuple]:
    y = fresh(key, key.shape[0], key.shape[2])
    p = torch.stack((ceiling_db.double(), release.double()), 1)
    over_rows(_limit_rows, key, p, level_scale(key), torch.full((len(key),), window), y)
    return y, ()


def limiting_db_adjoint(
    grad: Tensor, key: Tensor, ceiling_db: Tensor, release: Tensor, window: int
) -> tuple[Tensor, ...]:
    d_key = torch.zeros_like(key, memory_format=torch.contiguous_format)
    p = torch.stack((ceiling_db.double(), release.double()), 1)
    windows, sums = torch.full((len(key),), window), torch.zeros_like(p)
    over_rows(_limit_rows_back, grad, key, p, level_scale(key), windows, d_key, sums)
    return d_key, sums[:, CEILING].to(ceiling_db.dtype), sums[:, RELEASE].to(release.dtype)


@loop
def _limit_rows(key, p, scale, windows, y):
    forgotten = np.empty(0, np.int32), np.empty(0, y.dtype), np.empty(0, y.dtype)
    for row in range(len(key)):
        _excess(key[row], p[row, CEILING], scale[row], y[row])
        _cover(y[row], p[row, RELEASE], windows[row], *forgotten)


@loop
def _limit_rows_back(grad, key, p, scale, windows, d_key, sums):
    for row in range(len(key)):
        time, window, r = key.shape[2], windows[row], p[row, RELEASE]
        steps = time + window - 1 if time else 0
        at = np.empty(steps, np.int32)
        wanted, held = np.empty(steps, key.dtype), np.empty(steps, key.dtype)
        d_level_db = np.empty(time, key.dtype)
        _excess(key[row], p[row, CEILING], scale[row], d_level_db)
        _cover(d_level_db, r, window, at, wanted, held)

        d_level_db[:] = 0
        over_window, later = 0.0, 0.0
        for m in range(steps - 1, -1, -1):
            # held[m] counts in the means from n = m - window + 1 to m.
            if m >= window - 1:
                over_window += grad[row, m - window + 1]
            if m + 1 < time:
                over_window -= grad[row, m + 1]
            adjoint = over_window / window + later
            last = held[m - 1] if m else 0.0
            target = 0.0 if wanted[m] < 0 else wanted[m]
            if target > last:
                d_wanted, later = adjoint, 0.0
            else:
                d_wanted, later = (1 - r) * adjoint, r * adjoint
                sums[row, RELEASE] += adjoint * (last - target)
            if wanted[m] >= 0:
                d_level_db[at[m]] += d_wanted
                sums[row, CEILING] -= d_wanted

        for start in range(0, time, CHUNK):
            level_back(d_level_db[start : start + CHUNK], key[row], start, scale[row], d_key[row])


@loop
def _excess(key, ceiling_db, scale, excess_db):
    for start in range(0, len(excess_db), CHUNK):
        now = excess_db[start : start + CHUNK]
        to_level(key, start, scale, now)
        for n in range(len(now)):
            now[n] -= ceiling_db


@loop
def _cover(x, r, window, at, wanted, held):
    """Put the smooth curve over `x` and 0 in the place of `x`; note what it is made from, if asked.

    Step m hears of x[m], and then knows what the curve must cover at n = m - window + 1.
    """
    size = 1
    while size <= window:
        size *= 2
    here = size - 1  # `i & here` is the place of i in a ring of this size
    # The samples of the window that are larger than all after them, so the first is the largest.
    candidates, values = np.empty(size, np.int32), np.empty(size)
    first, end = 0, 0
    past, last, total = np.zeros(size), 0.0, 0.0
    for m in range(len(x) + window - 1):
        if m < len(x):
            while end > first and values[(end - 1) & here] <= x[m]:
                end -= 1
            candidates[end & here], values[end & here] = m, x[m]
            end += 1
        if candidates[first & here] == m - window:
            first += 1
        loudest = values[first & here]
        target = 0.0 if loudest < 0 else loudest
        last = max(target, r * last + (1 - r) * target)
        total += last - past[(m - window) & here]
        past[m & here] = last
        if len(at):
            at[m], wanted[m], held[m] = candidates[first & here], loudest, last
        if m >= window - 1:
            x[m - window + 1] = total / window
