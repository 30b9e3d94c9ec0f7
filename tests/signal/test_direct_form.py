"""Filters of any order by their coefficients, against SciPy in float64."""

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal import backends
from dasp.signal.direct_form import LONG
from dasp.signal.iir import lfilter, sosfilt

RATE = 22_050


@pytest.fixture(params=["compiled", "portable"], autouse=True)
def both_forms(request, monkeypatch):
    if request.param == "portable":
        monkeypatch.setattr(backends, "HAS_NUMBA", False)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def signals(time=6000):
    return torch.cat((torch.eye(1, time, dtype=torch.float64), randn(1, time)))


def rounding(b, a, x, y):
    """What roundings can do to the answer: eps (|b| |x| + |a| |y|) / |A|."""
    gain = np.abs(scipy.signal.lfilter([1.0], a / a[0], np.eye(1, y.shape[-1])[0])).sum()
    summed = np.abs(b).sum() * np.abs(x).max() + np.abs(a).sum() * np.abs(y).max()
    return np.finfo(np.float64).eps * summed / abs(a[0]) * gain


def assert_equals_scipy(x, b, a, zi=None):
    y, zf = lfilter(x, torch.as_tensor(b), torch.as_tensor(a), zi)
    order = max(len(b), len(a)) - 1
    start = np.zeros((*x.shape[:-1], order)) if zi is None else zi.numpy()
    expected, expected_zf = scipy.signal.lfilter(b, a, x.numpy(), zi=start)
    assert zf.shape == expected_zf.shape
    loudest = np.append(expected, start)
    allowed = rounding(np.asarray(b), np.asarray(a), x.numpy(), loudest)
    np.testing.assert_allclose(y, expected, rtol=0, atol=allowed)
    np.testing.assert_allclose(
        zf, expected_zf, rtol=0, atol=allowed * (1 + np.abs(a).sum() / abs(a[0]))
    )


def test_a_high_pass_of_four_poles_near_one():
    """Poles that lie together at 1 - 0.006 leave a power of a companion matrix without digits."""
    b, a = scipy.signal.butter(4, 20, "high", fs=RATE)
    x = signals(20_000)
    y = lfilter(x, *map(torch.from_numpy, (b, a)))[0].numpy()
    expected = scipy.signal.lfilter(b, a, x.numpy())
    assert np.abs(y[0] - expected[0]).max() < 1e-9  # the impulse
    assert np.abs(y[1] - expected[1]).max() < 1e-6  # noise; either is as far from the truth
    assert_equals_scipy(x, b, a)
    sections = torch.from_numpy(scipy.signal.butter(4, 20, "high", fs=RATE, output="sos"))
    assert np.abs(y - sosfilt(x, sections)[0].numpy()).max() < 1e-6


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("kind", ["low", "high"])
@pytest.mark.parametrize("share", [0.002, 0.02, 0.5, 0.98])
def test_butterworth_filters(order, kind, share):
    b, a = scipy.signal.butter(order, share, kind)
    if max(abs(np.roots(a))) >= 1:
        pytest.skip("rounded, these coefficients have poles outside the unit circle")
    assert_equals_scipy(signals(), b, a)


@pytest.mark.parametrize("order", [2, 5, 8])
def test_elliptic_filters(order):
    assert_equals_scipy(signals(), *scipy.signal.ellip(order, 0.5, 80, 0.1))
    assert_equals_scipy(signals(), *scipy.signal.ellip(order, 0.5, 60, [0.2, 0.3], "bandstop"))


@pytest.mark.parametrize("radius", [0.5, 0.999_999, 1.0, 1.001])
@pytest.mark.parametrize("angle", [0.0, 1e-3, 1.0, np.pi])
def test_poles_near_on_and_outside_the_unit_circle(radius, angle):
    a = np.array([1.0, -2 * radius * np.cos(angle), radius**2])
    assert_equals_scipy(signals(2000), np.array([1.0, 0.3]), a)


@pytest.mark.parametrize("time", [0, 1, 3, 255, 256, 257, 1000])
@pytest.mark.parametrize("b_taps, a_taps", [(1, 1), (1, 2), (3, 1), (2, 4), (7, 3), (LONG + 9, 1)])
def test_sizes_states_and_coefficients_that_are_not_normalised(time, b_taps, a_taps):
    x, b, zi = randn(2, time), randn(b_taps), randn(2, max(b_taps, a_taps) - 1, seed=1)
    a = -2.5 * np.atleast_1d(np.poly(np.linspace(-0.9, 0.8, a_taps - 1)))
    if time == 0:  # which SciPy does not take
        y, zf = lfilter(x, b, torch.from_numpy(a), zi)
        assert y.shape == x.shape
        torch.testing.assert_close(zf, zi)
        return
    assert_equals_scipy(x, b.numpy(), a, zi)
    assert_equals_scipy(x, b.numpy(), a)


@pytest.mark.parametrize("b_taps, a_taps", [(4, 3), (LONG, 1)])
def test_blocks_equal_the_whole(b_taps, a_taps):
    x, b = randn(2, 700), randn(b_taps)
    a = torch.from_numpy(np.atleast_1d(np.poly(np.linspace(-0.9, 0.8, a_taps - 1))))
    whole, last = lfilter(x, b, a)
    blocks, zi = [], None
    for block in x.split((1, 0, 2, 300, 397), -1):
        y, zi = lfilter(block, b, a, zi)
        blocks.append(y)
    torch.testing.assert_close(torch.cat(blocks, -1), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(zi, last, rtol=0, atol=1e-12)


def test_leading_dimensions_broadcast():
    x, b, a = randn(4, 1, 300), randn(3, 2), randn(4, 3, 3, seed=1) * 0.2
    a[..., 0] = 1.0
    y, zf = lfilter(x, b, a, randn(2))
    assert y.shape == (4, 3, 300) and zf.shape == (4, 3, 2)
    for i in range(4):
        for k in range(3):
            expected, _ = scipy.signal.lfilter(b[k], a[i, k], x[i, 0], zi=randn(2).numpy())
            np.testing.assert_allclose(y[i, k], expected, rtol=0, atol=1e-12)


def test_a_signal_of_a_narrow_type_is_filtered_in_float64():
    b, a = scipy.signal.butter(4, 20, "high", fs=RATE)
    for dtype in (torch.float16, torch.float32):
        x = signals(2000).to(dtype)
        y, zf = lfilter(x, torch.from_numpy(b), torch.from_numpy(a))
        assert y.dtype is dtype and zf.dtype is torch.float64
        expected = torch.from_numpy(scipy.signal.lfilter(b, a, x.double().numpy()))
        torch.testing.assert_close(y, expected.to(dtype))


@pytest.mark.parametrize("time", [1, 6, 300])
@pytest.mark.parametrize("taps", [(1, 1), (3, 2), (2, 4), (LONG, 1)])
def test_gradients(time, taps):
    b, a = randn(taps[0]), randn(taps[1], seed=1) * 0.2
    a = torch.cat((a.new_tensor([1.5]), a[1:]))
    zi = randn(2, max(taps) - 1, seed=2)
    arguments = tuple(t.requires_grad_() for t in (randn(2, time), b, a, zi))
    small = time < 10 and max(taps) < 10
    torch.autograd.gradcheck(lfilter, arguments, check_forward_ad=small, fast_mode=not small)
    if small:
        torch.autograd.gradgradcheck(lfilter, arguments, fast_mode=True)


def test_gradients_of_poles_near_one_are_filters_too():
    """<w, y> to b_k: z^-k / A applied to x; to a_k: the same to -y. By SciPy, of the same poles."""
    b, a = scipy.signal.butter(4, 100, "high", fs=RATE)
    x, w = signals(3000), randn(2, 3000, seed=3)
    tensors = [torch.from_numpy(c).requires_grad_() for c in (b, a)]
    y, _ = lfilter(x, *tensors)
    (y * w).sum().backward()
    for t, signal in zip(tensors, (x.numpy(), -y.detach().numpy()), strict=True):
        expected = [(scipy.signal.lfilter(np.eye(5)[k], a, signal) * w.numpy()).sum()
                    for k in range(5)]  # fmt: skip
        np.testing.assert_allclose(t.grad[1:], expected[1:], rtol=1e-5)


def test_transforms():
    x, b, a = randn(3, 300), randn(3), torch.tensor([1.0, -0.5, 0.2]).double()
    y = lfilter(x, b, a)[0]
    function = lambda x, b: lfilter(x, b, a)[0]  # noqa: E731
    torch.testing.assert_close(torch.vmap(function, in_dims=(0, None))(x, b), y)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, b), y)
    db = randn(3, seed=5)
    _, dy = torch.func.jvp(lambda b: function(x, b), (b,), (db,))
    torch.testing.assert_close(dy, function(x, db))  # linear


def test_what_is_no_filter_is_refused():
    x, one = torch.zeros(2, 100), torch.ones(1)
    with pytest.raises(ValueError, match=r"b: expected .* one tap or more"):
        lfilter(x, torch.zeros(0), one)
    with pytest.raises(ValueError, match=r"a: expected .* one tap or more"):
        lfilter(x, one, torch.zeros(0))
    with pytest.raises(ValueError, match=r"a: expected no 0 .*first coefficient"):
        lfilter(x, one, torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"zi: expected shape \(..., 0\), got \(1,\)"):
        lfilter(x, one, one, one)
    with pytest.raises(ValueError, match=r"x: expected .*floating-point.*, got torch.int64"):
        lfilter(x.long(), one, one)
    sections = torch.tensor([[1.0, 0, 0, 1, 0, 0], [1.0, 0, 0, 0, 1, 0]])
    with pytest.raises(ValueError, match=r"sos: expected no 0 .*a0"):
        sosfilt(x, sections)
