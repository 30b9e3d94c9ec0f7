import math

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.analysis.spectral import (
    bark_filterbank,
    measure_bark_spectrum,
    measure_octave_spectrum,
    measure_spectral_centroid,
    measure_spectral_flatness,
    measure_spectral_rolloff,
    measure_spectral_spread,
    octave_centres_hz,
)

RATE = 48_000
FRAMEWISE = [
    measure_spectral_centroid,
    measure_spectral_spread,
    measure_spectral_rolloff,
    measure_spectral_flatness,
]
EVERY = [*FRAMEWISE, measure_octave_spectrum, measure_bark_spectrum]


def sine(freq_hz, seconds=1.0, rate=RATE):
    t = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return torch.sin(2 * torch.pi * freq_hz * t)[None]


def inner(frames):
    """The frames that do not reach past the ends of the signal."""
    return frames[..., 4:-5]


def written_out(x, rate, size=2048, hop=512):
    """Centroid, spread, roll-off and flatness of each frame, in NumPy loops."""
    padded = np.pad(x, (size // 2, 2 * size))
    window = scipy.signal.get_window("hann", size)
    f = np.arange(size // 2 + 1) * rate / size
    rows = []
    for centre in range(0, len(x) + hop, hop):
        magnitude = np.abs(np.fft.rfft(padded[centre : centre + size] * window))
        centroid = np.sum(f * magnitude) / np.sum(magnitude)
        spread = np.sqrt(np.sum((f - centroid) ** 2 * magnitude) / np.sum(magnitude))
        missing, k = 0.85 * np.sum(magnitude), 0
        while magnitude[k] < missing:
            missing -= magnitude[k]
            k += 1
        rolloff = (k - 1 + missing / magnitude[k]) * rate / size
        flatness = np.exp(np.mean(np.log(magnitude**2))) / np.mean(magnitude**2)
        rows.append((centroid, spread, rolloff, flatness))
    return np.array(rows).T


def test_agree_with_written_out_loops():
    x = np.random.default_rng(0).standard_normal(20_480)
    x = scipy.signal.lfilter([1.0], [1.0, -0.9], x)
    expected = written_out(x, RATE)
    for measure, row in zip(FRAMEWISE, expected, strict=True):
        np.testing.assert_allclose(measure(torch.from_numpy(x)[None], RATE)[0], row, rtol=1e-9)


@pytest.mark.parametrize("freq_hz", [300.0, 1000.0, 9_000.0])
def test_a_sine_sits_at_its_frequency(freq_hz):
    bin_hz = RATE / 2048
    x = sine(freq_hz)
    assert inner(measure_spectral_centroid(x, RATE)).numpy() == pytest.approx(freq_hz, abs=bin_hz)
    assert inner(measure_spectral_rolloff(x, RATE)).numpy() == pytest.approx(
        freq_hz, abs=2 * bin_hz
    )
    assert inner(measure_spectral_spread(x, RATE)).amax() < 6 * bin_hz
    assert inner(measure_spectral_flatness(x, RATE)).amax() < 1e-4


def test_two_equal_sines_are_spread_by_half_their_distance():
    x = sine(4_500.0) + sine(10_500.0)  # both on bins
    centroid = inner(measure_spectral_centroid(x, RATE))
    assert centroid.mean().item() == pytest.approx(7_500, rel=1e-3)
    spread = inner(measure_spectral_spread(x, RATE))
    assert spread.mean().item() == pytest.approx(3_000, rel=1e-3)


def test_white_noise_fills_the_spectrum_evenly():
    x = torch.randn(1, 20 * RATE, dtype=torch.float64)
    nyquist = RATE / 2
    expected = (nyquist / 2, nyquist / math.sqrt(12), 0.85 * nyquist, math.exp(-np.euler_gamma))
    for measure, value in zip(FRAMEWISE, expected, strict=True):
        assert inner(measure(x, RATE)).mean().item() == pytest.approx(value, rel=0.01)


def test_octave_bands_of_a_sine():
    centres = octave_centres_hz()
    for band in (1, 4, 8):
        levels = measure_octave_spectrum(sine(centres[band].item(), 3.0), RATE)[0]
        assert levels[band].item() == pytest.approx(-3.01, abs=0.01)
        assert (levels[torch.arange(10) != band] < -30).all()


def test_pink_noise_has_the_same_level_in_every_octave_and_third():
    n = 60 * RATE
    spectrum = torch.fft.rfft(torch.randn(1, n, dtype=torch.float64))
    pink = torch.fft.irfft(spectrum / torch.arange(n // 2 + 1).clamp(min=1).sqrt(), n)
    octaves = measure_octave_spectrum(pink, RATE)[0, :9]
    assert (octaves - octaves.mean()).abs().amax() < 0.4
    thirds = measure_octave_spectrum(pink, RATE, bands_per_octave=3)[0, 5:30]
    assert (thirds - thirds.mean()).abs().amax() < 0.8
    assert (octaves.mean() - thirds.mean()).item() == pytest.approx(10 * math.log10(3), abs=0.1)


@pytest.mark.parametrize("bands_per_octave", [1, 3])
@pytest.mark.parametrize("length", [20_000, 48_000, 50_001])
def test_octave_powers_add_up_to_the_power_of_the_signal(length, bands_per_octave):
    sos = scipy.signal.butter(8, [60, 8_000], "bandpass", fs=RATE, output="sos")
    noise = np.random.default_rng(0).standard_normal((1, length))
    noise *= scipy.signal.get_window("hann", length)
    x = torch.from_numpy(scipy.signal.sosfilt(sos, noise))
    levels = measure_octave_spectrum(x, RATE, bands_per_octave=bands_per_octave)
    total = (10 ** (levels / 10)).sum()
    torch.testing.assert_close(total, x.square().mean(), rtol=1e-4, atol=0)


def test_octave_powers_of_an_impulse_are_as_the_widths_of_the_bands():
    levels = measure_octave_spectrum(torch.ones(1, 1, dtype=torch.float64), RATE)[0]
    widths = octave_centres_hz() * (10**0.15 - 10**-0.15) / (RATE / 2)
    torch.testing.assert_close(10 ** (levels / 10), widths, rtol=1e-4, atol=0)


def test_octave_bands_hold_the_nyquist_frequency_once():
    alternating = torch.tensor([1.0, -1.0]).repeat(20_000)[None]
    levels = measure_octave_spectrum(alternating, 8_000)[0]
    assert levels[7].item() == pytest.approx(0.0, abs=0.02)  # 2.8 to 5.6 kHz, of which 4 is left
    assert levels[8].item() == pytest.approx(-160)


def test_octave_centres_are_those_of_the_standard():
    nominal = [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000]
    assert octave_centres_hz().tolist() == pytest.approx(nominal, rel=0.012)
    assert octave_centres_hz(3)[[0, 17, 30]].tolist() == pytest.approx([20, 1000, 20_000], rel=0.01)
    assert len(octave_centres_hz(3)) == 31


def test_bark_bands_of_a_sine_and_of_its_level():
    weights = bark_filterbank(16_385, RATE)
    tips = weights.argmax(0) * (RATE / 32_768)
    for band in (3, 12, 22):
        x = sine(tips[band].item(), 20.0)
        levels = measure_bark_spectrum(x, RATE)[0]
        assert levels.argmax() == band
        assert levels[band].item() == pytest.approx(0.0, abs=0.5)  # its ends count too
        assert (levels[(torch.arange(24) - band).abs() > 1] < -35).all()
        torch.testing.assert_close(measure_bark_spectrum(0.1 * x, RATE)[0, band], levels[band] - 20)


def test_bark_bands_are_a_bark_wide_and_share_each_frequency():
    weights = bark_filterbank(16_385, RATE)
    f = torch.arange(16_385) * (RATE / 32_768)
    assert weights.shape == (16_385, 24)
    tips = f[weights.argmax(0)]
    # Zwicker's critical bands: 100 Hz wide below 500 Hz, about a fifth of the frequency above.
    assert tips[:4].diff().tolist() == pytest.approx([100] * 3, abs=15)
    assert (tips[10:-1].diff() / tips[10:-2]).tolist() == pytest.approx([0.18] * 12, abs=0.07)
    between = (f > tips[0]) & (f < tips[-1])
    torch.testing.assert_close(weights[between].sum(-1), torch.ones_like(f[between]).double())


@pytest.mark.parametrize("measure", EVERY)
def test_gradients(measure):
    x = torch.randn(1, 1, 600, dtype=torch.float64, requires_grad=True)
    small = {"fft_size": 64, "hop": 16} if measure in FRAMEWISE else {}
    assert torch.autograd.gradcheck(
        lambda x: measure(x, 8_000, **small), x, fast_mode=True, atol=1e-4
    )


@pytest.mark.parametrize("measure", EVERY)
def test_silence_is_finite_and_items_are_independent(measure):
    x = torch.randn(3, 2, 6_000)
    x[1] = 0
    x.requires_grad_()
    y = measure(x, 8_000)
    torch.testing.assert_close(y, torch.stack([measure(item, 8_000) for item in x]))
    assert torch.isfinite(y).all()
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.isfinite(gradient).all()
    assert torch.equal(gradient[1], torch.zeros(2, 6_000))


@pytest.mark.parametrize("measure", FRAMEWISE)
def test_shapes_do_not_depend_on_level(measure):
    x = torch.randn(2, 48_000)
    torch.testing.assert_close(measure(x, RATE), measure(1e-3 * x, RATE), rtol=1e-3, atol=1e-3)


def test_errors_name_the_argument():
    x = torch.randn(1, 4_000)
    with pytest.raises(ValueError, match="fraction: expected above 0 and below 1"):
        measure_spectral_rolloff(x, RATE, fraction=1.0)
    with pytest.raises(ValueError, match="bands_per_octave: expected one of 1, 3"):
        measure_octave_spectrum(x, RATE, bands_per_octave=2)
