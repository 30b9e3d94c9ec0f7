import math

import numpy as np
import pytest
import torch

from dasp.signal.backends import delay_torch
from dasp.signal.delay import _solve, feedback_delay, fractional_delay


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def rand(*shape):
    return torch.rand(*shape, dtype=torch.float64)


def lagrange_reading(past, delay, newest):
    """Fit a cubic through the four samples around `delay` ago; `past(i)` is the one i ago."""
    first = max(math.floor(delay) - 1, newest)
    points = [first, first + 1, first + 2, first + 3]
    cubic = np.linalg.solve(np.vander(np.array(points) - delay, 4), [past(i) for i in points])
    return cubic[-1]


def delayed_loop(x, delay):
    return np.array([
        lagrange_reading(lambda i, n=n: x[n - i] if i <= n else 0.0, delay[n], newest=0)
        for n in range(len(x))
    ])  # fmt: skip


def feedback_loop(x, delay, feedback):
    y = x.copy()
    for n in range(len(x)):
        past = lambda i, n=n: y[n - i] if i <= n else 0.0  # noqa: E731
        y[n] += feedback[n] * lagrange_reading(past, delay[n], newest=1)
    return y


@pytest.mark.parametrize("delay", [0, 1, 2, 3, 17, 49, 50, 80, 10**12])
def test_integer_delays_move_samples_and_no_more(delay):
    x = randn(2, 50)
    expected = torch.zeros_like(x)
    expected[:, delay:] = x[:, : max(50 - delay, 0)]
    for same in (delay, float(delay), torch.full_like(x, delay), torch.full((2, 1), delay)):
        assert torch.equal(fractional_delay(x, same), expected)


def test_equals_a_written_out_loop():
    x, delay = randn(60), 12 * rand(60)
    np.testing.assert_allclose(
        fractional_delay(x, delay), delayed_loop(x.numpy(), delay.numpy()), atol=1e-12
    )


@pytest.mark.parametrize("delay", [0.0, 0.3, 1.0, 5.7, 59.2, 100.5])
def test_a_delay_at_rest_equals_the_same_delay_all_along(delay):
    x = randn(3, 60)
    moving = fractional_delay(x, torch.full_like(x, delay))
    torch.testing.assert_close(fractional_delay(x, delay), moving, rtol=0, atol=1e-15)
    one_a_row = torch.full((3, 1), delay, dtype=torch.float64)
    torch.testing.assert_close(fractional_delay(x, one_a_row), moving, rtol=0, atol=1e-15)


def test_integer_delays_feed_back_like_floating_ones():
    x, gain, history = randn(2, 60), rand(2, 60), randn(2, 30)
    lengths = torch.tensor([[7], [20]])
    whole, fractional = (feedback_delay(x, d, gain, history) for d in (lengths, lengths.double()))
    torch.testing.assert_close(whole, fractional, rtol=0, atol=1e-13)
    arguments = x[:, :9].requires_grad_(), gain[:, :9].requires_grad_()
    loop = lambda x, gain: feedback_delay(x, 3, gain)  # noqa: E731
    torch.autograd.gradcheck(loop, arguments, check_forward_ad=True)
    torch.autograd.gradgradcheck(loop, arguments, check_fwd_over_rev=True)


@pytest.mark.parametrize("delay", [0.0, 0.3, 0.99, 1.0, 1.5, 7.25])
def test_a_cubic_is_delayed_exactly(delay):
    # Also below one sample, where the reading uses the newest samples only.
    n = torch.arange(20, dtype=torch.float64)
    cubic = lambda t: 1 + 0.5 * t - 0.3 * t**2 + 0.01 * t**3  # noqa: E731
    y = fractional_delay(cubic(n), delay)
    torch.testing.assert_close(y[11:], cubic(n[11:] - delay), rtol=1e-11, atol=0)


def test_error_on_a_sine_falls_with_the_fourth_power_of_frequency():
    n = torch.arange(400, dtype=torch.float64)
    errors = []
    for omega in (0.2, 0.1):
        y = fractional_delay(torch.sin(omega * n), 10.5)
        errors.append((y - torch.sin(omega * (n - 10.5)))[20:].abs().max())
    # The remainder of cubic interpolation half way: omega^4 (3/2 1/2 1/2 3/2) / 4!
    assert errors[1] == pytest.approx(0.1**4 * (9 / 16) / 24, rel=0.02)
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.05)


@pytest.mark.parametrize("delay", [0.0, 0.4, 1.0, 1.7, 5.2])
def test_nothing_sounds_before_the_impulse(delay):
    x = torch.zeros(30)
    x[10] = 1.0
    assert not fractional_delay(x, delay)[:10].any()
    if delay >= 1:
        assert not feedback_delay(x, delay, 0.9)[:10].any()


@pytest.mark.parametrize("function", [fractional_delay, lambda x, d: feedback_delay(x, d, 0.5)])
def test_the_result_is_continuous_in_the_delay(function):
    x = randn(40)
    for delay in (1, 2, 3, 8):
        below, above = function(x, delay - 1e-9 * (delay > 1)), function(x, delay + 1e-9)
        torch.testing.assert_close(below, above, rtol=0, atol=1e-7)


def test_float32_reads_long_delays_as_exactly_as_float64():
    # A tenth of a sample in a long delay survives, because positions are kept in float64.
    x = torch.randn(100_100)
    y = fractional_delay(x, 100_000.1)
    exact = fractional_delay(x.double(), 100_000.1)
    torch.testing.assert_close(y.double(), exact, rtol=0, atol=1e-6)


def test_feedback_equals_a_written_out_loop():
    x, delay, feedback = randn(80), 1 + 9 * rand(80), 2 * rand(80) - 1
    y = feedback_delay(x, delay, feedback)
    expected = feedback_loop(x.numpy(), delay.numpy(), feedback.numpy())
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


def test_echoes_of_an_impulse_fall_by_the_feedback():
    x = torch.zeros(1, 100, dtype=torch.float64)
    x[0, 0] = 1.0
    y = feedback_delay(x, 20, 0.7)
    expected = torch.zeros_like(x)
    expected[0, ::20] = 0.7 ** torch.arange(5, dtype=torch.float64)
    torch.testing.assert_close(y, expected, rtol=1e-15, atol=0)


def test_blocks_with_history_equal_the_whole():
    x, delay = randn(2, 200), 2 + 28 * rand(2, 200)
    whole = feedback_delay(x, delay, 0.8)
    history, blocks = torch.zeros(2, 33, dtype=torch.float64), []
    for block, d in zip(x.split(37, -1), delay.split(37, -1), strict=True):
        blocks.append(feedback_delay(block, d, 0.8, history))
        history = torch.cat((history, blocks[-1]), -1)[..., -33:]
    assert torch.equal(torch.cat(blocks, -1), whole)


@pytest.mark.numba
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shortest", [1, 6, 200])
def test_backends_agree(transposed, shortest):
    from dasp.signal.backends import delay_numba

    x, weights = randn(3, 150), randn(3, 150, 4) / 4
    offset = torch.randint(shortest, shortest + 20, (3, 150))
    compiled = delay_numba.solve(x, weights, offset, transposed)
    portable = delay_torch.solve(x, weights, offset, transposed)
    torch.testing.assert_close(compiled, portable, rtol=1e-11, atol=1e-12)


def test_the_two_recurrences_are_transposes():
    x, z, weights = randn(2, 50), randn(2, 50), randn(2, 50, 4) / 4
    offset = torch.randint(1, 9, (2, 50))
    there = (z * _solve(x, weights, offset, False)).sum()
    back = (x * _solve(z, weights, offset, True)).sum()
    torch.testing.assert_close(there, back)


def test_rows_are_independent():
    x, delay = randn(3, 40), 2 + 5 * rand(3, 1)
    alone = feedback_delay(x, delay, 0.5), fractional_delay(x, delay)
    x[1, 3] = torch.nan
    now = feedback_delay(x, delay, 0.5), fractional_delay(x, delay)
    for a, b in zip(alone, now, strict=True):
        assert torch.equal(a[[0, 2]], b[[0, 2]])


def test_half_types_are_computed_in_float32():
    x = randn(2, 50).half()
    for y, exact in (
        (fractional_delay(x, 3.3), fractional_delay(x.double(), 3.3)),
        (feedback_delay(x, 3.3, 0.5), feedback_delay(x.double(), 3.3, 0.5)),
    ):
        assert y.dtype == torch.float16
        torch.testing.assert_close(y.double(), exact, rtol=1e-3, atol=1e-3)


def test_one_sample_and_no_samples():
    x = randn(2, 1)
    assert torch.equal(feedback_delay(x, 1.5, 0.5), x)
    assert torch.equal(fractional_delay(x, 0.0), x)
    for empty in (torch.zeros(2, 0), torch.zeros(0, 5)):
        assert feedback_delay(empty, 2.5, 0.5).shape == empty.shape
        assert fractional_delay(empty, 2.5).shape == empty.shape


def test_errors_name_the_argument():
    x = randn(2, 20)
    with pytest.raises(ValueError, match="delay_samples: expected at least 0, got -1"):
        fractional_delay(x, -1.0)
    with pytest.raises(ValueError, match=r"delay_samples: expected at least 1, got 0\.5"):
        feedback_delay(x, 0.5, 0.5)
    with pytest.raises(ValueError, match=r"delay_samples: .* got nan"):
        fractional_delay(x, torch.tensor(math.nan))


def feedback_arguments():
    # History, delays that move along time and one feedback a row, all with gradients.
    x, delay, feedback, history = randn(2, 9), 1 + 4 * rand(2, 9), rand(2, 1), randn(2, 4)
    return tuple(t.requires_grad_() for t in (x, delay, feedback, history))


def test_gradients_of_the_delay():
    x, delay = randn(2, 9).requires_grad_(), (5 * rand(2, 9)).requires_grad_()
    torch.autograd.gradcheck(fractional_delay, (x, delay), check_forward_ad=True)
    torch.autograd.gradgradcheck(fractional_delay, (x, delay))
    constant = torch.tensor([[0.4], [2.6]], dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(fractional_delay, (x, constant), check_forward_ad=True)


def test_gradients_of_the_feedback_delay():
    arguments = feedback_arguments()
    torch.autograd.gradcheck(
        feedback_delay, arguments, check_forward_ad=True,
        check_batched_grad=True, check_batched_forward_grad=True,
    )  # fmt: skip
    torch.autograd.gradgradcheck(feedback_delay, arguments, check_fwd_over_rev=True)


@pytest.mark.parametrize("transposed", [False, True])
def test_gradients_of_both_recurrences(transposed):
    offset = torch.randint(1, 5, (2, 9))
    arguments = randn(2, 9).requires_grad_(), randn(2, 9, 4).requires_grad_()
    solve = lambda x, weights: _solve(x, weights, offset, transposed)  # noqa: E731
    torch.autograd.gradcheck(solve, arguments, check_forward_ad=True)
    torch.autograd.gradgradcheck(solve, arguments, check_fwd_over_rev=True)


def test_forward_mode_by_value():
    point = tuple(t.detach() for t in feedback_arguments())
    direction = tuple(torch.randn_like(t) for t in point)
    step = 1e-6
    ahead, behind = (
        feedback_delay(*(p + s * d for p, d in zip(point, direction, strict=True)))
        for s in (step, -step)
    )
    expected = (ahead - behind) / (2 * step)
    _, tangent = torch.func.jvp(feedback_delay, point, direction)
    torch.testing.assert_close(tangent, expected, rtol=1e-7, atol=1e-7)
    with torch.autograd.forward_ad.dual_level():
        duals = map(torch.autograd.forward_ad.make_dual, point, direction)
        dual = torch.autograd.forward_ad.unpack_dual(feedback_delay(*duals))
    torch.testing.assert_close(dual.tangent, expected, rtol=1e-7, atol=1e-7)
    # Under vmap too, item by item.
    mapped = torch.vmap(lambda *args: torch.func.jvp(feedback_delay, args[:4], args[4:])[1])
    torch.testing.assert_close(mapped(*point, *direction), tangent)


def test_vmap():
    x, delay, feedback, history = (t.detach() for t in feedback_arguments())
    y = feedback_delay(x, delay, feedback, history)
    torch.testing.assert_close(torch.vmap(feedback_delay)(x, delay, feedback, history), y)
    torch.testing.assert_close(
        torch.vmap(feedback_delay, in_dims=(0, 0, None, 1))(x, delay, feedback[0], history.T),
        feedback_delay(x, delay, feedback[0], history),
    )
    torch.testing.assert_close(torch.vmap(fractional_delay)(x, delay), fractional_delay(x, delay))


def test_compile_and_export():
    arguments = feedback_arguments()
    compiled = torch.compile(feedback_delay, fullgraph=True, backend="aot_eager")
    y, expected = compiled(*arguments), feedback_delay(*arguments)
    torch.testing.assert_close(y, expected)
    weight = torch.randn_like(y)
    torch.testing.assert_close(
        torch.autograd.grad(y, arguments, weight), torch.autograd.grad(expected, arguments, weight)
    )

    class Line(torch.nn.Module):
        def forward(self, *arguments):
            return feedback_delay(*arguments)

    exported = torch.export.export(Line(), arguments).module()
    torch.testing.assert_close(exported(*arguments), expected)
    x, delay = arguments[:2]
    torch.testing.assert_close(
        torch.compile(fractional_delay, fullgraph=True, backend="aot_eager")(x, delay),
        fractional_delay(x, delay),
    )
