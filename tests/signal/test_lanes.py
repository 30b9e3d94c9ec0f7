"""Squares of eight lanes by eight samples, to a vector and back."""

import numpy as np
import pytest

pytest.importorskip("numba")
from numba import njit

from dasp.signal.backends._lanes_numba import (
    WIDTH,
    fma,
    from_lanes,
    load,
    minus,
    store,
    times,
    to_lanes,
)

STARTS = np.array([3, 100, 205, 300, 411, 500, 604, 700])


@njit
def _to(signal, starts, by, w, place):
    to_lanes(signal, starts, by, w, place)


@njit
def _from(w, place, signal, starts, by):
    from_lanes(w, place, signal, starts, by)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_of_a_lane_are_eight_apart(dtype):
    signal = np.random.default_rng(0).standard_normal(800).astype(dtype)
    w = np.zeros(100)
    _to(signal, STARTS, 5, w, 7)
    square = np.stack([signal[start + 5 : start + 13] for start in STARTS], 1)
    np.testing.assert_array_equal(w[7:71].reshape(8, 8), square)
    assert not w[:7].any() and not w[71:].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_and_back_they_are_where_they_were(dtype):
    signal = np.random.default_rng(0).standard_normal(800).astype(dtype)
    w, back = np.zeros(64), np.zeros_like(signal)
    _to(signal, STARTS, 5, w, 0)
    _from(w, 0, back, STARTS, 5)
    touched = (STARTS[:, None] + 5 + np.arange(8)).ravel()
    np.testing.assert_array_equal(back[touched], signal[touched])
    assert not np.delete(back, touched).any()


def test_lanes_compute_as_numbers_do():
    @njit
    def compute(w, at):
        a, b, c = load(w, at), load(w, at + WIDTH), load(w, at + 2 * WIDTH)
        store(w, at, fma(a, b, c))
        store(w, at + WIDTH, times(minus(a), c))

    w = np.random.default_rng(0).standard_normal(4 * WIDTH)
    before, (a, b, c) = w.copy(), w[3 : 3 + 3 * WIDTH].reshape(3, WIDTH).copy()
    compute(w, 3)
    np.testing.assert_allclose(w[3 : 3 + WIDTH], a * b + c, atol=1e-15)
    np.testing.assert_array_equal(w[3 + WIDTH : 3 + 2 * WIDTH], -a * c)
    np.testing.assert_array_equal(w[3 + 2 * WIDTH :], before[3 + 2 * WIDTH :])
