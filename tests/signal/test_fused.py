"""The compiled steps of dynamics equal the torch operations that they stand in for."""

import multiprocessing
import os

import numpy as np
import pytest
import torch

from dasp.functional.limiter import _limiting_db
from dasp.signal import backends
from dasp.signal.backends import _rows
from dasp.signal.backends._rows import over_rows
from dasp.signal.backends.dynamics_values import Curve, Output, Smoother
from dasp.signal.ballistics import _ballistics
from dasp.signal.gain_computer import amplified, compressed, reduction_db

ROWS, TIME = 5, 4_000  # more than are taken together, and more than two chunks
double = torch.float64


def row(*numbers):
    """One for each row, in turns."""
    return torch.tensor((2 * numbers)[:ROWS], dtype=double)


def key(channels):
    """Noise, loud and soft in turns, with silence in front, and one pair of equal channels."""
    x = (
        torch.randn(ROWS, channels, TIME, dtype=double)
        * 10 ** torch.linspace(-3, 0, 20).double()[torch.arange(TIME) // 97 % 20]
    )
    x[..., :50] = 0
    x[1] = x[1, :1] * (1 - 2 * (torch.arange(channels) % 2))[:, None]
    return x


CURVE = Curve(
    threshold_db=row(-30.0, -20.0, -40.0),
    slope=row(0.5, 0.9, 0.0),
    knee_db=row(6.0, 0.0, 12.0),
    range_db=row(9.0, torch.inf, 9.0),
)
SMOOTHER = Smoother(
    attack=row(0.9, 0.999, 0.0), release=row(0.999, 0.9, 0.99), start=row(0.0, 3.0, 1.0)
)
OUTPUT = Output(makeup_gain_db=row(3.0, 0.0, -2.0), mix=row(1.0, 0.3, 0.0))

STEPS = {
    "ballistics": lambda: (_ballistics, key(1)[:, 0], *SMOOTHER),
    "reduction of a peak": lambda: (reduction_db, key(2), *CURVE, *SMOOTHER, 20.0, 1.0),
    "reduction of a power": lambda: (reduction_db, key(3).square(), *CURVE, *SMOOTHER, 10.0, 1.0),
    "reduction of one channel": lambda: (reduction_db, key(1), *CURVE, *SMOOTHER, 20.0, 1.0),
    "amplified": lambda: (amplified, key(2), 20 * key(1)[:, 0].abs(), *OUTPUT),
    "compressed": lambda: (compressed, key(2), *CURVE, *SMOOTHER, *OUTPUT, 1.0),
    "expanded": lambda: (compressed, key(2), *CURVE, *SMOOTHER, *OUTPUT, -1.0),
    "limited": lambda: (_limiting_db, key(2), row(-6.0, -20.0, 0.0), row(0.9, 0.999, 0.0), 100),
    "limited at once": lambda: (_limiting_db, key(1), row(-6.0, -20.0, 0.0), row(0.9, 0.9, 0.9), 1),
}  # fmt: skip


def value_and_gradients(step, arguments, cotangent):
    arguments = [
        a.clone().requires_grad_() if isinstance(a, torch.Tensor) else a for a in arguments
    ]
    y = step(*arguments)
    y.backward(cotangent)
    return [y.detach(), *(a.grad for a in arguments if isinstance(a, torch.Tensor))]


@pytest.mark.numba
@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("threads", [1, 2])
def test_equals_the_torch_operations_in_value_and_gradient(name, threads, monkeypatch):
    step, *arguments = STEPS[name]()
    cotangent = torch.randn_like(step(*arguments))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    monkeypatch.setattr(_rows, "WORTH_A_THREAD", 1)
    fused = value_and_gradients(step, arguments, cotangent)
    with torch.no_grad():
        torch.testing.assert_close(step(*arguments), fused[0], rtol=0, atol=0)
    torch.set_num_threads(before)
    monkeypatch.setattr(backends, "HAS_NUMBA", False)
    composed = value_and_gradients(step, arguments, cotangent)
    for compiled, expected in zip(fused, composed, strict=True):
        torch.testing.assert_close(compiled, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.numba
@pytest.mark.parametrize("name", STEPS)
def test_in_single_precision(name):
    """Signals in float32, poles in float64: the value is that of float64, rounded."""
    step, *arguments = STEPS[name]()
    signals = [isinstance(a, torch.Tensor) and a.ndim > 1 for a in arguments]
    rounded = [a.float() if signal else a for a, signal in zip(arguments, signals, strict=True)]
    exact = step(*(a.double() if s else a for a, s in zip(rounded, signals, strict=True)))
    y = step(*rounded)
    assert y.dtype is torch.float32
    torch.testing.assert_close(y.double(), exact, rtol=1e-6, atol=1e-6)


@pytest.mark.numba
def test_second_derivatives_are_those_of_the_torch_operations(monkeypatch):
    step, x, *parameters = STEPS["compressed"]()
    x = x[..., 60:90].clone().requires_grad_()
    results = []
    for has_numba in (True, False):
        monkeypatch.setattr(backends, "HAS_NUMBA", has_numba)
        (grad,) = torch.autograd.grad(step(x, *parameters).square().sum(), x, create_graph=True)
        results += torch.autograd.grad(grad.square().sum(), x)
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-9)


def test_a_nan_stays_in_the_reduction():
    x = key(2)[:1]
    x[0, 1, 500] = torch.nan
    y = reduction_db(x, *(p[:1] for p in (*CURVE, *SMOOTHER)), 20.0, 1.0)
    assert y[0, :500].isfinite().all() and y[0, 500:].isnan().all()


def test_logarithm_and_exponential_are_those_of_numpy():
    numba = pytest.importorskip("numba")
    from dasp.signal.backends._log_exp_numba import exp2, log2

    @numba.njit
    def each(x, y, z):
        for n in range(len(x)):
            y[n] = log2(x[n])
            z[n] = exp2(y[n])

    x = np.concatenate((np.geomspace(1e-300, 1e300, 20_001), 1 + np.linspace(-1e-3, 1e-3, 2001)))
    y, z = np.empty_like(x), np.empty_like(x)
    each(x, y, z)
    np.testing.assert_allclose(y, np.log2(x), rtol=1e-15, atol=0)
    np.testing.assert_allclose(z, np.exp2(y), rtol=1e-15, atol=0)


def test_logarithm_and_exponential_of_single_precision():
    """As near as its type can tell: the rest beside the integer, and a result to be rounded."""
    numba = pytest.importorskip("numba")
    from dasp.signal.backends._log_exp_numba import exp2, log2_parts

    @numba.njit
    def each(x, y, z):
        for n in range(len(x)):
            whole, rest = log2_parts(x[n])
            y[n] = np.float64(whole) + np.float64(rest)
            z[n] = exp2(y[n], True)

    x = np.concatenate((np.geomspace(1e-37, 1e37, 20_001), 1 + np.linspace(-1e-3, 1e-3, 2001)))
    x = np.append(x, np.nan).astype(np.float32)
    y, z = np.empty(len(x)), np.empty(len(x))
    each(x, y, z)
    np.testing.assert_allclose(y, np.log2(x.astype(np.float64)), rtol=3e-7, atol=6e-8)
    np.testing.assert_allclose(z, np.exp2(y), rtol=1e-8, atol=0)


@pytest.mark.numba
def test_single_precision_loses_no_more_than_the_rounding_of_signals():
    """Beside float64 on the same numbers, in value and in the gradients of signal and knobs."""
    step, *arguments = STEPS["compressed"]()
    *tensors, sign = arguments
    tensors[0] = tensors[0].float()
    cotangent = torch.randn_like(tensors[0])
    found = value_and_gradients(step, [*tensors, sign], cotangent)
    exact = value_and_gradients(step, [tensors[0].double(), *tensors[1:], sign], cotangent.double())
    for single, double in zip(found, exact, strict=True):
        error = (single.double() - double).square().sum()
        assert error <= 10 ** (-125 / 10) * double.square().sum()


def test_rows_are_shared_out_once_each():
    x = torch.zeros(7, 20_000)

    def count(rows):
        rows += 1

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    over_rows(count, x)
    torch.set_num_threads(before)
    assert (x == 1).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_has_threads_of_its_own():
    """Those of the parent are not in it, and would be waited for without end."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    x = np.zeros((2, 40_000))

    def add(rows):
        rows += 1

    over_rows(add, torch.from_numpy(x))
    child = multiprocessing.get_context("fork").Process(
        target=over_rows, args=(add, torch.from_numpy(x))
    )
    child.start()
    child.join(30)
    torch.set_num_threads(before)
    assert child.exitcode == 0
