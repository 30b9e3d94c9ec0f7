import os
import time

import numpy as np
import pytest
import torch

from dasp.grad import external, finite_difference
from dasp.processors import Option, Param, chain
from dasp.processors.catalogue import GAIN
from tests.grad.black_boxes import misbehaving, scaled

RATE = 8000
PARAMS = (
    Param("factor", 0.0, 4.0, default=1.0),
    Param("bands", 0.0, 1.0, default=0.5, bands=3),
)
FAULT = (Param("fault", 0.0, 4.0, default=0.0),)


def test_every_item_is_given_its_own_settings():
    x = torch.randn(2, 3, 2, 7, dtype=torch.float64)
    factor = torch.rand(2, 3, dtype=torch.float64)
    bands = torch.rand(3, 3, dtype=torch.float64)
    y = external(scaled, PARAMS)(x, RATE, factor=factor, bands=bands)
    torch.testing.assert_close(y, x * (factor * bands.sum(-1))[..., None, None])


def test_options_are_given_as_they_are():
    def named(x, sample_rate, *, gain, law):
        return x * gain if law == "linear" else x * 10 ** (gain / 20)

    effect = external(
        named,
        [Param("gain", 0.0, 20.0, default=0.0)],
        options=[Option("law", "linear", choices=("linear", "db"))],
    )
    x = torch.ones(1, 2)
    assert effect.name == "named"
    torch.testing.assert_close(effect(x, RATE, gain=20.0, law="db"), 10 * x)
    torch.testing.assert_close(effect(x, RATE, gain=20.0), 20 * x)
    with pytest.raises(TypeError, match="has no parameter 'lwa'; did you mean 'law'"):
        effect(x, RATE, lwa="db")


def test_the_type_of_x_is_kept_and_no_items_are_no_calls():
    effect = external(scaled, PARAMS)
    for dtype in (torch.float16, torch.float32, torch.float64):
        assert effect(torch.ones(2, 1, 3, dtype=dtype), RATE).dtype is dtype
    assert effect(torch.ones(0, 1, 3), RATE).shape == (0, 1, 3)
    assert effect(torch.ones(2, 1, 0), RATE).shape == (2, 1, 0)


def test_the_caller_keeps_the_audio():
    def spoilt(x, sample_rate):
        x *= 0
        return x

    x = torch.ones(1, 2)
    external(spoilt, [])(x, RATE)
    assert torch.equal(x, torch.ones(1, 2))


def test_a_black_box_has_no_gradient_but_gets_one():
    effect = external(scaled, PARAMS)
    factor = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    x = torch.ones(1, 1, 4, dtype=torch.float64)
    y = effect(x, RATE, factor=factor)
    with pytest.raises(RuntimeError, match="scaled is a black box without a gradient: wrap it"):
        y.sum().backward()
    finite_difference(chain(GAIN, effect))(x, RATE, **{"scaled.factor": factor}).sum().backward()
    torch.testing.assert_close(factor.grad, torch.tensor([4 * 1.5], dtype=torch.float64))


def test_errors_name_the_black_box():
    with pytest.raises(RuntimeError, match="misbehaving: ArithmeticError: the coil is too hot"):
        external(misbehaving, FAULT)(torch.ones(1, 4), RATE, fault=1.0)
    short = external(lambda x, sample_rate: x[:, 1:], [], name="short")
    with pytest.raises(RuntimeError, match=r"short: expected it to return shape \(1, 4\)"):
        short(torch.ones(1, 4), RATE)
    with pytest.raises(ValueError, match="timeout_s: only a worker can be ended"):
        external(misbehaving, FAULT, timeout_s=1.0)


@pytest.mark.long  # Five processes start.
def test_workers_share_a_batch_and_survive_what_happens_in_them():
    effect = external(misbehaving, FAULT, workers=2, timeout_s=2.0)
    x = torch.randn(4, 1, 5, dtype=torch.float64)
    torch.testing.assert_close(effect(x, RATE), x)
    elsewhere = set(effect(torch.ones(8, 1, 1).double(), RATE, fault=4.0).flatten().tolist())
    assert os.getpid() not in elsewhere

    def fault(kind: float) -> torch.Tensor:
        return torch.tensor([0.0, 0.0, kind, 0.0])

    with pytest.raises(RuntimeError, match=r"misbehaving: .*ArithmeticError: the coil is too hot"):
        effect(x, RATE, fault=fault(1.0))
    with pytest.raises(RuntimeError, match=r"misbehaving: .*process ended \(killed by signal 9\)"):
        effect(x, RATE, fault=fault(2.0))
    before = time.monotonic()
    with pytest.raises(RuntimeError, match=r"misbehaving: TimeoutError: no answer within 2 s"):
        effect(x, RATE, fault=fault(3.0))
    assert time.monotonic() - before < 30
    torch.testing.assert_close(effect(x, RATE), x)


def test_bands_are_arrays():
    heard = []

    def noted(x, sample_rate, *, factor, bands):
        heard.append((factor, bands))
        return x

    external(noted, PARAMS)(torch.ones(1, 4), RATE, bands=[0.1, 0.2, 0.3])
    factor, bands = heard[0]
    assert isinstance(factor, float) and isinstance(bands, np.ndarray)
    np.testing.assert_allclose(bands, [0.1, 0.2, 0.3], rtol=1e-6)
