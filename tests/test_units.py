import math

import pytest
import torch

from dasp.units import SILENCE_DB, db_to_gain, gain_to_db, power_to_db, smoothing_coefficient


def test_decibels_of_known_factors():
    for db, gain in ((0.0, 1.0), (20.0, 10.0), (-60.0, 1e-3), (6.020599913279624, 2.0)):
        assert db_to_gain(db) == pytest.approx(gain)
        assert gain_to_db(gain) == pytest.approx(db)
        assert gain_to_db(-gain) == pytest.approx(db)
        tensor = torch.tensor(gain, dtype=torch.float64)
        assert gain_to_db(tensor).item() == pytest.approx(db)
        assert power_to_db(tensor.square()).item() == pytest.approx(db)


def test_there_and_back():
    db = torch.linspace(-150, 60, 300, dtype=torch.float64)
    torch.testing.assert_close(gain_to_db(db_to_gain(db)), db)
    torch.testing.assert_close(power_to_db(db_to_gain(db) ** 2), db)


@pytest.mark.parametrize("to_db", [gain_to_db, power_to_db])
def test_silence_has_a_level_and_a_gradient(to_db):
    silence = torch.zeros(3, requires_grad=True)
    level = to_db(silence)
    torch.testing.assert_close(level, torch.full((3,), SILENCE_DB), rtol=1e-6, atol=0)
    level.sum().backward()
    assert torch.equal(silence.grad, torch.zeros(3))
    assert gain_to_db(0.0) == pytest.approx(SILENCE_DB)


def test_what_is_not_a_number_stays_none():
    assert math.isnan(gain_to_db(math.nan))
    assert gain_to_db(torch.tensor(math.nan)).isnan()


def test_the_pole_covers_63_percent_in_its_time():
    """After time * rate samples a fraction 1/e of the way is left."""
    time_ms = torch.tensor([0.1, 1.0, 1000.0], dtype=torch.float64)
    pole = smoothing_coefficient(time_ms, 44_100)
    torch.testing.assert_close(pole ** (time_ms * 44.1), torch.full_like(pole, math.exp(-1)))


def test_no_time_follows_at_once_with_a_finite_gradient():
    time_ms = torch.zeros(1, requires_grad=True)
    pole = smoothing_coefficient(time_ms, 48_000)
    assert pole.item() < 1e-40
    pole.backward()
    assert time_ms.grad.isfinite().all()
