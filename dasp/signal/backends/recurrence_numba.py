"""The compiled recursions, and the adjoint of the linear one: loops over time."""

import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._rows import fresh, over_rows

TOGETHER = 4
"""Rows that run side by side: a sample waits for the one before it, but for none of another row."""


def linear_recurrence(a: Tensor, b: Tensor, zi: Tensor) -> Tensor:
    """y[n] = a[n] y[n-1] + b[n] from y[-1] = zi."""
    y = fresh(b)
    over_rows(_linear_recurrence, b, a, zi, y)
    return y


def linear_gradients(
    grad: Tensor, a: Tensor, zi: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Those of the linear recurrence by a, b and zi."""
    da, db, d_zi = fresh(a), fresh(y), torch.empty_like(zi)
    over_rows(_linear_recurrence_back, grad, a, zi, y, da, db, d_zi)
    return da, db, d_zi


def ballistics(x: Tensor, attack: Tensor, release: Tensor, zi: Tensor) -> Tensor:
    """The branching smoother, sample by sample."""
    y = fresh(x)
    over_rows(_ballistics, x, attack, release, zi, y)
    return y


loop = compiled(error_model="numpy", fastmath={"contract"})


@loop
def _linear_recurrence(b, a, zi, y):
    rows, time = b.shape
    first = 0
    while first < rows:
        if rows - first < TOGETHER:
            last, a0, b0, y0 = zi[first], a[first], b[first], y[first]
            for n in range(time):
                last = a0[n] * last + b0[n]
                y0[n] = last
            first += 1
            continue
        l0, l1, l2, l3 = zi[first], zi[first + 1], zi[first + 2], zi[first + 3]
        a0, a1, a2, a3 = a[first], a[first + 1], a[first + 2], a[first + 3]
        b0, b1, b2, b3 = b[first], b[first + 1], b[first + 2], b[first + 3]
        y0, y1, y2, y3 = y[first], y[first + 1], y[first + 2], y[first + 3]
        for n in range(time):
            l0 = a0[n] * l0 + b0[n]
            l1 = a1[n] * l1 + b1[n]
            l2 = a2[n] * l2 + b2[n]
            l3 = a3[n] * l3 + b3[n]
            y0[n], y1[n], y2[n], y3[n] = l0, l1, l2, l3
        first += TOGETHER


@loop
def _linear_recurrence_back(grad, a, zi, y, da, db, d_zi):
    """Backwards in time: what b[n] gets, a[n] times of it reaches y[n-1]."""
    rows, time = grad.shape
    zero = grad.dtype.type(0)
    first = 0
    while first < rows:
        if rows - first < TOGETHER:
            later, a0, g0, d0 = zero, a[first], grad[first], db[first]
            for n in range(time - 1, -1, -1):
                now = g0[n] + later
                d0[n] = now
                later = a0[n] * now
            d_zi[first] = later
            first += 1
            continue
        l0, l1, l2, l3 = zero, zero, zero, zero
        a0, a1, a2, a3 = a[first], a[first + 1], a[first + 2], a[first + 3]
        g0, g1, g2, g3 = grad[first], grad[first + 1], grad[first + 2], grad[first + 3]
        d0, d1, d2, d3 = db[first], db[first + 1], db[first + 2], db[first + 3]
        for n in range(time - 1, -1, -1):
            n0, n1, n2, n3 = g0[n] + l0, g1[n] + l1, g2[n] + l2, g3[n] + l3
            d0[n], d1[n], d2[n], d3[n] = n0, n1, n2, n3
            l0, l1, l2, l3 = a0[n] * n0, a1[n] * n1, a2[n] * n2, a3[n] * n3
        d_zi[first], d_zi[first + 1], d_zi[first + 2], d_zi[first + 3] = l0, l1, l2, l3
        first += TOGETHER
    for row in range(rows):
        now, before, by = db[row], y[row], da[row]
        if time:
            by[0] = now[0] * zi[row]
        for n in range(1, time):
            by[n] = now[n] * before[n - 1]


@loop
def _ballistics(x, attack, release, zi, y):
    for row in range(x.shape[0]):
        last = zi[row]
        for n in range(x.shape[1]):
            pole = attack[row] if x[row, n] > last else release[row]
            last = pole * last + (1 - pole) * x[row, n]
            y[row, n] = last
