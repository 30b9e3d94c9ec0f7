import math

import pytest
import torch

import dasp.functional as F

RATE = 48_000


def _tone(freq_hz: float, late: float = 0.0, time: int = 2000) -> torch.Tensor:
    n = torch.arange(time, dtype=torch.float64) - late
    return torch.sin(2 * math.pi * freq_hz / RATE * n)[None]


@pytest.mark.parametrize("delay", [-100.75, -3.5, -0.001, 0.25, 0.5, 17.999])
@pytest.mark.parametrize("freq_hz", [100.0, 3000.0, 15_000.0, 20_600.0])
def test_a_sine_is_a_later_sine(delay, freq_hz):
    """Within -70 dB of the sine that the formula gives, up to 0.43 of the sample rate."""
    y = F.time_shift(_tone(freq_hz), RATE, delay_samples=delay)
    inside = slice(200, -200)
    error = (y - _tone(freq_hz, late=delay))[:, inside].abs().max()
    assert error < 10 ** (-70 / 20)


@pytest.mark.parametrize("delay", [-50, -1, 0, 1, 37, 5000])
def test_whole_samples_only_move(delay):
    x = torch.randn(2, 300, dtype=torch.float64)
    expected = torch.zeros_like(x)
    for n in range(300):
        if 0 <= n - delay < 300:
            expected[:, n] = x[:, n - delay]
    torch.testing.assert_close(F.time_shift(x, RATE, delay_samples=float(delay)), expected)


def test_each_item_has_its_own_delay():
    x = torch.randn(3, 1, 400, dtype=torch.float64)
    delays = torch.tensor([0.5, -2.25, 9.0], dtype=torch.float64)
    y = F.time_shift(x, RATE, delay_samples=delays)
    for i in range(3):
        torch.testing.assert_close(y[i], F.time_shift(x[i], RATE, delay_samples=delays[i]))
