import pytest
import torch

from dasp.functional import mid_side, stereo_widener
from dasp.functional.stereo import from_mid_side, to_mid_side


def stereo():
    return torch.randn(3, 2, 100, dtype=torch.float64)


def test_mid_and_side_and_back():
    x = stereo()
    mid, side = to_mid_side(x)
    torch.testing.assert_close(mid[:, 0], (x[:, 0] + x[:, 1]) / 2)
    torch.testing.assert_close(side[:, 0], (x[:, 0] - x[:, 1]) / 2)
    torch.testing.assert_close(from_mid_side(mid, side), x)


def test_widths_of_0_1_and_2():
    x = stereo()
    narrow, same, wide = (
        stereo_widener(x, 44_100, width=torch.tensor(w, dtype=x.dtype)) for w in (0.0, 1.0, 2.0)
    )
    mono = x.mean(1, keepdim=True).expand_as(x)
    torch.testing.assert_close(narrow, mono)
    torch.testing.assert_close(same, x)
    torch.testing.assert_close(wide, mono + 2 * (x - mono))


def test_the_width_leaves_the_mono_sum_alone():
    x = stereo()
    for width in (0.0, 0.3, 1.7, 5.0):
        torch.testing.assert_close(stereo_widener(x, 44_100, width=width).sum(1), x.sum(1))


def test_levels_of_mid_and_side():
    x = stereo()
    y = mid_side(x, 44_100, mid_gain_db=-20.0, side_gain_db=20.0)
    mid, side = to_mid_side(x)
    torch.testing.assert_close(y, torch.cat((mid / 10 + 10 * side, mid / 10 - 10 * side), 1))


def test_a_width_that_moves():
    x, width = stereo(), torch.linspace(0, 2, 100, dtype=torch.float64)
    mid, side = to_mid_side(x)
    moving = stereo_widener(x, 44_100, width=width)
    torch.testing.assert_close(moving, from_mid_side(mid, side * width))
    gains_db = torch.linspace(-20, 0, 100, dtype=torch.float64)
    moving = mid_side(x, 44_100, mid_gain_db=0.0, side_gain_db=gains_db)
    torch.testing.assert_close(moving, from_mid_side(mid, side * 10 ** (gains_db / 20)))


def test_the_gradient_to_the_width_is_the_side():
    x = stereo()
    width = torch.ones(3, dtype=torch.float64, requires_grad=True)
    stereo_widener(x, 44_100, width=width)[:, 0].sum().backward()
    torch.testing.assert_close(width.grad, (x[:, 0] - x[:, 1]).sum(-1) / 2)


def test_errors_name_the_argument():
    for function, settings in (
        (stereo_widener, {"width": 1.0}),
        (mid_side, {"mid_gain_db": 0.0, "side_gain_db": 0.0}),
    ):
        with pytest.raises(ValueError, match="x: expected 2 channels, got 1"):
            function(torch.zeros(1, 100), 44_100, **settings)
    with pytest.raises(ValueError, match="width: expected at least 0, got -1"):
        stereo_widener(stereo(), 44_100, width=-1.0)
