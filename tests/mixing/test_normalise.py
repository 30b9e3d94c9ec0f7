"""A tensor at a loudness: one gain, or a limiter where peaks forbid it."""

import pytest
import torch

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.mixing.normalise import gain_into_limiter, normalise_loudness

RATE = 48_000


def noise(level=0.05):
    return level * torch.randn(2, RATE, dtype=torch.float64)


@pytest.mark.parametrize("lufs", [-40.0, -23.0, -16.0])
def test_one_gain_reaches_the_loudness(lufs):
    x = noise()
    y = normalise_loudness(x, RATE, lufs=lufs)
    assert measure_loudness(y, RATE).item() == pytest.approx(lufs, abs=1e-6)
    torch.testing.assert_close(y / x, (y / x)[:1, :1].expand_as(x))


def test_the_true_peak_stops_the_gain():
    y = normalise_loudness(noise(), RATE, lufs=-5.0, true_peak_db=-2.0)
    assert measure_true_peak(y, RATE).max().item() == pytest.approx(-2.0, abs=1e-6)
    assert measure_loudness(y, RATE).item() < -6


def test_peaks_over_the_ceiling_come_down():
    y = normalise_loudness(noise(1.0), RATE, lufs=0.0, true_peak_db=-1.0)
    assert measure_true_peak(y, RATE).max().item() == pytest.approx(-1.0, abs=1e-6)


def test_a_limiter_goes_on_where_peaks_stop():
    x = noise()
    x[:, ::6000] += 0.6  # clicks, which allow no gain
    y = normalise_loudness(x, RATE, lufs=-16.0, true_peak_db=-1.0, limit=True)
    assert measure_loudness(y, RATE).item() == pytest.approx(-16.0, abs=0.1)
    assert measure_true_peak(y, RATE).max().item() < -0.9


def test_silence_is_left_as_it_is():
    for x in (torch.zeros(2, RATE), 1e-6 * torch.randn(2, RATE)):
        assert torch.equal(normalise_loudness(x, RATE), x)


def test_a_limiter_at_its_end_is_not_driven_on_for_ever():
    tried = []

    def loudness_of(gain_db):
        tried.append(gain_db)
        return min(-30 + gain_db, -12.0)

    gain_into_limiter(loudness_of, -30.0, -6.0)
    assert len(tried) <= 3
    assert gain_into_limiter(lambda gain_db: -30 + 0.8 * gain_db, -30.0, -14.0) == pytest.approx(
        20.0, abs=0.1
    )
