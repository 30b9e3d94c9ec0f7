import numpy as np
import pytest
import torch

from dasp.functional import gain


def test_decibels_are_twenty_to_a_factor_of_ten():
    x = torch.randn(2, 100, dtype=torch.float64)
    for gain_db, factor in ((0.0, 1.0), (20.0, 10.0), (-40.0, 0.01), (6.0, 1.9952623149688795)):
        torch.testing.assert_close(gain(x, 44_100, gain_db=gain_db), factor * x, rtol=1e-14, atol=0)


def test_each_item_has_its_own_gain():
    x = torch.randn(2, 3, 2, 50, dtype=torch.float64)
    gain_db = torch.linspace(-12, 12, 6, dtype=torch.float64).reshape(2, 3)
    expected = x.numpy() * 10 ** (gain_db.numpy()[..., None, None] / 20)
    np.testing.assert_allclose(gain(x, 44_100, gain_db=gain_db), expected, rtol=1e-13)


def test_a_fade_along_time():
    x = torch.ones(3, 2, 101, dtype=torch.float64)
    fade_db = torch.linspace(0, -20, 101, dtype=torch.float64)
    y = gain(x, 44_100, gain_db=fade_db)
    expected = torch.logspace(0, -1, 101, dtype=torch.float64).expand(3, 2, 101)
    torch.testing.assert_close(y, expected)
    each = torch.stack((fade_db, 0 * fade_db, -fade_db))
    y = gain(x, 44_100, gain_db=each)
    torch.testing.assert_close(y[0] * y[2], x[0])
    torch.testing.assert_close(y[1], x[1])


def test_the_slope_is_that_of_an_exponential():
    gain_db = torch.tensor(-6.0, dtype=torch.float64, requires_grad=True)
    y = gain(torch.ones(1, 1, dtype=torch.float64), 44_100, gain_db=gain_db)
    y.sum().backward()
    assert gain_db.grad.item() == pytest.approx(np.log(10) / 20 * y.item())


def test_errors_name_the_argument():
    x = torch.zeros(2, 2, 100)
    with pytest.raises(ValueError, match=r"gain_db: expected .*\(2,\) or.*\(2, 100\), got shape "):
        gain(x, 44_100, gain_db=torch.zeros(3))
    with pytest.raises(TypeError, match="no parameter 'gain'; did you mean 'gain_db'"):
        gain(x, 44_100, gain=3.0)
