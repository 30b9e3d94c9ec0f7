"""The gain reduction of the limiter, compiled, and its adjoint; see `dasp.functional.limiter`."""

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._rows import fresh, over_rows
from dasp.signal.backends.dynamics_numba import (
    CHUNK,
    level_back,
    level_scale,
    loop,
    part,
    to_level,
)

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


@part
def _excess(key, ceiling_db, scale, excess_db):
    for start in range(0, len(excess_db), CHUNK):
        now = excess_db[start : start + CHUNK]
        to_level(key, start, scale, now)
        for n in range(len(now)):
            now[n] -= ceiling_db


@part
def _cover(x, r, window, at, wanted, held):
    """Put the smooth curve over `x` and 0 in the place of `x`; note what it is made from, if asked.

    Step m hears of x[m], and then knows what the curve must cover at n = m - window + 1. The steps
    go by blocks of a window. The window of a step begins in the block before and ends in its own,
    so that its largest sample is the largest from there to the end of the one, or from the start of
    the other (M. van Herk, "A fast algorithm for local minimum and maximum filters on rectangular
    and octagonal kernels", 1992). Of samples that are equal the last counts.
    """
    time, steps, number = len(x), len(x) + window - 1, x.dtype.type
    before, before_at = np.full(window, number(-np.inf)), np.zeros(window, np.int32)
    now, now_at = np.empty(window, x.dtype), np.empty(window, np.int32)
    past, last, total = np.zeros(window), 0.0, 0.0
    for start in range(0, steps, window):
        largest, place = number(-np.inf), 0
        for j in range(window - 1, -1, -1):
            if start + j < time and not largest >= x[start + j]:
                largest, place = x[start + j], start + j
            now[j], now_at[j] = largest, place
        largest, place = number(-np.inf), 0
        for m in range(start, min(start + window, steps)):
            j = m - start
            if m < time and not largest > x[m]:
                largest, place = x[m], m
            loudest, loudest_at = largest, place
            if j + 1 < window and before[j + 1] > largest:
                loudest, loudest_at = before[j + 1], before_at[j + 1]
            target = 0.0 if loudest < 0 else np.float64(loudest)
            last = max(target, r * last + (1 - r) * target)
            total += last - past[j]
            past[j] = last
            if len(at):
                at[m], wanted[m], held[m] = loudest_at, loudest, last
            if m >= window - 1:
                x[m - window + 1] = total / window
        before, before_at, now, now_at = now, now_at, before, before_at
