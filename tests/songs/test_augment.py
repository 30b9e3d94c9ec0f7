import math

import pytest
import torch

from dasp.analysis import measure_rms
from dasp.functional import parametric_eq
from dasp.songs import augment

RATE = 44_100


def _draw(seed=0):
    return torch.Generator().manual_seed(seed)


def _sine(freq_hz, seconds=1.0, dtype=torch.float64):
    return torch.sin(
        2 * math.pi * freq_hz * torch.arange(round(seconds * RATE), dtype=dtype) / RATE
    )


RANDOM = {
    "gain": lambda x, draw: augment.vary_gain(x, RATE, draw),
    "polarity": lambda x, draw: augment.vary_polarity(x, draw),
    "eq": lambda x, draw: augment.vary_eq(x, RATE, draw),
    "compression": lambda x, draw: augment.vary_compression(x, RATE, draw),
    "sides": lambda x, draw: augment.swap_sides(x, draw),
    "silence": lambda x, draw: augment.silence_some(x, draw, probability=0.5),
    "noise": lambda x, draw: augment.add_noise(x, draw),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_generator_decides_and_items_differ(name):
    x = torch.randn(2, 2000).expand(6, 2, 2000)
    vary, once = RANDOM[name], RANDOM[name](x, _draw())
    assert torch.equal(once, vary(x, _draw()))
    assert not torch.equal(once, vary(x, _draw(1)))
    assert not all(torch.equal(once[0], item) for item in once)
    assert once.shape == x.shape and once.dtype == x.dtype


def test_gains_are_even_within_their_range():
    x = torch.ones(2000, 2, 1, dtype=torch.float64)
    y = augment.vary_gain(x, RATE, _draw(), gain_db=(-10.0, 2.0))
    gain_db = 20 * torch.log10(y[:, 0, 0])
    assert torch.equal(y[:, 0], y[:, 1])
    assert -10 <= gain_db.min() < -9.9 and 1.9 < gain_db.max() <= 2
    assert gain_db.mean().item() == pytest.approx(-4, abs=3 * 12 / math.sqrt(12 * 2000))


def test_polarity_turns_a_share_of_items():
    y = augment.vary_polarity(torch.ones(2000, 1, 1), _draw(), probability=0.3)
    assert set(y.unique().tolist()) == {-1.0, 1.0}
    assert (y < 0).double().mean().item() == pytest.approx(0.3, abs=0.04)


def test_shelves_reach_their_gains_at_the_ends_of_the_spectrum():
    """At 0 Hz only the low shelf has a gain, at Nyquist only the high shelf."""
    impulse = torch.zeros(5, 1, 1 << 15, dtype=torch.float64)
    impulse[..., 0] = 1
    settings = augment.draw_eq(impulse, RATE, _draw(), most_db=9.0)
    response = torch.fft.rfft(augment.vary_eq(impulse, RATE, _draw(), most_db=9.0)[:, 0]).abs()
    low_db, high_db = (20 * torch.log10(response[:, k]) for k in (0, -1))
    torch.testing.assert_close(low_db, settings["low_shelf_gain_db"], rtol=0, atol=1e-3)
    torch.testing.assert_close(high_db, settings["high_shelf_gain_db"], rtol=0, atol=1e-6)
    assert settings["peak_freq_hz"].shape == (5, 2)
    assert torch.equal(
        augment.vary_eq(impulse, RATE, _draw(), most_db=9.0),
        parametric_eq(impulse, RATE, **settings),
    )
    torch.testing.assert_close(
        augment.vary_eq(impulse, RATE, _draw(), most_db=0.0), impulse, rtol=0, atol=1e-12
    )


def test_eq_fits_under_a_low_nyquist_frequency():
    settings = augment.draw_eq(torch.zeros(50, 1, 8), 4000, _draw(), most_db=6.0)
    for name, value in settings.items():
        assert "freq" not in name or value.max() < 2000


def test_compression_follows_its_ratio():
    """A steady square wave, whose RMS is its peak, 5 dB over a threshold with a ratio of 4."""
    x = 0.3 * torch.sign(_sine(1000.0, 3.0))[None, None]
    y = augment.vary_compression(
        x, RATE, _draw(), threshold_over_rms_db=(-5.0, -5.0), ratio=(4.0, 4.0)
    )
    change_db = 20 * torch.log10(y[..., -1000:].abs().max() / 0.3)
    assert change_db.item() == pytest.approx(-5 * (1 - 1 / 4), abs=0.02)


def test_silence_is_compressed_to_silence():
    assert not augment.vary_compression(torch.zeros(3, 2, 100), RATE, _draw()).any()


@pytest.mark.parametrize("cents", [-400.0, -50.0, 350.0])
def test_a_tone_is_shifted_by_the_interval(cents):
    y = augment.shift_pitch(_sine(1000.0)[None], cents)[0]
    assert len(y) == pytest.approx(RATE * 2 ** (-cents / 1200), rel=1e-4)
    size = 1 << 20
    spectrum = torch.fft.rfft(y * torch.hann_window(len(y), dtype=y.dtype), size).abs()
    found_hz = spectrum.argmax().item() * RATE / size
    assert 1200 * math.log2(found_hz / 1000) == pytest.approx(cents, abs=0.1)


def test_no_interval_changes_nothing():
    x = torch.randn(2, 100)
    assert torch.equal(augment.shift_pitch(x, 0.0), x)


def test_intervals_are_the_seventeen_of_the_paper():
    draw = _draw()
    drawn = {augment.draw_cents(draw) for _ in range(500)}
    assert sorted(drawn) == [50.0 * k for k in range(-8, 9)]


def test_sides_are_swapped_whole():
    x = torch.randn(64, 2, 10)
    y = augment.swap_sides(x, _draw())
    swapped = [torch.equal(b, a.flip(-2)) for a, b in zip(x, y, strict=True)]
    kept = [torch.equal(b, a) for a, b in zip(x, y, strict=True)]
    assert all(s != k for s, k in zip(swapped, kept, strict=True))
    assert 20 < sum(swapped) < 44
    with pytest.raises(ValueError, match="expected 2 channels"):
        augment.swap_sides(torch.zeros(1, 1, 4), _draw())


def test_silenced_and_missing_tracks():
    y = augment.silence_some(torch.ones(2000, 1, 3), _draw(), probability=0.2)
    assert (y[:, 0, 0] == 0).double().mean().item() == pytest.approx(0.2, abs=0.03)
    draw = _draw()
    counts = [len(augment.keep_some(8, draw, probability=0.25)) for _ in range(1000)]
    assert sum(counts) / 1000 == pytest.approx(6, abs=0.15)
    assert all(len(augment.keep_some(3, draw, probability=1.0)) == 1 for _ in range(5))


def test_noise_has_its_level():
    y = augment.add_noise(torch.zeros(4, 1, RATE), _draw(), level_db=(-70.0, -70.0))
    torch.testing.assert_close(measure_rms(y, RATE), torch.full((4, 1), -70.0), rtol=0, atol=0.1)


def test_meaningless_probabilities_are_refused():
    with pytest.raises(ValueError, match="probability: expected at least 0 and at most 1"):
        augment.vary_polarity(torch.zeros(1, 1, 1), _draw(), probability=1.5)
