"""Stereo losses: what they do not see, and FxNorm's beside SciPy."""

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.losses import l1, left_right_invariant, mse, stereo_invariant
from dasp.losses.stereo import design_a_weighting
from tests.losses.signals import noise

RATE = 44_100
OUTPUT, TARGET = noise(2, 3000), noise(2, 3000, seed=1)


def a_weighting(f):
    """IEC 61672-1 in decibels, of which 2.00 brings 1 kHz to 0."""
    r = 12194**2 * f**4 / (f**2 + 20.6**2) / (f**2 + 12194**2)
    return r / np.sqrt((f**2 + 107.7**2) * (f**2 + 737.9**2)) * 10 ** (2.00 / 20)


def test_a_weighting_is_the_least_squares_filter():
    omega = np.linspace(0, np.pi, 8192)
    gain = a_weighting(omega * RATE / (2 * np.pi))
    reference = scipy.signal.firls(101, omega / np.pi, gain)
    np.testing.assert_allclose(design_a_weighting(RATE).numpy(), reference, atol=2e-4)


def test_a_weighting_in_the_middle_of_hearing():
    taps = design_a_weighting(RATE).numpy()
    f = np.array([1000.0, 2000.0, 4000.0, 8000.0, 16_000.0])
    response = abs(np.exp(-2j * np.pi * f[:, None] * np.arange(101) / RATE) @ taps)
    table = [0.0, 1.2, 1.0, -1.1, -6.6]  # of the standard
    np.testing.assert_allclose(20 * np.log10(response), table, atol=0.3)


def test_a_long_filter_follows_the_table_of_the_standard():
    """IEC 61672-1, table 3, at nominal frequencies, whose third octaves are rounded."""
    taps = design_a_weighting(RATE, taps=1501).numpy()
    f = np.array([125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0])
    response = abs(np.exp(-2j * np.pi * f[:, None] * np.arange(1501) / RATE) @ taps)
    table = [-16.1, -8.6, -3.2, 0.0, 1.2, 1.0, -1.1, -6.6]
    np.testing.assert_allclose(20 * np.log10(response), table, atol=0.15)


@pytest.mark.parametrize("taps", [100, 0, -1, 10.0, True])
def test_a_filter_without_a_middle_is_refused(taps):
    with pytest.raises(ValueError, match=r"taps: expected an odd number"):
        design_a_weighting(RATE, taps=taps)


@pytest.mark.parametrize("form", ["a", "b"])
def test_fxnorm_against_scipy(form):
    taps = design_a_weighting(RATE).numpy()

    def spectrum(x):
        heard = scipy.signal.lfilter([1, 0.85], 1, scipy.signal.lfilter(taps, 1, x))
        window = np.sqrt(scipy.signal.get_window("hann", 1024))
        heard = np.pad(heard, (0, -len(heard) % 256))
        spectra = scipy.signal.stft(heard, window=window, nperseg=1024, noverlap=768)[2]
        return sum(window) * abs(spectra)

    expected = 0.0
    for sign in (1, -1):
        estimate, Y = (spectrum((x[0] + sign * x[1]).numpy()) for x in (OUTPUT, TARGET))
        if form == "a":
            expected += np.linalg.norm(Y - estimate) / np.linalg.norm(Y)
        else:
            expected += np.mean((Y - estimate) ** 2)
        expected += np.mean(abs(np.log(Y + 1e-5) - np.log(estimate + 1e-5)))
    loss = stereo_invariant(OUTPUT, TARGET, RATE, form=form, fft_size=1024)
    assert loss.item() == pytest.approx(expected, rel=1e-7)


def test_fxnorm_does_not_see_which_side_is_which():
    swapped = stereo_invariant(OUTPUT.flip(-2), TARGET, RATE)
    torch.testing.assert_close(swapped, stereo_invariant(OUTPUT, TARGET, RATE))


def test_left_right_invariant_takes_the_nearer_side_of_each_item():
    target = torch.stack((TARGET, TARGET))
    output = torch.stack((0.9 * TARGET, 0.8 * TARGET.flip(-2)))
    loss = left_right_invariant(output, target, l1, reduction="none")
    expected = [0.1 * TARGET.abs().mean().item(), 0.2 * TARGET.abs().mean().item()]
    assert loss.tolist() == pytest.approx(expected)
    assert left_right_invariant(OUTPUT, TARGET, mse) <= mse(OUTPUT, TARGET)


def test_bad_input():
    with pytest.raises(ValueError, match="form: expected one of 'a', 'b', got 'c'"):
        stereo_invariant(OUTPUT, TARGET, RATE, form="c")
    with pytest.raises(ValueError, match="expected 2 channels, got 1"):
        left_right_invariant(OUTPUT[:1], TARGET[:1], l1)
