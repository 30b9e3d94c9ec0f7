import math

import pytest
import torch

from dasp.functional._param import to_physical
from dasp.processors import Option, Param, Processor


def test_linear_and_log_scales_at_the_ends_and_the_middle():
    linear = Param("gain_db", -60.0, 20.0, default=0.0)
    log = Param("freq_hz", 20.0, 20_000.0, default=100.0, scale="log")
    ends = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    assert linear.to_physical(ends).tolist() == [-60, -20, 20]
    torch.testing.assert_close(
        log.to_physical(ends), torch.tensor([20, math.sqrt(20 * 20_000), 20_000]).double()
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ends_of_a_log_scale_are_not_stepped_over(dtype):
    for high in (16_000.0, 19.99, 23_999.0, 0.3):
        param = Param("freq_hz", high / 7, high, default=high / 2, scale="log")
        assert param.to_physical(torch.ones((), dtype=dtype)).item() <= torch.tensor(
            high, dtype=dtype
        )


def test_bands_have_their_own_ranges():
    param = Param("peak_freq_hz", (20.0, 200.0), (100.0, 1000.0), default=(50.0, 500.0), bands=2)
    assert param.to_physical(torch.tensor([[0.0, 1.0]])).tolist() == [[20.0, 1000.0]]
    torch.testing.assert_close(param.to_control([60.0, 600.0]), torch.tensor([0.5, 0.5]))
    with pytest.raises(ValueError, match="peak_freq_hz: expected at least 200"):
        param.check([50.0, 50.0])
    with pytest.raises(ValueError, match="expected 2 bands, got 3"):
        param.check([50.0, 500.0, 500.0])


def test_an_end_that_was_rounded_to_single_precision_is_in_range():
    rounded = torch.tensor(0.3).item()
    assert rounded > 0.3
    Param("time_s", 0.1, 0.3, default=0.2).check(rounded)


def test_units_come_from_the_name():
    assert Param("attack_ms", 0.1, 10.0, default=1.0).unit == "ms"
    assert Param("wet.time_s", 0.1, 10.0, default=1.0).unit == "s"
    assert Param("ratio", 1.0, 10.0, default=1.0).unit == ""


def test_a_default_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"ratio: expected at least 1 and at most 10, got 0.5"):
        Param("ratio", 1.0, 10.0, default=0.5)


def test_options_are_choices_or_numbers():
    Option("order", 2, choices=(2, 4)).check(4)
    Option("side_chain_hz", None, low=10.0).check(None)
    Option("length_s", 1.5, low=0.0, high=60.0).check(60)
    with pytest.raises(ValueError, match="length_s: expected at least 0 and at most 60, got 1e"):
        Option("length_s", 1.5, low=0.0, high=60.0).check(1e9)
    with pytest.raises(ValueError, match="length_s: expected a number, got None"):
        Option("length_s", 1.5).check(None)
    with pytest.raises(ValueError, match="order: expected one of 2, 4, got 3"):
        Option("order", 2, choices=(2, 4)).check(3)


def test_a_processor_declares_exactly_its_keywords():
    def fader(x, sample_rate, *, gain_db, law="linear"):
        return x

    gain_db = Param("gain_db", -60.0, 0.0, default=0.0)
    Processor(fader, gain_db, Option("law", "linear"))
    with pytest.raises(ValueError, match="fader: the declared names"):
        Processor(fader, gain_db)
    with pytest.raises(ValueError, match="fader: the declared names"):
        Processor(fader, gain_db, gain_db, Option("law", 0))


def test_control_gradients_are_the_slope_of_the_map():
    param = Param("freq_hz", 20.0, 20_000.0, default=100.0, scale="log")
    control = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    value = param.to_physical(control)
    value.backward()
    torch.testing.assert_close(control.grad, value.detach() * math.log(1000))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_controls_at_once_stand_for_what_each_stands_for(dtype):
    params = (
        Param("gain_db", -60.0, 20.0, default=0.0),
        Param("freq_hz", (20.0, 200.0), (100.0, 1000.0), (50.0, 500.0), scale="log", bands=2),
        Param("mix", 0.0, 1.0, default=0.5),
    )
    u = torch.rand(3, 4, dtype=dtype).requires_grad_()
    u = torch.cat((u, torch.zeros(1, 4), torch.ones(1, 4), torch.full((1, 4), 1.5))).to(dtype)
    pieces = u[..., 0], u[..., 1:3], u[..., 3]
    values = to_physical(params, u)
    for param, piece in zip(params, pieces, strict=True):
        mine, theirs = values[param.name], param.to_physical(piece)
        torch.testing.assert_close(mine, theirs)
        slopes = (torch.autograd.grad(v.sum(), u, retain_graph=True)[0] for v in (mine, theirs))
        torch.testing.assert_close(*slopes)
