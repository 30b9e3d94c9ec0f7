"""Logarithm and exponentials of compiled loops, beside those of NumPy in float64."""

import math

import numpy as np
import pytest

pytest.importorskip("numba")

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._log_exp_numba import exp2, gain_single, log2, log2_parts


@compiled(error_model="numpy", kept=False)
def _each(x, y):
    for n in range(len(x)):
        y[n, 0], y[n, 1] = log2(abs(x[n])), exp2(x[n])


@compiled(error_model="numpy", kept=False)
def _each_single(x, y):
    for n in range(len(x)):
        whole, rest = log2_parts(abs(x[n]))
        y[n, 0] = np.float64(whole) + np.float64(rest)
        y[n, 1] = gain_single(x[n])


NUMBERS = np.concatenate((np.linspace(-200, 200, 4001), np.random.default_rng(0).normal(size=4001)))
NUMBERS = NUMBERS[NUMBERS != 0]


def test_in_float64():
    y = np.empty((len(NUMBERS), 2))
    _each(NUMBERS, y)
    np.testing.assert_allclose(y[:, 0], np.log2(abs(NUMBERS)), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(y[:, 1], 2**NUMBERS, rtol=1e-14)


def test_in_float32():
    x = NUMBERS.astype(np.float32)
    y = np.empty((len(x), 2))
    _each_single(x, y)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(y[:, 0], np.log2(abs(exact)), rtol=2e-7, atol=2e-7)
    np.testing.assert_allclose(y[:, 1], 10 ** (exact / 20), rtol=3e-7)


def test_beyond_the_range_it_is_the_end_of_the_range():
    x = np.float32([-1e30, -800, 800, 1e30])
    y = np.empty((4, 2))
    _each_single(x, y)
    np.testing.assert_allclose(20 * np.log10(y[:, 1]), [-750, -750, 750, 750], rtol=1e-6)
    assert math.isfinite(y.sum())
