import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal import backends
from dasp.signal.allpass import _solve, all_pass_cascade, design_first_order_all_pass
from dasp.signal.backends import allpass_torch
from dasp.signal.smoothing import linear_recurrence

RATE = 48_000
STAGES = (1, 2, 5)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def between_minus_1_and_1(*shape):
    return 1.8 * torch.rand(*shape, dtype=torch.float64) - 0.9


def loop(x, a, feedback, stages, zi=None):
    """Each stage of each sample, written out, for one row."""
    last = np.zeros(stages + 1, np.result_type(x, a, feedback)) if zi is None else zi
    y = np.empty(len(x), last.dtype)
    for n in range(len(x)):
        u = [x[n] + feedback[n] * last[-1]]
        for i in range(1, stages + 1):
            u.append(a[n] * u[i - 1] + last[i - 1] - a[n] * last[i])
        y[n], last = u[-1], np.array(u)
    return y, last


@pytest.fixture(params=[pytest.param("numba", marks=pytest.mark.numba), "torch"])
def backend(request, monkeypatch):
    monkeypatch.setattr(backends, "HAS_NUMBA", request.param == "numba")


@pytest.mark.parametrize("stages", STAGES)
@pytest.mark.parametrize("time", [1, 2, 3, 100, allpass_torch.BLOCK + 1])
def test_equals_a_written_out_loop(backend, stages, time):
    x, a, feedback = randn(3, time), between_minus_1_and_1(3, time), between_minus_1_and_1(3, time)
    zi = randn(3, stages + 1)
    y, zf = all_pass_cascade(x, a, feedback, stages, zi)
    for row in range(3):
        expected, last = loop(*(t[row].numpy() for t in (x, a, feedback)), stages, zi[row].numpy())
        np.testing.assert_allclose(y[row], expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(zf[row], last, rtol=1e-12, atol=1e-12)


def test_without_feedback_the_stages_are_first_order_recurrences(backend):
    x, a = randn(2, 1000), between_minus_1_and_1(2, 1000)
    expected = x
    for _ in range(4):
        before = torch.nn.functional.pad(expected, (1, -1))
        expected, _ = linear_recurrence(-a, a * expected + before)
    y, _ = all_pass_cascade(x, a, 0.0, 4)
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("stages", STAGES)
@pytest.mark.parametrize("feedback", [0.0, 0.7, -0.95])
def test_standing_still_equals_scipy(backend, stages, feedback):
    """H = A / (1 - feedback z^-1 A), where A is the cascade without feedback."""
    x, a = randn(1, 1000), -0.8
    top, bottom = np.array([1.0]), np.array([1.0])
    for _ in range(stages):
        top, bottom = np.convolve(top, [a, 1]), np.convolve(bottom, [1, a])
    loop_bottom = np.append(bottom, 0) - feedback * np.append(0, top)
    expected = scipy.signal.lfilter(np.append(top, 0), loop_bottom, x.numpy())
    y, _ = all_pass_cascade(x, torch.full_like(x, a), feedback, stages)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("freq_hz", [20.0, 1000.0, 12_000.0, 23_000.0])
def test_a_stage_turns_its_frequency_by_90_degrees_and_keeps_every_level(freq_hz):
    a = design_first_order_all_pass(torch.tensor(freq_hz).double(), RATE).item()
    response = scipy.signal.freqz([a, 1], [1, a], worN=[0, freq_hz, RATE / 2], fs=RATE)[1]
    np.testing.assert_allclose(response, [1, -1j, -1], rtol=0, atol=1e-12)


def test_blocks_equal_the_whole(backend):
    x, a, feedback = randn(2, 200), between_minus_1_and_1(2, 200), between_minus_1_and_1(2, 200)
    whole, last = all_pass_cascade(x, a, feedback, 4)
    blocks, zi = [], None
    for parts in zip(*(t.split((7, 1, 0, 150, 42), -1) for t in (x, a, feedback)), strict=True):
        y, zi = all_pass_cascade(*parts, 4, zi)
        blocks.append(y)
    torch.testing.assert_close(torch.cat(blocks, -1), whole, rtol=0, atol=1e-13)
    torch.testing.assert_close(zi, last, rtol=0, atol=1e-13)


@pytest.mark.numba
@pytest.mark.parametrize("transposed", [False, True])
def test_backends_agree(transposed):
    from dasp.signal.backends import allpass_numba

    time = allpass_torch.BLOCK + 100
    q, a, feedback = randn(3, time, 5), between_minus_1_and_1(3, time), between_minus_1_and_1(3, 1)
    arguments = q, a, feedback.expand(3, time), transposed
    torch.testing.assert_close(
        allpass_numba.solve(*arguments), allpass_torch.solve(*arguments), rtol=1e-11, atol=1e-11
    )


def test_the_two_maps_are_transposes(backend):
    q, p = randn(2, 60, 4), randn(2, 60, 4)
    coefficients = between_minus_1_and_1(2, 60), between_minus_1_and_1(2, 60)
    there = (p * _solve(q, *coefficients)).sum()
    back = (q * _solve(p, *coefficients, transposed=True)).sum()
    torch.testing.assert_close(there, back)


def test_in_single_precision():
    """A low break frequency at a high rate, where a is all but -1."""
    x = torch.randn(1, 20_000)
    a = design_first_order_all_pass(torch.tensor([100.0]), 192_000)
    y, _ = all_pass_cascade(x, a, 0.5, 6)
    exact, _ = all_pass_cascade(x.double(), a.double(), 0.5, 6)
    assert y.dtype is torch.float32
    assert (y - exact).abs().max() < 1e-4 * exact.abs().max()


@pytest.mark.parametrize("shape", [(2, 0), (0, 5), (0, 0)])
def test_no_samples(shape):
    y, zf = all_pass_cascade(torch.zeros(shape), torch.tensor([0.5]), 0.5, 3)
    assert y.shape == shape and zf.shape == (shape[0], 4)


def test_arguments_broadcast():
    """A coefficient an item, shared by its channels, and one state for all."""
    x, a, zi = randn(3, 2, 20), between_minus_1_and_1(3, 1, 1), randn(4)
    y, zf = all_pass_cascade(x, a, 0.3, 3, zi)
    assert y.shape == x.shape and zf.shape == (3, 2, 4)
    for i in range(3):
        alone, _ = all_pass_cascade(x[i, 1], a[i, 0], torch.tensor(0.3), 3, zi)
        torch.testing.assert_close(y[i, 1], alone)


def test_gradients(backend):
    arguments = randn(2, 5), between_minus_1_and_1(2, 5), between_minus_1_and_1(2, 5), randn(2, 4)
    arguments = tuple(argument.requires_grad_() for argument in arguments)

    def cascade(x, a, feedback, zi):
        return all_pass_cascade(x, a, feedback, 3, zi)

    torch.autograd.gradcheck(cascade, arguments, check_forward_ad=True)
    torch.autograd.gradgradcheck(cascade, arguments, check_fwd_over_rev=True)


def test_forward_mode_by_value():
    """The tangent is that of the loop on complex numbers, stepped a little off the real line."""
    values = randn(1, 200), between_minus_1_and_1(1, 200), between_minus_1_and_1(1, 1)
    tangents = randn(1, 200), randn(1, 200), randn(1, 1)
    _, dy = torch.func.jvp(lambda *v: all_pass_cascade(*v, 4)[0], values, tangents)
    step = 1e-30
    x, a, feedback = (
        (v + 1j * step * t).expand(1, 200)[0].numpy() for v, t in zip(values, tangents, strict=True)
    )
    np.testing.assert_allclose(dy[0], loop(x, a, feedback, 4)[0].imag / step, rtol=1e-9, atol=1e-11)


def test_vmap_and_hessian():
    x, a = randn(3, 2, 20), between_minus_1_and_1(3, 20)
    y = torch.vmap(lambda x, a: all_pass_cascade(x, a, 0.5, 2)[0])(x, a)
    for i in range(3):
        torch.testing.assert_close(y[i], all_pass_cascade(x[i], a[i], 0.5, 2)[0])
    # The impulse response of two stages starts a^2, 2 a (1 - a^2).
    impulse = torch.eye(1, 2, dtype=torch.float64)
    second = lambda a: all_pass_cascade(impulse, a, 0.0, 2)[0][0, 1]  # noqa: E731
    hessian = torch.func.hessian(second)(torch.tensor(0.3, dtype=torch.float64))
    assert hessian.item() == pytest.approx(-12 * 0.3, rel=1e-12)


def test_compiled_and_exported():
    torch.compiler.reset()
    results = []
    values = randn(2, 50), between_minus_1_and_1(2, 50), between_minus_1_and_1(2, 1)
    compiled = torch.compile(all_pass_cascade, fullgraph=True, backend="aot_eager")
    for function in (all_pass_cascade, compiled):
        arguments = [value.clone().requires_grad_() for value in values]
        y, zf = function(*arguments, 4)
        (y.square().sum() + zf.sum()).backward()
        results.append([y.detach(), zf.detach(), *(argument.grad for argument in arguments)])
    for eager, traced in zip(*results, strict=True):
        torch.testing.assert_close(traced, eager)

    class Cascade(torch.nn.Module):
        def forward(self, x, a, feedback):
            return all_pass_cascade(x, a, feedback, 4)[0]

    exported = torch.export.export(Cascade(), values).module()
    others = randn(2, 50), between_minus_1_and_1(2, 50), between_minus_1_and_1(2, 1)
    torch.testing.assert_close(exported(*others), Cascade()(*others))
