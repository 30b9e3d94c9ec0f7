import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal import backends
from dasp.signal.backends import recurrence_torch
from dasp.signal.smoothing import linear_recurrence, one_pole
from dasp.units import smoothing_coefficient

TIMES = (1, 2, 3, 64, 100, 1000)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def loop(a, b, zi):
    """y[n] = a[n] y[n-1] + b[n], sample by sample, for rows `(rows, time)`."""
    y, last = np.empty(b.shape), np.asarray(zi, dtype=np.float64)
    for n in range(b.shape[-1]):
        last = a[:, n] * last + b[:, n]
        y[:, n] = last
    return y


@pytest.fixture(params=[pytest.param("numba", marks=pytest.mark.numba), "torch"])
def backend(request, monkeypatch):
    monkeypatch.setattr(backends, "HAS_NUMBA", request.param == "numba")


@pytest.mark.parametrize("time", TIMES)
def test_the_recurrence_equals_the_loop(backend, time):
    a, b, zi = 2 * torch.rand(3, time, dtype=torch.float64) - 1, randn(3, time), randn(3)
    y, zf = linear_recurrence(a, b, zi)
    np.testing.assert_allclose(y, loop(a.numpy(), b.numpy(), zi), rtol=0, atol=1e-13)
    assert torch.equal(zf, y[:, -1])


def test_a_recurrence_with_ones_is_a_running_sum(backend):
    b = randn(2, 1000)
    y, _ = linear_recurrence(torch.ones(1, dtype=torch.float64), b)
    torch.testing.assert_close(y, b.cumsum(-1), rtol=0, atol=1e-11)


@pytest.mark.parametrize("pole", [0.0, 0.3, 0.999])
def test_one_pole_equals_scipy(backend, pole):
    x, zi = randn(2, 1000), randn(2)
    y, zf = one_pole(x, torch.tensor([pole], dtype=torch.float64), zi)
    expected, state = scipy.signal.lfilter(
        [1 - pole], [1.0, -pole], x.numpy(), zi=pole * zi[:, None].numpy()
    )
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(pole * zf[:, None], state, rtol=0, atol=1e-12)


def test_a_step_is_covered_to_63_percent_in_one_time_constant():
    x = torch.ones(1, 4801, dtype=torch.float64)
    y, _ = one_pole(x, smoothing_coefficient(torch.tensor([10.0], dtype=torch.float64), 48_000))
    assert y[0, 479].item() == pytest.approx(1 - np.exp(-1), rel=1e-9)  # 480 samples are 10 ms
    assert y[0, 4799].item() == pytest.approx(1 - np.exp(-10), rel=1e-9)


def test_in_single_precision():
    x = torch.randn(2, 5000)
    y, _ = one_pole(x, torch.tensor([0.999]))
    assert y.dtype is torch.float32
    pole = float(torch.tensor(0.999))
    expected = scipy.signal.lfilter([1 - pole], [1.0, -pole], x.double().numpy())
    assert np.abs(y.numpy() - expected).max() < 1e-5 * np.abs(expected).max()


def test_blocks_equal_the_whole(backend):
    a, b = torch.rand(2, 500, dtype=torch.float64), randn(2, 500)
    whole, last = linear_recurrence(a, b)
    blocks, zi = [], None
    for part_a, part_b in zip(a.split((7, 1, 0, 300, 192), -1), b.split((7, 1, 0, 300, 192), -1),
                              strict=True):  # fmt: skip
        y, zi = linear_recurrence(part_a, part_b, zi)
        blocks.append(y)
    torch.testing.assert_close(torch.cat(blocks, -1), whole, rtol=0, atol=1e-14)
    torch.testing.assert_close(zi, last, rtol=0, atol=1e-14)


def test_arguments_broadcast():
    """A pole an item, shared by its channels, and a state for each."""
    x, pole, zi = randn(3, 2, 50), torch.rand(3, 1, 1, dtype=torch.float64), randn(2)
    y, zf = one_pole(x, pole, zi)
    assert y.shape == (3, 2, 50) and zf.shape == (3, 2)
    for i in range(3):
        p = pole[i].numpy()
        expected = loop(np.broadcast_to(p, (2, 50)), (1 - p) * x[i].numpy(), zi)
        np.testing.assert_allclose(y[i], expected, rtol=0, atol=1e-13)


def test_no_samples():
    y, zf = one_pole(torch.zeros(2, 0), torch.tensor([0.5]), torch.tensor([1.0, 2.0]))
    assert y.shape == (2, 0) and torch.equal(zf, torch.tensor([1.0, 2.0]))


@pytest.mark.numba
def test_the_backends_agree_in_single_precision():
    from dasp.signal.backends import recurrence_numba

    a, b, zi = torch.rand(3, 2000), torch.randn(3, 2000), torch.randn(3)
    torch.testing.assert_close(
        recurrence_torch.linear_recurrence(a, b, zi),
        recurrence_numba.linear_recurrence(a, b, zi),
        rtol=0,
        atol=1e-5,
    )


def test_gradients(backend):
    arguments = torch.rand(2, 6, dtype=torch.float64), randn(2, 6), randn(2)
    arguments = tuple(argument.requires_grad_() for argument in arguments)
    torch.autograd.gradcheck(linear_recurrence, arguments, check_forward_ad=True)
    torch.autograd.gradgradcheck(linear_recurrence, arguments, check_fwd_over_rev=True)
    torch.autograd.gradcheck(one_pole, arguments)


def test_forward_mode_by_value():
    """The tangent obeys dy[n] = a[n] dy[n-1] + da[n] y[n-1] + db[n], written out."""
    values = torch.rand(2, 200, dtype=torch.float64), randn(2, 200), randn(2)
    da, db, dzi = randn(2, 200), randn(2, 200), randn(2)
    (y, _), (dy, dzf) = torch.func.jvp(linear_recurrence, values, (da, db, dzi))
    before = torch.cat((values[2][:, None], y[:, :-1]), -1)
    expected = loop(values[0].numpy(), (db + da * before).numpy(), dzi)
    np.testing.assert_allclose(dy, expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(dzf, expected[:, -1], rtol=0, atol=1e-11)


def test_vmap_and_hessian():
    a, b, zi = torch.rand(3, 20, dtype=torch.float64), randn(3, 2, 20), randn(3, 2)
    y, zf = torch.vmap(linear_recurrence)(a, b, zi)
    for i in range(3):
        torch.testing.assert_close((y[i], zf[i]), linear_recurrence(a[i], b[i], zi[i]))
    # Of y[2] = a2 a1 a0 zi, with b = 0: the derivative by a0 and a1 is a2 zi.
    last = lambda a: linear_recurrence(a, torch.zeros_like(a), a.new_tensor(5.0))[0][-1]  # noqa: E731
    hessian = torch.func.hessian(last)(torch.tensor([2.0, 3.0, 7.0], dtype=torch.float64))
    expected = 5.0 * torch.tensor([[0.0, 7, 3], [7, 0, 2], [3, 2, 0]])
    torch.testing.assert_close(hessian, expected.double())


def test_compiled_and_exported():
    torch.compiler.reset()
    results = []
    values = torch.rand(2, 50, dtype=torch.float64), randn(2, 50), randn(2)
    compiled = torch.compile(linear_recurrence, fullgraph=True, backend="aot_eager")
    for function in (linear_recurrence, compiled):
        arguments = [value.clone().requires_grad_() for value in values]
        y, zf = function(*arguments)
        (y.square().sum() + zf.sum()).backward()
        results.append([y.detach(), zf.detach(), *(argument.grad for argument in arguments)])
    for eager, traced in zip(*results, strict=True):
        torch.testing.assert_close(traced, eager)

    class Smoother(torch.nn.Module):
        def forward(self, x, pole):
            return one_pole(x, pole)[0]

    example = randn(2, 50), torch.tensor([0.9], dtype=torch.float64)
    exported = torch.export.export(Smoother(), example).module()
    x, pole = randn(2, 50), torch.tensor([0.5], dtype=torch.float64)
    torch.testing.assert_close(exported(x, pole), one_pole(x, pole)[0])
