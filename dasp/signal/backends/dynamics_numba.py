"""The gain computer of dynamics processors, compiled, each step with its adjoint.

Every function of tensors stands in for the one of the same name in `dasp.signal.gain_computer` or
`dasp.signal.ballistics`, which says what it computes. The loops take a row in chunks that stay in
the cache. Magnitudes and gains, next to the signals, have the type of the signals; levels, and what
lasts from one sample to the next, are float64. Only the smoother has to wait for the sample before.
All else is in loops of its own, which read one array and write another, so that a compiler takes
many samples at once: the more, the narrower their type.

The values of a row are a line of `p`, a column each; their gradients are the same line of `sums`.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._log_exp_numba import exp2, log2, log2_parts
from dasp.signal.backends._rows import fresh, over_rows
from dasp.signal.backends.dynamics_values import COLUMNS, Curve, Output, Smoother, grouped
from dasp.units import SILENCE_DB

CHUNK = 2048
SINGLE = np.dtype(np.float32)
TOGETHER = 4
"""Rows that are smoothed at once."""
LOG2_E = math.log2(math.e)
PER_DB = math.log(10) / 20
OCTAVES_PER_DB = math.log2(10) / 20

THRESHOLD, KNEE = COLUMNS.index("threshold_db"), COLUMNS.index("knee_db")
SLOPE, RANGE = COLUMNS.index("slope"), COLUMNS.index("range_db")
ATTACK, RELEASE = COLUMNS.index("attack"), COLUMNS.index("release")
START = COLUMNS.index("start")
MAKEUP, MIX = COLUMNS.index("makeup_gain_db"), COLUMNS.index("mix")

loop = compiled(error_model="numpy", fastmath={"contract", "reassoc"})
"""Sums may be taken in any order, and so many terms at once.

So may products: the product with the inverse of a constant becomes a division, which is slow,
unless the inverse has gone through another operation first, such as `min`.
"""

part = compiled(error_model="numpy", fastmath={"contract", "reassoc"}, kept=False)
"""The same for what these loops are made of."""


def ballistics(keep: bool, x: Tensor, *values: Tensor) -> tuple[Tensor, tuple]:
    y = fresh(x)
    over_rows(_follow_rows, x, _columns(Smoother(*values)), y)
    return y, (y,)


def ballistics_adjoint(grad: Tensor, y: Tensor, x: Tensor, *values: Tensor):
    smoother = Smoother(*values)
    p = _columns(smoother)
    dx, sums = fresh(y), torch.zeros_like(p)
    over_rows(_follow_rows_back, grad, y, x, p, dx, sums)
    return dx, *_gradients(sums, smoother)


def reduction_db(keep: bool, key: Tensor, *values) -> tuple[Tensor, tuple]:
    curve, smoother, (db_per_decade, sign) = grouped(values, Curve, Smoother)
    y = fresh(key, key.shape[0], key.shape[2])
    scale = level_scale(key, db_per_decade, sign)
    over_rows(_reduce_rows, key, _columns(curve, smoother), scale, y)
    return y, (y,)


def reduction_db_adjoint(grad: Tensor, y: Tensor, key: Tensor, *values):
    curve, smoother, (db_per_decade, sign) = grouped(values, Curve, Smoother)
    p = _columns(curve, smoother)
    d_key, sums = _zeros_like(key), torch.zeros_like(p)
    scale = level_scale(key, db_per_decade, sign)
    over_rows(_reduce_rows_back, grad, y, key, p, scale, d_key, sums)
    return d_key, *_gradients(sums, curve, smoother)


def amplified(keep: bool, x: Tensor, reduction_db: Tensor, *values: Tensor) -> tuple[Tensor, tuple]:
    y = fresh(x)
    over_rows(_amplify_rows, x, reduction_db, _columns(Output(*values)), y)
    return y, ()


def amplified_adjoint(grad: Tensor, x: Tensor, reduction_db: Tensor, *values: Tensor):
    output = Output(*values)
    p = _columns(output)
    dx, d_reduction_db, sums = _zeros_like(x), fresh(reduction_db), torch.zeros_like(p)
    over_rows(_amplify_rows_back, grad, x, reduction_db, p, dx, d_reduction_db, sums)
    return dx, d_reduction_db, *_gradients(sums, output)


def compressed(keep: bool, x: Tensor, *values) -> tuple[Tensor, tuple]:
    *groups, (sign,) = grouped(values, Curve, Smoother, Output)
    y = fresh(x)
    reduction_db = fresh(x, x.shape[0], x.shape[2] if keep else 0)
    p, scale = _columns(*groups), level_scale(x, sign=sign)
    over_rows(_compress_rows, x, p, scale, reduction_db, y)
    return y, (reduction_db, p)


def compressed_adjoint(grad: Tensor, reduction_db: Tensor, p: Tensor, x: Tensor, *values):
    *groups, (sign,) = grouped(values, Curve, Smoother, Output)
    dx, sums = fresh(x), torch.zeros_like(p)
    scale = level_scale(x, sign=sign)
    over_rows(_compress_rows_back, grad, reduction_db, x, p, scale, dx, sums)
    return dx, *_gradients(sums, *groups)


def _columns(*groups: Curve | Smoother | Output) -> Tensor:
    """A row of values in the order of `COLUMNS`; what is in no group is never read."""
    given = {name: value for group in groups for name, value in group._asdict().items()}
    unread = next(iter(given.values()))
    return torch.stack([given.get(name, unread) for name in COLUMNS], 1).double()


def _gradients(sums: Tensor, *groups: Curve | Smoother | Output) -> list[Tensor]:
    """The gradients of the values of some groups, one after the other, in their types."""
    return [
        sums[:, COLUMNS.index(name)].to(value.dtype)
        for group in groups
        for name, value in group._asdict().items()
    ]


def _zeros_like(x: Tensor) -> Tensor:
    return torch.zeros_like(x, memory_format=torch.contiguous_format)


def level_scale(key: Tensor, db_per_decade: float = 20.0, sign: float = 1.0) -> Tensor:
    """The smallest magnitude, dB per octave, and the sign beyond a threshold, for each row."""
    return _scale(key.dtype, db_per_decade, sign).expand(len(key), 3)


@lru_cache
def _scale(dtype: torch.dtype, db_per_decade: float, sign: float) -> Tensor:
    floor = 10 ** (SILENCE_DB / db_per_decade)
    # The smallest magnitude is a number of the type of the key, as in the portable form.
    floor = torch.tensor(floor, dtype=dtype).item()
    scale = [floor, db_per_decade * math.log10(2), sign]
    return torch.tensor(scale, dtype=torch.float64)


# -- rows, in chunks ------------------------------------------------------------------------


@loop
def _follow_rows(x, p, y):
    work = np.empty((TOGETHER, CHUNK))
    for rows in _together(len(x)):
        last = p[rows, START].copy()
        for start in range(0, x.shape[1], CHUNK):
            _fetch(x, rows, start, work)
            _follow(work, min(CHUNK, x.shape[1] - start), p[rows], last)
            _deliver(work, rows, start, y)


@loop
def _follow_rows_back(grad, y, x, p, dx, sums):
    work = np.empty((2, TOGETHER, CHUNK))
    for rows in _together(len(x)):
        later = np.zeros(TOGETHER)
        for start in _starts_from_the_last(x.shape[1]):
            _fetch(grad, rows, start, work[0])
            _fetch(x, rows, start, work[1])
            _follow_back(work[0], y, rows, start, work[1], p, later)
            for row in range(rows.start, rows.stop):
                k, size = row - rows.start, min(CHUNK, x.shape[1] - start)
                _learn(work[0, k, :size], work[1, k], p[row], sums[row])
            _deliver(work[1], rows, start, dx)
        _keep_start(later, rows, sums)


@loop
def _reduce_rows(key, p, scale, y):
    work = np.empty((TOGETHER, CHUNK))
    for rows in _together(len(key)):
        last = p[rows, START].copy()
        for start in range(0, key.shape[2], CHUNK):
            _reduce(key, rows, start, p, scale, last, work)
            _deliver(work, rows, start, y)


@loop
def _reduce_rows_back(grad, y, key, p, scale, d_key, sums):
    work, d_reduction_db = np.empty((2, TOGETHER, CHUNK)), np.empty((TOGETHER, CHUNK))
    for rows in _together(len(key)):
        later = np.zeros(TOGETHER)
        for start in _starts_from_the_last(key.shape[2]):
            _fetch(grad, rows, start, d_reduction_db)
            _reduce_back(d_reduction_db, y, key, rows, start, p, scale, later, work, d_key, sums)
        _keep_start(later, rows, sums)


@loop
def _amplify_rows(x, reduction_db, p, y):
    for row in range(len(x)):
        for start in range(0, x.shape[2], CHUNK):
            now = slice(start, start + CHUNK)
            _amplify(x[row], start, reduction_db[row, now], p[row], y[row])


@loop
def _amplify_rows_back(grad, x, reduction_db, p, dx, d_reduction_db, sums):
    for row in range(len(x)):
        for start in range(0, x.shape[2], CHUNK):
            now = slice(start, start + CHUNK)
            _amplify_back(
                grad[row], x[row], start, reduction_db[row, now], p[row],
                dx[row], d_reduction_db[row, now], sums[row],
            )  # fmt: skip


@loop
def _compress_rows(x, p, scale, reduction_db, y):
    """Writes the gain reduction too, where `reduction_db` has room for it."""
    work = np.empty((TOGETHER, CHUNK))
    for rows in _together(len(x)):
        last = p[rows, START].copy()
        for start in range(0, x.shape[2], CHUNK):
            _reduce(x, rows, start, p, scale, last, work)
            if reduction_db.shape[1]:
                _deliver(work, rows, start, reduction_db)
            for k in range(rows.stop - rows.start):
                row, reduction = rows.start + k, work[k, : x.shape[2] - start]
                _amplify(x[row], start, reduction, p[row], y[row])


@loop
def _compress_rows_back(grad, reduction_db, x, p, scale, dx, sums):
    work, d_reduction_db = np.empty((2, TOGETHER, CHUNK)), np.empty((TOGETHER, CHUNK))
    for rows in _together(len(x)):
        later = np.zeros(TOGETHER)
        for start in _starts_from_the_last(x.shape[2]):
            for k in range(rows.stop - rows.start):
                row = rows.start + k
                reduction = reduction_db[row, start : start + CHUNK]
                _amplify_back(
                    grad[row], x[row], start, reduction, p[row],
                    dx[row], d_reduction_db[k, : len(reduction)], sums[row],
                )  # fmt: skip
            _reduce_back(
                d_reduction_db, reduction_db, x, rows, start, p, scale, later, work, dx, sums
            )
        _keep_start(later, rows, sums)


@part
def _together(rows):
    """Slices of the rows that are smoothed together."""
    return [slice(first, min(first + TOGETHER, rows), 1) for first in range(0, rows, TOGETHER)]


@part
def _starts_from_the_last(time):
    return range((time - 1) // CHUNK * CHUNK, -1, -CHUNK)


@part
def _keep_start(later, rows, sums):
    for row in range(rows.start, rows.stop):
        sums[row, START] = later[row - rows.start]


# -- one chunk of some rows -----------------------------------------------------------------
#
# `work` has a line of one chunk for each row; signals come whole, with where the chunk starts.


@part
def _fetch(x, rows, start, work):
    for row in range(rows.start, rows.stop):
        from_, to = x[row, start : start + CHUNK], work[row - rows.start]
        for n in range(len(from_)):
            to[n] = from_[n]


@part
def _deliver(work, rows, start, y):
    for row in range(rows.start, rows.stop):
        from_, to = work[row - rows.start], y[row, start : start + CHUNK]
        for n in range(len(to)):
            to[n] = from_[n]


@part
def _reduce(key, rows, start, p, scale, last, work):
    """From the key to the smooth gain reduction, in `work`; `last` is that of the sample before."""
    size = min(CHUNK, key.shape[2] - start)
    level_db = np.empty(size)
    for row in range(rows.start, rows.stop):
        to_level(key[row], start, scale[row], level_db)
        _curve(level_db, p[row], scale[row], work[row - rows.start])
    _follow(work, size, p[rows], last)


@part
def _reduce_back(d_reduction_db, y, key, rows, start, p, scale, later, work, d_key, sums):
    """Adds to the gradient of the key. `later` is the gradient that reaches the chunk before."""
    size = min(CHUNK, key.shape[2] - start)
    levels, targets, d_level_db = work[0], work[1], np.empty(size, key.dtype)
    for row in range(rows.start, rows.stop):
        level = levels[row - rows.start, :size]
        to_level(key[row], start, scale[row], level)
        _curve(level, p[row], scale[row], targets[row - rows.start])
    _follow_back(d_reduction_db, y, rows, start, targets, p, later)
    for row in range(rows.start, rows.stop):
        level, target = levels[row - rows.start, :size], targets[row - rows.start]
        _learn(d_reduction_db[row - rows.start, :size], target, p[row], sums[row])
        _curve_back(target, level, p[row], scale[row], d_level_db, sums[row])
        level_back(d_level_db, key[row], start, scale[row], d_key[row])


@part
def _follow(x, size, p, last):
    """Smooth each line of `x` in place, from `last` on."""
    for k in range(len(last)):
        last[k] *= abs(last[k]) >= 1e-30  # arithmetic with denormal numbers is slow
    if len(last) == TOGETHER:
        _follow_four(x[0, :size], x[1, :size], x[2, :size], x[3, :size], p, last)
    else:
        for k in range(len(last)):
            line, y, attack, release = x[k], last[k], p[k, ATTACK], p[k, RELEASE]
            for n in range(size):
                y = _next(line[n], y, attack, release)
                line[n] = y
            last[k] = y


@part
def _follow_four(x0, x1, x2, x3, p, last):
    """A sample waits for the one before it; the processor works on three other rows meanwhile."""
    a0, a1, a2, a3 = p[0, ATTACK], p[1, ATTACK], p[2, ATTACK], p[3, ATTACK]
    r0, r1, r2, r3 = p[0, RELEASE], p[1, RELEASE], p[2, RELEASE], p[3, RELEASE]
    y0, y1, y2, y3 = last[0], last[1], last[2], last[3]
    for n in range(len(x0)):
        y0 = _next(x0[n], y0, a0, r0)
        y1 = _next(x1[n], y1, a1, r1)
        y2 = _next(x2[n], y2, a2, r2)
        y3 = _next(x3[n], y3, a3, r3)
        x0[n], x1[n], x2[n], x3[n] = y0, y1, y2, y3
    last[0], last[1], last[2], last[3] = y0, y1, y2, y3


@part
def _next(x, last, attack, release):
    rise, fall = attack * last + (1 - attack) * x, release * last + (1 - release) * x
    return rise if x > last else fall


@part
def _follow_back(grad, y, rows, start, x, p, later):
    """Backwards through the smoother: `grad` by each y becomes the gradient through all later y.

    `x` becomes how far it lies below the y before it. `later` is the gradient from the next chunk.
    """
    size = min(CHUNK, y.shape[1] - start)
    for row in range(rows.start, rows.stop):
        before = y[row, start - 1] if start else p[row, START]
        _drop(x[row - rows.start], y[row, start : start + size], before)
    if len(later) == rows.stop - rows.start:
        g0, g1, g2, g3 = grad[0, :size], grad[1, :size], grad[2, :size], grad[3, :size]
        _return_four(g0, g1, g2, g3, x[0], x[1], x[2], x[3], p[rows], later)
    else:
        for row in range(rows.start, rows.stop):
            k = row - rows.start
            g, drop, attack, release = grad[k], x[k], p[row, ATTACK], p[row, RELEASE]
            for n in range(size - 1, -1, -1):
                g[n], later[k] = _previous(g[n], later[k], drop[n], attack, release)


@part
def _drop(x, y, before):
    """How far `x` lies below the y before it, in place; y rises where that is negative."""
    x[0] = before - x[0]
    now, last = x[1:], y[:-1]
    for n in range(len(last)):
        now[n] = last[n] - now[n]


@part
def _return_four(g0, g1, g2, g3, d0, d1, d2, d3, p, later):
    a0, a1, a2, a3 = p[0, ATTACK], p[1, ATTACK], p[2, ATTACK], p[3, ATTACK]
    r0, r1, r2, r3 = p[0, RELEASE], p[1, RELEASE], p[2, RELEASE], p[3, RELEASE]
    l0, l1, l2, l3 = later[0], later[1], later[2], later[3]
    for n in range(len(g0) - 1, -1, -1):
        g0[n], l0 = _previous(g0[n], l0, d0[n], a0, r0)
        g1[n], l1 = _previous(g1[n], l1, d1[n], a1, r1)
        g2[n], l2 = _previous(g2[n], l2, d2[n], a2, r2)
        g3[n], l3 = _previous(g3[n], l3, d3[n], a3, r3)
    later[0], later[1], later[2], later[3] = l0, l1, l2, l3


@part
def _previous(grad, later, drop, attack, release):
    pole = attack if drop < 0 else release
    return grad + later, pole * grad + pole * later


@part
def _learn(adjoint, drop, p, sums):
    """Add up the gradients of the poles; `drop` becomes the gradient of x."""
    d_attack, d_release, attack, release = 0.0, 0.0, p[ATTACK], p[RELEASE]
    for n in range(len(adjoint)):
        rises, by_pole = drop[n] < 0, adjoint[n] * drop[n]
        d_attack += by_pole if rises else 0.0
        d_release += 0.0 if rises else by_pole
        drop[n] = (1 - (attack if rises else release)) * adjoint[n]
    sums[ATTACK] += d_attack
    sums[RELEASE] += d_release


# -- one chunk of one row -------------------------------------------------------------------
#
# Signals of several channels come as the whole row, with where the chunk starts.


@part
def to_level(key, start, scale, level_db):
    """The level of the loudest channel."""
    loudest = _loudest(key, start, len(level_db))
    floor, db_per_octave = key.dtype.type(scale[0]), scale[1]
    if key.dtype == SINGLE:
        whole, rest = np.empty_like(loudest), loudest
        for n in range(len(loudest)):
            whole[n], rest[n] = log2_parts(floor if loudest[n] < floor else loudest[n])
        for n in range(len(loudest)):
            level_db[n] = db_per_octave * (np.float64(whole[n]) + rest[n])
    else:
        for n in range(len(loudest)):
            level_db[n] = db_per_octave * log2(floor if loudest[n] < floor else loudest[n])


@part
def _loudest(key, start, size):
    loudest = np.zeros(size, key.dtype)
    for channel in range(len(key)):
        signal = key[channel, start:]
        for n in range(size):
            size_n = abs(signal[n])
            loudest[n] = loudest[n] if loudest[n] >= size_n else size_n
    return loudest


@part
def level_back(d_level_db, key, start, scale, d_key):
    """Add to the gradient of the key. Channels that are equally loud share it."""
    loudest, number = _loudest(key, start, len(d_level_db)), key.dtype.type
    floor, db_per_log = number(scale[0]), number(scale[1] * LOG2_E)
    nothing, half, one = number(0), number(0.5), number(1)
    for n in range(len(loudest)):
        per_size = db_per_log * (one / loudest[n])
        d_level_db[n] = nothing if loudest[n] < floor else per_size * d_level_db[n]
    if len(key) == 2:
        left, right = key[0, start:], key[1, start:]
        for n in range(len(loudest)):
            d_level_db[n] *= half if abs(left[n]) == abs(right[n]) else one
    elif len(key) > 2:
        for n in range(len(loudest)):
            ties = 0
            for channel in range(len(key)):
                ties += abs(key[channel, start + n]) == loudest[n]
            d_level_db[n] /= ties
    for channel in range(len(key)):
        signal, d_signal = key[channel, start:], d_key[channel, start:]
        for n in range(len(loudest)):
            change = d_level_db[n] if signal[n] > nothing else -d_level_db[n]
            d_signal[n] += change if abs(signal[n]) == loudest[n] else nothing


@part
def _curve(level_db, p, scale, target_db):
    """The gain reduction that a level asks for: slope times soft knee, up to the range."""
    threshold, slope, range_db, sign = p[THRESHOLD], p[SLOPE], p[RANGE], scale[2]
    half, bend = p[KNEE] / 2, min(0.5 / p[KNEE], 5e5)
    for n in range(len(level_db)):
        over = sign * (level_db[n] - threshold)
        into = 0.0 if over < -half else over + half
        value = over if over >= half else bend * into * into
        wanted = slope * value
        target_db[n] = range_db if wanted > range_db else wanted


@part
def _curve_back(d_target_db, level_db, p, scale, d_level_db, sums):
    threshold, slope, range_db, sign = p[THRESHOLD], p[SLOPE], p[RANGE], scale[2]
    half, per_knee = p[KNEE] / 2, min(1 / p[KNEE], 1e6)
    d_over_all, d_slope, d_knee, d_range = 0.0, 0.0, 0.0, 0.0
    for n in range(len(d_level_db)):
        over = sign * (level_db[n] - threshold)
        into = 0.0 if over < -half else over + half
        above = over >= half
        share = 1.0 if above else into * per_knee
        value = over if above else into * share / 2
        d_target = 0.0 if slope * value > range_db else d_target_db[n]
        d_range += d_target_db[n] - d_target
        d_slope += value * d_target
        d_over = slope * d_target * share
        d_knee += d_over * (1 - share) / 2
        d_over_all += d_over
        d_level_db[n] = sign * d_over
    sums[THRESHOLD] -= sign * d_over_all
    sums[SLOPE] += d_slope
    sums[KNEE] += d_knee
    sums[RANGE] += d_range


@part
def _gain(reduction_db, p, gain, through):
    """The gain of the compressed signal, and that of dry and compressed together."""
    wet, dry, to_single = p[MIX], 1 - p[MIX], through.dtype == SINGLE
    for n in range(len(gain)):
        gain[n] = exp2(OCTAVES_PER_DB * (p[MAKEUP] - reduction_db[n]), to_single)
        through[n] = dry + wet * gain[n]


@part
def _amplify(x, start, reduction_db, p, y):
    gain, through = np.empty(len(reduction_db)), np.empty(len(reduction_db), x.dtype)
    _gain(reduction_db, p, gain, through)
    for channel in range(len(x)):
        from_, to = x[channel, start:], y[channel, start:]
        for n in range(len(through)):
            to[n] = through[n] * from_[n]


@part
def _amplify_back(grad, x, start, reduction_db, p, dx, d_reduction_db, sums):
    gain, through = np.empty(len(reduction_db)), np.empty(len(reduction_db), x.dtype)
    _gain(reduction_db, p, gain, through)
    d_through, wet, d_makeup, d_mix = np.zeros_like(through), p[MIX], 0.0, 0.0
    for channel in range(len(x)):
        g, signal, d_signal = grad[channel, start:], x[channel, start:], dx[channel, start:]
        for n in range(len(through)):
            d_signal[n] = through[n] * g[n]
        for n in range(len(through)):
            d_through[n] += g[n] * signal[n]
    for n in range(len(gain)):
        by_gain = d_through[n] * gain[n]
        d_makeup += by_gain
        d_mix += by_gain - d_through[n]
        d_reduction_db[n] = -PER_DB * wet * by_gain
    sums[MAKEUP] += PER_DB * wet * d_makeup
    sums[MIX] += d_mix
