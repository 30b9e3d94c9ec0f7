import math

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.analysis.stereo import (
    MOST_WIDTH,
    measure_panning_rms,
    measure_panning_spectrum,
    measure_side_share,
    measure_stereo_correlation,
    measure_stereo_imbalance,
    measure_stereo_width,
)

RATE = 48_000
EVERY = [
    measure_stereo_width,
    measure_stereo_imbalance,
    measure_stereo_correlation,
    measure_panning_spectrum,
    measure_panning_rms,
]


def stereo(left, right):
    return torch.stack((left, right))


def noise(length=48_000):
    return torch.randn(length, dtype=torch.float64)


def test_mono_has_no_width_and_no_imbalance():
    x = noise().expand(2, -1)
    assert measure_stereo_width(x, RATE) == 0
    assert measure_stereo_imbalance(x, RATE).abs() < 1e-12
    assert measure_stereo_correlation(x, RATE).item() == pytest.approx(1.0, abs=1e-9)
    assert measure_panning_spectrum(x, RATE).abs().amax() < 1e-12


def test_opposite_polarity_is_all_side():
    x = noise() * torch.tensor([[1.0], [-1.0]])
    assert measure_stereo_width(x, RATE).item() == pytest.approx(MOST_WIDTH, rel=1e-6)
    assert measure_stereo_correlation(x, RATE).item() == pytest.approx(-1.0, abs=1e-9)
    assert measure_panning_spectrum(x, RATE).abs().amax() < 1e-12  # phase is not its business


@pytest.mark.parametrize(("side", "sign"), [(0, -1.0), (1, 1.0)])
def test_one_channel_alone(side, sign):
    x = torch.zeros(2, 48_000, dtype=torch.float64)
    x[side] = noise()
    assert measure_stereo_width(x, RATE).item() == pytest.approx(1.0)
    assert measure_stereo_imbalance(x, RATE).item() == pytest.approx(sign)
    assert measure_stereo_correlation(x, RATE) == 0
    torch.testing.assert_close(
        measure_panning_spectrum(x, RATE)[:, :47],
        torch.full((2049, 47), sign, dtype=torch.float64),
    )
    torch.testing.assert_close(
        measure_panning_rms(x, RATE)[:, :47], torch.ones(4, 47, dtype=torch.float64)
    )


def test_unrelated_channels_of_known_levels():
    x = stereo(noise(2_000_000), 0.5 * noise(2_000_000))
    assert measure_stereo_width(x, RATE).item() == pytest.approx(1.0, abs=0.01)
    assert measure_stereo_imbalance(x, RATE).item() == pytest.approx(-0.6, abs=0.005)
    assert measure_stereo_correlation(x, RATE).item() == pytest.approx(0.0, abs=0.005)


def test_agree_with_numpy():
    left = noise()
    x = stereo(left, 0.3 * left + 0.2 * noise())
    a, b = x.numpy()
    width = np.mean((a - b) ** 2) / np.mean((a + b) ** 2)
    imbalance = (np.mean(b**2) - np.mean(a**2)) / (np.mean(b**2) + np.mean(a**2))
    correlation = np.mean(a * b) / np.sqrt(np.mean(a**2) * np.mean(b**2))
    assert measure_stereo_width(x, RATE).item() == pytest.approx(width, rel=1e-7)
    assert measure_stereo_imbalance(x, RATE).item() == pytest.approx(imbalance, rel=1e-12)
    assert measure_stereo_correlation(x, RATE).item() == pytest.approx(correlation, rel=1e-10)


def test_the_share_of_the_side_is_one_of_energies():
    x = stereo(noise(), noise())
    a, b = x.numpy()
    share = np.sum((a - b) ** 2) / np.sum(2 * a**2 + 2 * b**2)
    assert measure_side_share(x, RATE).item() == pytest.approx(share, rel=1e-7)
    assert measure_side_share(torch.zeros(2, 8), RATE) == 0


@pytest.mark.parametrize("degrees", [0.0, 20.0, 45.0, 60.0, 90.0])
def test_a_sine_at_the_angle_of_a_constant_power_pan(degrees):
    """(1 - sin 2t) towards the louder side, for the gains cos t and sin t."""
    angle = math.radians(degrees)
    t = torch.arange(48_000, dtype=torch.float64) / RATE
    tone = torch.sin(2 * torch.pi * 1_500 * t)
    x = stereo(math.cos(angle) * tone, math.sin(angle) * tone)
    expected = math.copysign(1 - math.sin(2 * angle), degrees - 45)
    panning = measure_panning_spectrum(x, RATE)
    assert panning[128, 5].item() == pytest.approx(expected, abs=1e-9)


def test_panning_spectrum_agrees_with_its_definition():
    x = stereo(noise(20_000), scipy_low_pass(noise(20_000)))
    spectra = [
        scipy.signal.stft(c, window=np.sqrt(scipy.signal.get_window("hann", 4096)), nperseg=4096,
                          noverlap=3072)[2] for c in x.numpy()
    ]  # fmt: skip
    left, right = np.abs(spectra)
    similarity = 2 * left * right / (left**2 + right**2)
    expected = (1 - similarity) * np.sign(right / left - left / right)
    panning = measure_panning_spectrum(x, RATE).numpy()
    np.testing.assert_allclose(panning, expected[:, : panning.shape[1]], atol=1e-9)

    f = np.arange(2049) * RATE / 4096
    rms = measure_panning_rms(x, RATE).numpy()
    for row, (low, high) in enumerate(((0, 1e5), (0, 250), (250, 2500), (2500, 1e5))):
        band = panning[(f >= low) & (f < high)]
        np.testing.assert_allclose(rms[row], np.sqrt(np.mean(band**2, 0)), rtol=1e-9)


def scipy_low_pass(x):
    return torch.from_numpy(scipy.signal.lfilter([0.2], [1, -0.8], x.numpy()))


def test_low_and_high_frequencies_are_told_apart():
    t = torch.arange(48_000, dtype=torch.float64) / RATE
    x = stereo(torch.sin(2 * torch.pi * 117.1875 * t), torch.sin(2 * torch.pi * 6_000 * t))
    panning = measure_panning_spectrum(x, RATE)[:, 10]
    assert panning[10].item() == pytest.approx(-1, abs=1e-3)
    assert panning[512].item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("measure", EVERY)
def test_a_gain_on_both_channels_changes_nothing(measure):
    x = stereo(noise(), 0.5 * noise())
    torch.testing.assert_close(measure(0.01 * x, RATE), measure(x, RATE), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("measure", EVERY)
def test_gradients(measure):
    small = {"fft_size": 64, "hop": 32} if "panning" in measure.__name__ else {}
    x = torch.randn(2, 2, 80, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: measure(x, RATE, **small), x)


@pytest.mark.parametrize("measure", EVERY)
def test_silence_and_extremes_are_finite(measure):
    left = torch.randn(4_800)
    none = torch.zeros(4_800)
    x = torch.stack([
        stereo(none, none), stereo(left, none), stereo(none, left),
        stereo(left, left), stereo(left, -left), stereo(left, 1e-20 * left),
    ]).requires_grad_()  # fmt: skip
    y = measure(x, RATE)
    assert torch.isfinite(y).all()
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.isfinite(gradient).all()
    assert y[0].abs().amax() <= 1e-8
    assert torch.equal(gradient[0], torch.zeros(2, 4_800))
    torch.testing.assert_close(y, torch.stack([measure(item, RATE) for item in x]))


def test_only_stereo_is_accepted():
    for measure in EVERY:
        with pytest.raises(ValueError, match="x: expected 2 channels, got 3"):
            measure(torch.zeros(3, 8_000), RATE)
