import math

import pytest
import torch

from dasp.analysis.levels import measure_crest_factor, measure_peak, measure_rms

RATE = 48_000


def test_a_full_scale_sine_has_a_crest_factor_of_3_db():
    t = torch.arange(RATE, dtype=torch.float64) / RATE
    x = torch.stack((torch.sin(2 * torch.pi * 1000 * t), 0.1 * torch.sin(2 * torch.pi * 250 * t)))
    for measure, expected in (
        (measure_peak, [0.0, -20.0]),
        (measure_rms, [-3.0103, -23.0103]),
        (measure_crest_factor, [3.0103, 3.0103]),
    ):
        assert measure(x, RATE).tolist() == pytest.approx(expected, abs=1e-4)


def test_noise_and_square_waves():
    uniform = 2 * torch.rand(1, 1_000_000, dtype=torch.float64) - 1
    assert measure_rms(uniform, RATE).item() == pytest.approx(-10 * math.log10(3), abs=0.02)
    square = torch.tensor([[0.5, -0.5, -0.5, 0.5]])
    assert measure_crest_factor(square, RATE).item() == 0
    one_in_a_hundred = torch.zeros(1, 100)
    one_in_a_hundred[0, 7] = -0.3
    assert measure_crest_factor(one_in_a_hundred, RATE).item() == pytest.approx(20.0, abs=1e-4)


@pytest.mark.parametrize("measure", [measure_peak, measure_rms, measure_crest_factor])
def test_gradients_and_silence(measure):
    x = torch.randn(2, 2, 30, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: measure(x, RATE), x)
    silence = torch.zeros(2, 30, requires_grad=True)
    y = measure(silence, RATE)
    level_db = 0.0 if measure is measure_crest_factor else -160.0
    assert y.tolist() == pytest.approx([level_db] * 2, abs=1e-3)
    (gradient,) = torch.autograd.grad(y.sum(), silence)
    assert torch.equal(gradient, torch.zeros_like(silence))


def test_channels_and_items_are_measured_on_their_own():
    gain_db = torch.tensor([[0.0, -6.0], [-12.0, -40.0]])
    x = torch.randn(1, 1, 500) * 10 ** (gain_db[..., None] / 20)
    for measure in (measure_peak, measure_rms):
        torch.testing.assert_close(measure(x, RATE) - measure(x, RATE)[0, 0], gain_db)
