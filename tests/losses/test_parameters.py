"""Errors of settings on their scales."""

import math

import pytest
import torch

from dasp.losses import parameter_error


def test_linear():
    output, target = torch.tensor([[1.0, -3.0], [0.0, 0.5]]), torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    assert parameter_error(output, target).item() == pytest.approx((1 + 3 + 0 + 0.5) / 4)
    assert parameter_error(output, target, reduction="none").tolist() == [2.0, 0.25]


def test_log_counts_octaves():
    output, target = torch.tensor([880.0, 110.0, 660.0]), torch.tensor([440.0, 440.0, 440.0])
    expected = (1 + 2 + math.log2(1.5)) / 3
    assert parameter_error(output, target, scale="log").item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("output", "target", "expected"),
    [(10.0, 350.0, 20.0), (350.0, 10.0, 20.0), (-10.0, 710.0, 0.0), (90.0, 270.0, 180.0)],
)
def test_circular_goes_the_shorter_way(output, target, expected):
    output = torch.tensor([output], requires_grad=True)
    error = parameter_error(output, torch.tensor([target]), scale="circular", period=360.0)
    assert error.item() == pytest.approx(expected, abs=1e-4)
    error.backward()
    assert output.grad.isfinite().all()


@pytest.mark.parametrize("scale", ["linear", "log", "circular"])
def test_no_error_has_a_finite_gradient(scale):
    output = torch.tensor([0.3, 0.7], requires_grad=True)
    error = parameter_error(output, output.detach().clone(), scale=scale)
    assert error.item() == pytest.approx(0.0, abs=1e-6)
    error.backward()
    assert output.grad.isfinite().all()


def test_bad_input():
    one = torch.ones(1)
    with pytest.raises(
        ValueError, match="scale: expected one of 'linear', 'log', 'circular', got 'octave'"
    ):
        parameter_error(one, one, scale="octave")
    with pytest.raises(ValueError, match="target: expected above 0"):
        parameter_error(one, 0 * one, scale="log")
    with pytest.raises(ValueError, match="expected one shape"):
        parameter_error(one, torch.ones(2))
