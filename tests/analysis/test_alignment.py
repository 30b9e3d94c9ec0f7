"""Delays against signals that were delayed exactly, in noise, and through filters."""

import math

import numpy as np
import pytest
import torch
from scipy import signal

from dasp.analysis import measure_delay

RATE = 44_100


def late(x, delay_samples):
    """`x` shifted exactly, as the band-limited signal that its samples stand for."""
    size = 2 * x.shape[-1]
    omega = torch.arange(size // 2 + 1, dtype=torch.float64) * (2 * math.pi / size)
    shifted = torch.fft.rfft(x, size) * torch.exp(-1j * omega * delay_samples)
    return torch.fft.irfft(shifted, size)[..., : x.shape[-1]]


def burst(time=8192, margin=1000, seed=0):
    """Noise that swells and fades, far from both ends, so that no shift cuts any of it off."""
    draw = torch.Generator().manual_seed(seed)
    swell = torch.hann_window(time - 2 * margin, dtype=torch.float64)
    x = torch.zeros(1, time, dtype=torch.float64)
    x[:, margin:-margin] = swell * torch.randn(swell.shape, generator=draw, dtype=torch.float64)
    return x


def filtered(x, sos):
    return torch.from_numpy(signal.sosfilt(sos, x.numpy(), axis=-1))


@pytest.mark.parametrize("delay", [0.0, 3.0, 0.37, -0.5, -3.8, 123.45, -700.9])
@pytest.mark.parametrize("whitening", [0.0, 0.5, 1.0])
def test_an_exact_fractional_delay_is_found(delay, whitening):
    x = burst()
    measured = measure_delay(late(x, delay), x, whitening=whitening)
    assert measured.item() == pytest.approx(delay, abs=5e-4)


def test_the_narrow_peak_of_a_low_tone_does_not_matter():
    low = filtered(burst(), signal.butter(4, 200, "low", fs=RATE, output="sos"))
    assert measure_delay(late(low, 5.25), low).item() == pytest.approx(5.25, abs=1e-4)


@pytest.mark.parametrize("snr_db, error", [(20, 0.01), (0, 0.05), (-10, 0.2)])
def test_noise_moves_the_peak_by_little(snr_db, error):
    x = burst(32_768)
    noise = burst(32_768, seed=1) * 10 ** (-snr_db / 20)
    for delay in (0.37, -41.6):
        measured = measure_delay(late(x, delay) + noise, x, max_delay_samples=500)
        assert measured.item() == pytest.approx(delay, abs=error)


def test_a_linear_phase_filter_delays_by_half_its_length():
    x = burst()
    taps = signal.firwin(101, [500, 4000], fs=RATE, pass_zero=False)
    y = torch.from_numpy(signal.lfilter(taps, 1.0, x.numpy()))
    for whitening in (0.0, 0.5):
        assert measure_delay(y, x, whitening=whitening).item() == pytest.approx(50, abs=1e-3)


def test_an_equaliser_does_not_hide_the_delay():
    x = burst()
    shelf = np.array([[1.1, -1.6, 0.62, 1.0, -1.7, 0.73]])  # some decibels, minimum phase
    measured = measure_delay(late(filtered(x, shelf), 30.5), x)
    assert measured.item() == pytest.approx(30.5, abs=0.3)


def test_phase_alone_hears_the_direct_sound_of_a_dark_room():
    """A dark late reflection is louder, but the direct sound has all frequencies."""
    x = burst(seed=3)
    dark = filtered(x, signal.butter(2, 300, "low", fs=RATE, output="sos"))
    dull = filtered(x, signal.butter(1, 300, "low", fs=RATE, output="sos"))
    y = late(dull, 4.0) + 3.0 * late(dark, 160.0)
    assert measure_delay(y, dull, whitening=1.0).item() == pytest.approx(4.0, abs=0.1)
    assert measure_delay(y, dull, whitening=0.0).item() > 100


def test_polarity_does_not_matter():
    x = burst()
    assert measure_delay(-late(x, 7.3), x).item() == pytest.approx(7.3, abs=1e-3)


def test_the_two_are_antisymmetric():
    x = burst()
    y = late(x, 17.2) + 0.1 * burst(seed=1)
    assert measure_delay(y, x).item() == pytest.approx(-measure_delay(x, y).item(), abs=1e-9)


def test_the_level_has_no_say():
    x = burst()
    y = late(x, 2.6)
    quiet = measure_delay(1e-9 * y, x).item()
    assert quiet == pytest.approx(measure_delay(y, 1e6 * x).item(), abs=1e-9)


def test_the_longest_delay_is_kept():
    x = burst()
    assert abs(measure_delay(late(x, 60.0), x, max_delay_samples=20).item()) <= 20


def test_silence_measures_nothing():
    x = torch.zeros(2, 100)
    assert measure_delay(x, x).tolist() == [0.0, 0.0]


def test_batches_broadcast_and_lengths_differ():
    x = burst()
    y = torch.stack([late(x, d) for d in (1.5, -2.5)])[..., :6000]
    delays = measure_delay(y, x)
    assert delays.shape == (2, 1)
    torch.testing.assert_close(
        delays[:, 0], torch.tensor([1.5, -2.5], dtype=torch.float64), atol=1e-2, rtol=0
    )


def test_the_gradient_is_that_of_the_peak():
    """An echo close by pulls the peak towards itself, the more the louder it is."""
    x = burst(2048, 400)
    direct, echo = late(x, 3.3), late(x, 4.1)
    loudness = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(measure_delay(direct + loudness * echo, x).sum(), loudness)
    assert slope.item() > 0.1
    torch.autograd.gradcheck(lambda a: measure_delay(direct + a * echo, x), loudness)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="max_delay_samples: expected at least 0"):
        measure_delay(torch.ones(1, 4), torch.ones(1, 4), max_delay_samples=-1)
    with pytest.raises(ValueError, match="expected at least one sample"):
        measure_delay(torch.ones(1, 0), torch.ones(1, 4))
    with pytest.raises(ValueError, match="output: expected shape"):
        measure_delay(torch.ones(4), torch.ones(1, 4))


@pytest.mark.parametrize("delay", [0.0, 1.37, -3.8])
def test_what_is_out_of_reach_does_not_matter(delay):
    """Within a small reach the transforms are shorter, and nothing wraps around into it."""
    x = torch.randn(1, 6000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = late(x, delay)
    for whitening in (0.0, 0.5):
        near, far = (
            measure_delay(y, x, max_delay_samples=reach, whitening=whitening) for reach in (4, None)
        )
        assert near.item() == pytest.approx(far.item(), abs=1e-2)
        assert near.item() == pytest.approx(delay, abs=1e-2)
