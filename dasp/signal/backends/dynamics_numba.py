"""The gain computer of dynamics processors, compiled, each step with its adjoint.

Every function of tensors stands in for the one of the same name in `dasp.signal.gain_computer` or
`dasp.signal.ballistics`, which says what it computes. The loops take a row in chunks that stay in
the cache. Magnitudes and gains, next to the signals, have the type of the signals, and so has all
of the adjoint; levels, and what lasts from one sample to the next, are float64. Only the smoother
has to wait for the sample before. All else is in loops of its own, which read a few arrays and
write another, so that a compiler takes many samples at once: the more, the narrower their type.

The values of a row are a line of `p`, a column each; their gradients are the same line of `sums`.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._log_exp_numba import exp2, gain_single, log2, log2_parts
from dasp.signal.backends._rows import array_of, fresh, over_rows
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
    d_key, sums = fresh(key), torch.zeros_like(p)
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
    dx, d_reduction_db, sums = fresh(x), fresh(reduction_db), torch.zeros_like(p)
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
    lines = np.zeros((len(groups[0][0]), len(COLUMNS)))
    for group in groups:
        for column, value in enumerate(group, COLUMNS.index(group._fields[0])):
            lines[:, column] = array_of(value)
    return torch.from_numpy(lines)


def _gradients(sums: Tensor, *groups: Curve | Smoother | Output) -> list[Tensor]:
    """The gradients of the values of some groups, one after the other, in their types."""
    return [
        sums[:, COLUMNS.index(name)].to(value.dtype)
        for group in groups
        for name, value in group._asdict().items()
    ]


def level_scale(key: Tensor, db_per_decade: float = 20.0, sign: float = 1.0) -> Tensor:
    """The smallest magnitude, dB per octave, and the sign beyond a threshold, for each row."""
    return _scale(key.dtype, db_per_decade, sign).expand(len(key), 3)


@lru_cache
@torch.inference_mode(False)  # what is kept may meet gradients later
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
    work, poles = np.empty((2, TOGETHER, CHUNK)), np.empty((2, TOGETHER, CHUNK))
    for rows in _together(len(x)):
        later = np.zeros(TOGETHER)
        for start in _starts_from_the_last(x.shape[1]):
            _fetch(grad, rows, start, work[0])
            _fetch(x, rows, start, work[1])
            _follow_back(work[0], y, rows, start, work[1], p, poles, later)
            for row in range(rows.start, rows.stop):
                k, size = row - rows.start, min(CHUNK, x.shape[1] - start)
                _learn(work[0, k, :size], poles[1, k], work[1, k], p[row], sums[row])
            _deliver(work[0], rows, start, dx)
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
    work, poles = np.empty((5, TOGETHER, CHUNK), key.dtype), np.empty((2, TOGETHER, CHUNK))
    for rows in _together(len(key)):
        later = np.zeros(TOGETHER)
        for start in _starts_from_the_last(key.shape[2]):
            _fetch(grad, rows, start, work[0])
            _reduce_back(work, y, key, rows, start, p, scale, poles, later, sums)
            for k in range(rows.stop - rows.start):
                row, size = rows.start + k, min(CHUNK, key.shape[2] - start)
                for channel in range(len(key[row])):
                    d_signal = d_key[row, channel, start : start + size]
                    d_signal[:] = 0
                    _add_change(key[row, channel, start:], work[1, k], work[0, k], d_signal)
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
            reduction = reduction_db[row, now]
            through = np.empty_like(reduction)
            _amplify_back(
                grad[row], x[row], start, reduction, p[row], through,
                d_reduction_db[row, now], sums[row],
            )  # fmt: skip
            for channel in range(len(x[row])):
                _pass(grad[row, channel, start:], through, dx[row, channel, now])


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
    work, poles = np.empty((5, TOGETHER, CHUNK), x.dtype), np.empty((2, TOGETHER, CHUNK))
    gains = np.empty((TOGETHER, CHUNK), x.dtype)
    for rows in _together(len(x)):
        later = np.zeros(TOGETHER)
        for start in _starts_from_the_last(x.shape[2]):
            for k in range(rows.stop - rows.start):
                row = rows.start + k
                reduction = reduction_db[row, start : start + CHUNK]
                _amplify_back(
                    grad[row], x[row], start, reduction, p[row],
                    gains[k, : len(reduction)], work[0, k], sums[row],
                )  # fmt: skip
            _reduce_back(work, reduction_db, x, rows, start, p, scale, poles, later, sums)
            for k in range(rows.stop - rows.start):
                row = rows.start + k
                for channel in range(len(x[row])):
                    _pass_both(
                        grad[row, channel, start:], gains[k], x[row, channel, start:], work[1, k],
                        work[0, k], dx[row, channel, start : start + CHUNK],
                    )  # fmt: skip
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
def _reduce_back(work, y, key, rows, start, p, scale, poles, later, sums):
    """From the gradient of the gain reduction, `work[0]`, to that of the loudest magnitude there.

    The loudest magnitude becomes `work[1]`. All is in the type of the key, but for the gradient
    that reaches the chunk before, `later`.
    """
    size = min(CHUNK, key.shape[2] - start)
    grads, loudest, wanted, over, shares = work[0], work[1], work[2], work[3], work[4]
    for row in range(rows.start, rows.stop):
        k = row - rows.start
        _find_loudest(key[row], start, loudest[k, :size])
        _curve_parts(loudest[k, :size], p[row], scale[row], wanted[k], over[k], shares[k])
    _follow_back(grads, y, rows, start, wanted, p, poles, later)
    for row in range(rows.start, rows.stop):
        k = row - rows.start
        grad = grads[k, :size]
        _learn(grad, poles[1, k], wanted[k], p[row], sums[row])
        _curve_back(grad, over[k], shares[k], p[row], scale[row], sums[row])
        _level_back(grad, loudest[k], key[row], start, scale[row])


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
def _follow_back(grad, y, rows, start, x, p, poles, later):
    """Backwards through the smoother: to `grad` by each y, what comes through all later y.

    That stands in `poles[1]` then. `x` becomes how far it lies below the y before it. `later` is
    the gradient from the next chunk.
    """
    size = min(CHUNK, y.shape[1] - start)
    pole, pushed = poles[0], poles[1]
    for row in range(rows.start, rows.stop):
        k = row - rows.start
        _drop(x[k], y[row, start : start + size], y[row, start - 1] if start else p[row, START])
        _push(grad[k, :size], x[k], p[row], pole[k], pushed[k])
    if len(later) == rows.stop - rows.start:
        g0, g1, g2, g3 = pushed[0, :size], pushed[1, :size], pushed[2, :size], pushed[3, :size]
        _return_four(g0, g1, g2, g3, pole[0], pole[1], pole[2], pole[3], later)
    else:
        for k in range(rows.stop - rows.start):
            g, poles_k, last = pushed[k], pole[k], later[k]
            for n in range(size - 1, -1, -1):
                g[n], last = last, poles_k[n] * last + g[n]
            later[k] = last


@part
def _drop(x, y, before):
    """How far `x` lies below the y before it, in place; y rises where that is negative."""
    x[0] = x.dtype.type(before) - x[0]
    now, last = x[1:], y[:-1]
    for n in range(len(last)):
        now[n] = last[n] - now[n]


@part
def _push(grad, drop, p, pole, pushed):
    """The pole of each sample, and what its gradient alone leaves for the sample before."""
    attack, release = p[ATTACK], p[RELEASE]
    for n in range(len(grad)):
        pole[n] = attack if drop[n] < 0 else release
    for n in range(len(grad)):
        pushed[n] = pole[n] * grad[n]


@part
def _return_four(g0, g1, g2, g3, p0, p1, p2, p3, later):
    """What is pushed becomes what comes from all later samples, one product after another.

    Numbers of float64 alone, without a choice: conversions and choices all want the same unit of
    the processor.
    """
    l0, l1, l2, l3 = later[0], later[1], later[2], later[3]
    for n in range(len(g0) - 1, -1, -1):
        n0, n1 = p0[n] * l0 + g0[n], p1[n] * l1 + g1[n]
        n2, n3 = p2[n] * l2 + g2[n], p3[n] * l3 + g3[n]
        g0[n], g1[n], g2[n], g3[n] = l0, l1, l2, l3
        l0, l1, l2, l3 = n0, n1, n2, n3
    later[0], later[1], later[2], later[3] = l0, l1, l2, l3


@part
def _learn(grad, later, drop, p, sums):
    """Add up the gradients of the poles; `grad` by y, and through `later` y, becomes that of x."""
    number = grad.dtype.type
    d_attack, d_release, nothing = number(0), number(0), number(0)
    rise, fall = number(1 - p[ATTACK]), number(1 - p[RELEASE])
    for n in range(len(grad)):
        adjoint = grad[n] + number(later[n])
        rises, by_pole = drop[n] < nothing, adjoint * drop[n]
        d_attack += by_pole if rises else nothing
        d_release += nothing if rises else by_pole
        grad[n] = (rise if rises else fall) * adjoint
    sums[ATTACK] += d_attack
    sums[RELEASE] += d_release


# -- one chunk of one row -------------------------------------------------------------------
#
# Signals of several channels come as the whole row, with where the chunk starts.


@part
def to_level(key, start, scale, level_db):
    """The level of the loudest channel."""
    loudest = np.empty(len(level_db), key.dtype)
    _find_loudest(key, start, loudest)
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
def _find_loudest(key, start, loudest):
    if len(key) == 2:
        left, right = key[0, start:], key[1, start:]
        for n in range(len(loudest)):
            one, other = abs(left[n]), abs(right[n])
            loudest[n] = one if one >= other else other
        return
    loudest[:] = 0
    for channel in range(len(key)):
        signal = key[channel, start:]
        for n in range(len(loudest)):
            size_n = abs(signal[n])
            loudest[n] = loudest[n] if loudest[n] >= size_n else size_n


@part
def level_back(d_level_db, key, start, scale, d_key):
    """Add to the gradient of the key. Channels that are equally loud share it."""
    loudest, size = np.empty(len(d_level_db), key.dtype), len(d_level_db)
    _find_loudest(key, start, loudest)
    _level_back(d_level_db, loudest, key, start, scale)
    for channel in range(len(key)):
        d_signal = d_key[channel, start : start + size]
        _add_change(key[channel, start:], loudest, d_level_db, d_signal)


@part
def _level_back(d_level_db, loudest, key, start, scale):
    """The gradient of the level becomes that of the magnitude of each channel that is loudest."""
    number = key.dtype.type
    floor, db_per_log = number(scale[0]), number(scale[1] * LOG2_E)
    nothing, half, one = number(0), number(0.5), number(1)
    for n in range(len(d_level_db)):
        per_size = db_per_log * (one / loudest[n])
        d_level_db[n] = nothing if loudest[n] < floor else per_size * d_level_db[n]
    if len(key) == 2:
        left, right = key[0, start:], key[1, start:]
        for n in range(len(d_level_db)):
            d_level_db[n] *= half if abs(left[n]) == abs(right[n]) else one
    elif len(key) > 2:
        for n in range(len(d_level_db)):
            ties = 0
            for channel in range(len(key)):
                ties += abs(key[channel, start + n]) == loudest[n]
            d_level_db[n] /= ties


@part
def _add_change(signal, loudest, d_size, d_signal):
    """Add what comes through the magnitude, to the channel that is the loudest."""
    nothing = signal.dtype.type(0)
    for n in range(len(d_signal)):
        change = d_size[n] if signal[n] > nothing else -d_size[n]
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
def _curve_parts(loudest, p, scale, wanted, over, shares):
    """The gain reduction that a magnitude asks for, and what its gradients are made of.

    `over` becomes the soft knee, and `shares` the slope of it.
    """
    number = loudest.dtype.type
    floor, db_per_octave, sign = number(scale[0]), number(scale[1]), number(scale[2])
    threshold, slope, range_db = number(p[THRESHOLD]), number(p[SLOPE]), number(p[RANGE])
    half_knee, per_knee = number(p[KNEE] / 2), number(min(1 / p[KNEE], 1e6))
    nothing, half, one = number(0), number(0.5), number(1)
    if loudest.dtype == SINGLE:
        for n in range(len(loudest)):
            over[n], shares[n] = log2_parts(floor if loudest[n] < floor else loudest[n])
    else:
        for n in range(len(loudest)):
            over[n], shares[n] = log2(floor if loudest[n] < floor else loudest[n]), 0
    for n in range(len(loudest)):
        level_db = db_per_octave * over[n] + db_per_octave * shares[n]
        beyond = sign * (level_db - threshold)
        into = nothing if beyond < -half_knee else beyond + half_knee
        above = beyond >= half_knee
        share = one if above else into * per_knee
        value = beyond if above else into * share * half
        over[n], shares[n] = value, share
        wanted[n] = range_db if slope * value > range_db else slope * value


@part
def _curve_back(d_wanted, over, shares, p, scale, sums):
    """The gradient of the wanted gain reduction becomes that of the level."""
    number = d_wanted.dtype.type
    slope, range_db, nothing, one = number(p[SLOPE]), number(p[RANGE]), number(0), number(1)
    signed = number(scale[2] * p[SLOPE])
    d_over_all, d_slope, d_knee, d_range = nothing, nothing, nothing, nothing
    for n in range(len(d_wanted)):
        within = nothing if slope * over[n] > range_db else d_wanted[n]
        d_range += d_wanted[n] - within
        d_slope += over[n] * within
        d_over = within * shares[n]
        d_knee += d_over * (one - shares[n])
        d_over_all += d_over
        d_wanted[n] = signed * d_over
    sums[THRESHOLD] -= signed * d_over_all
    sums[SLOPE] += d_slope
    sums[KNEE] += p[SLOPE] * d_knee / 2
    sums[RANGE] += d_range


@part
def _amplify(x, start, reduction_db, p, y):
    through = np.empty(len(reduction_db), x.dtype)
    wet, dry, to_single = p[MIX], 1 - p[MIX], through.dtype == SINGLE
    for n in range(len(through)):
        gain = exp2(OCTAVES_PER_DB * (p[MAKEUP] - reduction_db[n]), to_single)
        through[n] = dry + wet * gain
    for channel in range(len(x)):
        _pass(x[channel, start:], through, y[channel, start : start + len(through)])


@part
def _amplify_back(grad, x, start, reduction_db, p, through, d_reduction_db, sums):
    """`through` becomes the gain of the audio; what passes it is for `_pass`."""
    number, size = x.dtype.type, len(reduction_db)
    wet, dry, by_db = number(p[MIX]), number(1 - p[MIX]), number(-PER_DB * p[MIX])
    makeup = number(p[MAKEUP])
    if x.dtype == SINGLE:
        for n in range(size):
            through[n] = gain_single(makeup - reduction_db[n])
    else:
        for n in range(size):
            through[n] = exp2(OCTAVES_PER_DB * (makeup - reduction_db[n]))
    for n in range(size):
        d_reduction_db[n] = 0
    for channel in range(len(x)):
        g, signal = grad[channel, start:], x[channel, start:]
        for n in range(size):
            d_reduction_db[n] += g[n] * signal[n]
    d_makeup, d_mix = number(0), number(0)
    for n in range(size):
        by_gain = d_reduction_db[n] * through[n]
        d_makeup += by_gain
        d_mix += by_gain - d_reduction_db[n]
        d_reduction_db[n] = by_db * by_gain
        through[n] = dry + wet * through[n]
    sums[MAKEUP] += PER_DB * p[MIX] * d_makeup
    sums[MIX] += d_mix


@part
def _pass(signal, through, y):
    for n in range(len(y)):
        y[n] = through[n] * signal[n]


@part
def _pass_both(grad, through, signal, loudest, d_size, d_signal):
    """`_pass` and `_add_change` in one pass over the memory."""
    nothing = signal.dtype.type(0)
    for n in range(len(d_signal)):
        change = d_size[n] if signal[n] > nothing else -d_size[n]
        change = change if abs(signal[n]) == loudest[n] else nothing
        d_signal[n] = through[n] * grad[n] + change
