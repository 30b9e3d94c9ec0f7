"""Slopes at bounds, which must not be those that `Tensor.clamp` has on one torch or another."""

import pytest
import torch

from dasp._bounds import at_least, at_most, between, parts_of_sign, rounded_into

BELOW, LOW, INSIDE, HIGH, ABOVE = -1.0, 0.0, 0.4, 1.0, 2.0
EVERYWHERE = (BELOW, LOW, INSIDE, HIGH, ABOVE)


def value_and_slope(function, x=EVERYWHERE, **kind):
    x = torch.tensor(x, requires_grad=True, **kind)
    y = function(x)
    y.sum().backward()
    return y.tolist(), x.grad.tolist()


@pytest.mark.parametrize("as_bound", [float, torch.tensor])
def test_at_a_bound_the_slope_is_that_of_the_inside(as_bound):
    low, high = as_bound(LOW), as_bound(HIGH)
    kind = {"dtype": torch.float64}
    assert value_and_slope(lambda x: at_least(x, low), **kind) == (
        [0, 0, 0.4, 1, 2], [0, 1, 1, 1, 1],
    )  # fmt: skip
    assert value_and_slope(lambda x: at_most(x, high), **kind) == (
        [-1, 0, 0.4, 1, 1], [1, 1, 1, 1, 0],
    )  # fmt: skip
    assert value_and_slope(lambda x: between(x, low, high), **kind) == (
        [0, 0, 0.4, 1, 1], [0, 1, 1, 1, 0],
    )  # fmt: skip


def test_what_rounding_led_out_keeps_its_slope():
    y, slope = value_and_slope(lambda x: rounded_into(x, 0.0, 1.0), (1 + 1e-7, 0.5, -1e-9))
    assert y == [1, 0.5, 0]
    assert slope == [1, 1, 1]


def test_parts_of_a_sign_have_half_the_slope_at_zero():
    x = (-2.0, 0.0, 3.0)
    assert value_and_slope(lambda x: parts_of_sign(x)[0], x) == ([-2, 0, 0], [1, 0.5, 0])
    assert value_and_slope(lambda x: parts_of_sign(x)[1], x) == ([0, 0, 3], [0, 0.5, 1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_and_what_is_no_number_pass(dtype):
    x = torch.tensor([float("nan"), 0.5], dtype=dtype)
    for y in (between(x, 0.0, 1.0), rounded_into(x, 0.0, 1.0), parts_of_sign(x)[1]):
        assert y.dtype is dtype
        assert y[0].isnan() and y[1] == 0.5


@pytest.mark.parametrize("bounded", [
    lambda x: between(x, 0.0, 1.0), lambda x: rounded_into(x, 0.0, 1.0),
    lambda x: parts_of_sign(x - 0.5)[0],
])  # fmt: skip
def test_they_pass_through_transforms(bounded):
    x = torch.tensor([0.0, 0.3, 1.0])
    slope = value_and_slope(bounded, x.tolist())[1]
    _, tangent = torch.func.jvp(bounded, (x,), (torch.ones(3),))
    assert tangent.tolist() == slope
    assert torch.func.vmap(torch.func.grad(bounded))(x).tolist() == slope
    compiled = torch.compile(bounded, fullgraph=True, backend="aot_eager")
    assert value_and_slope(compiled, x.tolist())[1] == slope
