"""Compiled steps of dynamics processors, each with its adjoint.

Every function of tensors stands in for the one of the same name that `dasp.signal._fused`
decorates, where its meaning is told. The loops take a row in chunks that stay in the cache;
numbers between the samples in memory are float64.
"""

import math

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._log_exp_numba import exp2, log2
from dasp.signal.backends._rows import over_rows
from dasp.units import SILENCE_DB

CHUNK = 4096
PER_DB = math.log(10) / 20
OCTAVES_PER_DB = math.log2(10) / 20

THRESHOLD, SLOPE, KNEE, RANGE, ATTACK, RELEASE, START, MAKEUP, MIX = range(9)
"""Where a row of parameters, and of their gradients, has what."""

loop = compiled(error_model="numpy", fastmath={"contract", "reassoc"})
"""Sums may be taken in any order, and so many terms at once."""


def ballistics(x: Tensor, *poles_and_start: Tensor) -> tuple[Tensor, Tensor]:
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    over_rows(_follow_rows, x, _columns(*[poles_and_start[0]] * ATTACK, *poles_and_start), y)
    return y, y


def ballistics_adjoint(grad: Tensor, y: Tensor, x: Tensor, *poles_and_start: Tensor):
    p = _columns(*[poles_and_start[0]] * ATTACK, *poles_and_start)
    dx, sums = torch.empty_like(y), torch.zeros_like(p)
    over_rows(_follow_rows_back, grad, y, x, p, dx, sums)
    return dx, *_rows_of(sums[:, ATTACK:], poles_and_start)


def reduction_db(key: Tensor, *parameters_and_options) -> tuple[Tensor, Tensor]:
    *parameters, db_per_decade, sign = parameters_and_options
    y = key.new_empty(key.shape[0], key.shape[2])
    over_rows(_reduce_rows, key, _columns(*parameters), level_scale(key, db_per_decade, sign), y)
    return y, y


def reduction_db_adjoint(grad: Tensor, y: Tensor, key: Tensor, *parameters_and_options):
    *parameters, db_per_decade, sign = parameters_and_options
    p = _columns(*parameters)
    d_key, sums = _zeros_like(key), torch.zeros_like(p)
    over_rows(
        _reduce_rows_back, grad, y, key, p, level_scale(key, db_per_decade, sign), d_key, sums
    )
    return d_key, *_rows_of(sums, parameters)


def amplified(x: Tensor, reduction_db: Tensor, *makeup_and_mix: Tensor) -> tuple[Tensor, None]:
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    p = _columns(*[makeup_and_mix[0]] * MAKEUP, *makeup_and_mix)
    over_rows(_amplify_rows, x, reduction_db, p, y)
    return y, None


def amplified_adjoint(grad: Tensor, _, x: Tensor, reduction_db: Tensor, *makeup_and_mix: Tensor):
    p = _columns(*[makeup_and_mix[0]] * MAKEUP, *makeup_and_mix)
    dx, d_reduction_db, sums = _zeros_like(x), torch.empty_like(reduction_db), torch.zeros_like(p)
    over_rows(_amplify_rows_back, grad, x, reduction_db, p, dx, d_reduction_db, sums)
    return dx, d_reduction_db, *_rows_of(sums[:, MAKEUP:], makeup_and_mix)


def compressed(x: Tensor, *parameters_and_sign) -> tuple[Tensor, Tensor]:
    *parameters, sign = parameters_and_sign
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    reduction_db = x.new_empty(x.shape[0], x.shape[2])
    over_rows(_compress_rows, x, _columns(*parameters), level_scale(x, 20, sign), reduction_db, y)
    return y, reduction_db


def compressed_adjoint(grad: Tensor, reduction_db: Tensor, x: Tensor, *parameters_and_sign):
    *parameters, sign = parameters_and_sign
    p = _columns(*parameters)
    dx, sums = torch.empty_like(x, memory_format=torch.contiguous_format), torch.zeros_like(p)
    over_rows(_compress_rows_back, grad, reduction_db, x, p, level_scale(x, 20, sign), dx, sums)
    return dx, *_rows_of(sums, parameters)


def _columns(*parameters: Tensor) -> Tensor:
    return torch.stack([parameter.double() for parameter in parameters], 1)


def _rows_of(sums: Tensor, parameters) -> list[Tensor]:
    return [s.to(p.dtype) for s, p in zip(sums.unbind(1), parameters, strict=True)]


def _zeros_like(x: Tensor) -> Tensor:
    return torch.zeros_like(x, memory_format=torch.contiguous_format)


def level_scale(key: Tensor, db_per_decade: float = 20.0, sign: float = 1.0) -> Tensor:
    """What the level is made with, the same for all rows: the floor, dB per octave, the sign."""
    floor = 10 ** (SILENCE_DB / db_per_decade)
    # The floor is a number of the type of the key, as it is for `clamp`.
    floor = torch.tensor(floor, dtype=key.dtype).item()
    scale = [floor, db_per_decade * math.log10(2), sign]
    return torch.tensor(scale, dtype=torch.float64).expand(len(key), 3)


# -- rows, in chunks ------------------------------------------------------------------------


@loop
def _follow_rows(x, p, y):
    for row in range(len(x)):
        last = p[row, START]
        for start in range(0, x.shape[1], CHUNK):
            now = slice(start, start + CHUNK)
            last = _follow(x[row, now], p[row], last, y[row, now])


@loop
def _follow_rows_back(grad, y, x, p, dx, sums):
    for row in range(len(x)):
        sums[row, START] = _follow_back(
            grad[row], y[row], x[row], p[row], p[row, START], 0.0, dx[row], sums[row]
        )


@loop
def _reduce_rows(key, p, scale, y):
    target = np.empty(CHUNK)
    for row in range(len(key)):
        last = p[row, START]
        for start in range(0, key.shape[2], CHUNK):
            now = slice(start, start + CHUNK)
            last = _reduce(key[row], start, p[row], scale[row], last, target, y[row, now])


@loop
def _amplify_rows(x, reduction_db, p, y):
    gain = np.empty(CHUNK)
    for row in range(len(x)):
        for start in range(0, x.shape[2], CHUNK):
            now = slice(start, start + CHUNK)
            _amplify(x[row], start, reduction_db[row, now], p[row], gain, y[row])


@loop
def _compress_rows(x, p, scale, reduction_db, y):
    target, gain = np.empty(CHUNK), np.empty(CHUNK)
    for row in range(len(x)):
        last = p[row, START]
        for start in range(0, x.shape[2], CHUNK):
            now = slice(start, start + CHUNK)
            reduction = reduction_db[row, now]
            last = _reduce(x[row], start, p[row], scale[row], last, target, reduction)
            _amplify(x[row], start, reduction, p[row], gain, y[row])


@loop
def _reduce_rows_back(grad, y, key, p, scale, d_key, sums):
    work = np.empty((2, CHUNK))
    for row in range(len(key)):
        later = 0.0
        for start in _starts_from_the_last(key.shape[2]):
            now = slice(start, start + CHUNK)
            last = y[row, start - 1] if start else p[row, START]
            later = _reduce_back(
                grad[row, now], y[row, now], key[row], start, p[row], scale[row], last, later,
                work, d_key[row], sums[row],
            )  # fmt: skip
        sums[row, START] = later


@loop
def _amplify_rows_back(grad, x, reduction_db, p, dx, d_reduction_db, sums):
    gain = np.empty(CHUNK)
    for row in range(len(x)):
        for start in range(0, x.shape[2], CHUNK):
            now = slice(start, start + CHUNK)
            _amplify_back(
                grad[row], x[row], start, reduction_db[row, now], p[row], gain,
                dx[row], d_reduction_db[row, now], sums[row],
            )  # fmt: skip


@loop
def _compress_rows_back(grad, reduction_db, x, p, scale, dx, sums):
    work, gain, d_reduction_db = np.empty((2, CHUNK)), np.empty(CHUNK), np.empty(CHUNK)
    for row in range(len(x)):
        later = 0.0
        for start in _starts_from_the_last(x.shape[2]):
            now = slice(start, start + CHUNK)
            reduction = reduction_db[row, now]
            last = reduction_db[row, start - 1] if start else p[row, START]
            d_now = d_reduction_db[: len(reduction)]
            _amplify_back(
                grad[row], x[row], start, reduction, p[row], gain, dx[row], d_now, sums[row]
            )
            later = _reduce_back(
                d_now, reduction, x[row], start, p[row], scale[row], last, later,
                work, dx[row], sums[row],
            )  # fmt: skip
        sums[row, START] = later


@loop
def _starts_from_the_last(time):
    return range((time - 1) // CHUNK * CHUNK, -1, -CHUNK)


# -- one chunk of one row -------------------------------------------------------------------
#
# Signals of several channels come as the whole row, with the start of the chunk in it.


@loop
def _reduce(key, start, p, scale, last, target, y):
    """From the key to the smooth reduction; returns the last of it, for the next chunk."""
    target = target[: len(y)]
    to_level(key, start, scale, target)
    _curve(target, p, scale, target)
    return _follow(target, p, last, y)


@loop
def _reduce_back(grad, y, key, start, p, scale, last, later, work, d_key, sums):
    """Adds to the gradient of the key; returns what comes back to the chunk before."""
    level, target = work[0, : len(y)], work[1, : len(y)]
    to_level(key, start, scale, level)
    _curve(level, p, scale, target)
    later = _follow_back(grad, y, target, p, last, later, target, sums)
    _curve_back(target, level, p, scale, sums)
    level_back(level, key, start, scale, target, d_key)
    return later


@loop
def to_level(key, start, scale, level_db):
    """Of the loudest channel."""
    _loudest(key, start, level_db)
    floor, db_per_octave = scale[0], scale[1]
    for n in range(len(level_db)):
        size = floor if level_db[n] < floor else level_db[n]
        level_db[n] = db_per_octave * log2(size)


@loop
def _loudest(key, start, loudest):
    loudest[:] = 0
    for channel in range(len(key)):
        signal = key[channel, start : start + len(loudest)]
        for n in range(len(loudest)):
            size = abs(signal[n])
            loudest[n] = loudest[n] if loudest[n] >= size else size


@loop
def level_back(d_level_db, key, start, scale, loudest, d_key):
    """Channels that are equally loud share the gradient."""
    _loudest(key, start, loudest)
    floor, db_per_log = scale[0], scale[1] / math.log(2)
    for n in range(len(loudest)):
        d_level_db[n] = 0.0 if loudest[n] < floor else db_per_log * d_level_db[n]
    if len(key) == 2:
        left, right = key[0, start:], key[1, start:]
        for n in range(len(loudest)):
            d_level_db[n] *= 0.5 if abs(left[n]) == abs(right[n]) else 1.0
    elif len(key) > 2:
        for n in range(len(loudest)):
            ties = 0
            for channel in range(len(key)):
                ties += abs(key[channel, start + n]) == loudest[n]
            d_level_db[n] /= ties
    for channel in range(len(key)):
        signal = key[channel, start : start + len(loudest)]
        d_signal = d_key[channel, start : start + len(loudest)]
        for n in range(len(loudest)):
            heard = abs(signal[n]) == loudest[n] and loudest[n] > 0
            change = d_level_db[n] / signal[n]
            d_signal[n] += change if heard else 0.0


@loop
def _curve(level_db, p, scale, target_db):
    """The reduction that a level asks for: `slope` times the soft knee, up to `range_db`."""
    threshold, slope, range_db, sign = p[THRESHOLD], p[SLOPE], p[RANGE], scale[2]
    half, bend = p[KNEE] / 2, 1 / (2 * max(p[KNEE], 1e-6))
    for n in range(len(level_db)):
        over = sign * (level_db[n] - threshold)
        into = 0.0 if over < -half else over + half
        value = over if over >= half else bend * into * into
        wanted = slope * value
        target_db[n] = range_db if wanted > range_db else wanted


@loop
def _curve_back(d_target_db, level_db, p, scale, sums):
    """Leaves the gradient of the level in place of the level."""
    threshold, slope, range_db, sign = p[THRESHOLD], p[SLOPE], p[RANGE], scale[2]
    half, per_knee = p[KNEE] / 2, 1 / max(p[KNEE], 1e-6)
    d_over_all, d_slope, d_knee, d_range = 0.0, 0.0, 0.0, 0.0
    for n in range(len(level_db)):
        over = sign * (level_db[n] - threshold)
        into = 0.0 if over < -half else over + half
        above, share = over >= half, into * per_knee
        value = over if above else into * share / 2
        held = slope * value > range_db
        d_range += d_target_db[n] if held else 0.0
        d_target = 0.0 if held else d_target_db[n]
        d_slope += value * d_target
        d_value = slope * d_target
        d_knee += 0.0 if above else d_value * share * (1 - share) / 2
        d_over = d_value if above else d_value * share
        d_over_all += d_over
        level_db[n] = sign * d_over
    sums[THRESHOLD] -= sign * d_over_all
    sums[SLOPE] += d_slope
    sums[KNEE] += d_knee
    sums[RANGE] += d_range


@loop
def _follow(x, p, last, y):
    a, r = p[ATTACK], p[RELEASE]
    attack_is_faster = a < r
    last = 0.0 if abs(last) < 1e-30 else last  # numbers near the smallest take long
    for n in range(len(x)):
        # The faster of the two comes nearer to x.
        rise, fall = a * last + (1 - a) * x[n], r * last + (1 - r) * x[n]
        last = max(rise, fall) if attack_is_faster else min(rise, fall)
        y[n] = last
    return last


@loop
def _follow_back(grad, y, x, p, before, later, dx, sums):
    """`before` is y[-1], and `later` what comes back from the samples after the last."""
    a, r, d_attack, d_release = p[ATTACK], p[RELEASE], 0.0, 0.0
    for n in range(len(x) - 1, -1, -1):
        last = y[n - 1] if n else before
        adjoint = grad[n] + later
        by_pole = adjoint * (last - x[n])
        rises = x[n] > last
        pole = a if rises else r
        d_attack += by_pole if rises else 0.0
        d_release += 0.0 if rises else by_pole
        dx[n] = (1 - pole) * adjoint
        later = pole * adjoint
    sums[ATTACK] += d_attack
    sums[RELEASE] += d_release
    return later


@loop
def _gain(reduction_db, p, gain):
    for n in range(len(reduction_db)):
        gain[n] = exp2(OCTAVES_PER_DB * (p[MAKEUP] - reduction_db[n]))


@loop
def _amplify(x, start, reduction_db, p, gain, y):
    _gain(reduction_db, p, gain)
    wet, dry = p[MIX], 1 - p[MIX]
    for channel in range(len(x)):
        from_, to = x[channel, start:], y[channel, start:]
        for n in range(len(reduction_db)):
            to[n] = (dry + wet * gain[n]) * from_[n]


@loop
def _amplify_back(grad, x, start, reduction_db, p, gain, dx, d_reduction_db, sums):
    _gain(reduction_db, p, gain)
    wet, dry, d_makeup, d_mix = p[MIX], 1 - p[MIX], 0.0, 0.0
    d_gain = d_reduction_db  # which it becomes below
    d_gain[:] = 0
    for channel in range(len(x)):
        g, signal, d_signal = grad[channel, start:], x[channel, start:], dx[channel, start:]
        for n in range(len(reduction_db)):
            d_signal[n] = (dry + wet * gain[n]) * g[n]
            d_gain[n] += g[n] * signal[n]
    for n in range(len(reduction_db)):
        d_mix += d_gain[n] * (gain[n] - 1)
        d_makeup += d_gain[n] * gain[n]
        d_reduction_db[n] = -PER_DB * wet * gain[n] * d_gain[n]
    sums[MAKEUP] += PER_DB * wet * d_makeup
    sums[MIX] += d_mix
