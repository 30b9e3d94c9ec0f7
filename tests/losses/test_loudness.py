import pyloudnorm
import pytest

from dasp.losses import loudness
from tests.losses.signals import noise

RATE = 48_000


def test_against_pyloudnorm():
    output, target = noise(2, 2 * RATE), 0.2 * noise(2, 2 * RATE, seed=1)
    meter = pyloudnorm.Meter(RATE)
    a, b = (meter.integrated_loudness(x.numpy().T) for x in (output, target))
    assert loudness(output, target, RATE).item() == pytest.approx(abs(a - b), abs=0.01)
