import math

import numpy as np
import pyloudnorm
import pytest
import torch

from dasp.evaluation.metrics import METRICS, measure_errors

RATE = 44_100


def _noise(seed=0, channels=2, seconds=4):
    draw = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(channels, seconds * RATE, generator=draw, dtype=torch.float64)


def _tone(freq_hz, seconds=4):
    t = torch.arange(seconds * RATE, dtype=torch.float64) / RATE
    return torch.sin(2 * math.pi * freq_hz * t).expand(2, -1)


def test_equal_mixes_have_no_errors():
    errors = measure_errors(_noise(), _noise(), RATE)
    assert list(errors) == list(METRICS)
    for name, error in errors.items():
        if math.isinf(METRICS[name].best):
            assert error > 100
        else:
            assert error == pytest.approx(0.0, abs=1e-9)


def test_a_gain_is_an_error_of_level_and_of_nothing_else():
    errors = measure_errors(0.5 * _noise(), _noise(), RATE)
    level = {"loudness": 6.0206, "true_peak": 6.0206, "sdr": 6.0206}
    for name, error in errors.items():
        if name == "gain_invariant_sdr":
            assert error > 100
        else:
            assert error == pytest.approx(level.get(name, 0.0), abs=1e-4)


def test_sdr_of_added_noise_is_the_ratio_of_powers():
    x, noise = _noise(0), _noise(1)
    errors = measure_errors(x + 0.1 * noise, x, RATE)
    expected = 10 * math.log10((x.square().sum() / (0.01 * noise.square().sum())).item())
    assert errors["sdr"] == pytest.approx(expected, abs=1e-6)


def test_gain_invariant_sdr_is_of_the_correlation():
    x, noise = _noise(0), _noise(1)
    y = 3 * x + 2 * noise
    r = np.corrcoef(y.flatten(), x.flatten())[0, 1]
    expected = -10 * math.log10(1 - r**2)
    assert measure_errors(y, x, RATE)["gain_invariant_sdr"] == pytest.approx(expected, abs=1e-3)


def test_mono_against_unrelated_channels():
    """Half of the energy of unrelated channels is side, and their correlation is zero."""
    wide = _noise()
    errors = measure_errors(wide.mean(0, keepdim=True), wide, RATE)
    assert errors["side_share"] == pytest.approx(0.5, abs=0.01)
    assert errors["correlation"] == pytest.approx(1.0, abs=0.01)


def test_left_against_right():
    """From one end of the panorama to the other it is 2, in place and in balance."""
    left = torch.cat((_noise(channels=1), torch.zeros(1, 4 * RATE, dtype=torch.float64)))
    errors = measure_errors(left.flip(0), left, RATE)
    assert errors["panning"] == pytest.approx(2.0, abs=1e-6)
    assert errors["imbalance"] == pytest.approx(2.0, abs=1e-6)


def test_a_changed_band_changes_the_spectrum_by_what_it_changed_after_matching():
    """Two tones in one band each, of which one is raised by 6 dB."""
    swell = torch.hann_window(4 * RATE, dtype=torch.float64)  # Edges would reach other bands.
    low, high = 0.1 * swell * _tone(125.9), 0.1 * swell * _tone(5011.9)
    reference, output = low + high, low + 10 ** (6 / 20) * high
    meter = pyloudnorm.Meter(RATE)
    own, wanted = (
        meter.integrated_loudness(np.ascontiguousarray(x.T.numpy())) for x in (output, reference)
    )
    shift = wanted - own
    expected = (abs(shift) + abs(6 + shift)) / 2
    errors = measure_errors(output, reference, RATE)
    assert errors["spectrum"] == pytest.approx(expected, abs=0.02)


def test_the_centroid_moves_with_a_tone():
    errors = measure_errors(_tone(3000.0), _tone(1000.0), RATE)
    assert errors["centroid"] == pytest.approx(2000.0, rel=0.01)


def test_silence_has_finite_errors():
    silence = torch.zeros(2, 4 * RATE)
    for pair in ((silence, silence), (silence, _noise().float()), (_noise().float(), silence)):
        assert all(math.isfinite(error) for error in measure_errors(*pair, RATE).values())


def test_mixes_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="expected one length, got 3 and 4 samples"):
        measure_errors(torch.zeros(2, 3), torch.zeros(2, 4), RATE)
