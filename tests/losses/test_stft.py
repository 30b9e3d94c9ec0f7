"""Spectral losses, beside SciPy's spectra and NumPy's arithmetic."""

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.losses import multi_resolution_stft, multi_scale_spectral, sum_and_difference_stft
from dasp.losses.stft import magnitude
from tests.losses.signals import noise

OUTPUT, TARGET = noise(2, 3000), noise(2, 3000, seed=1)


def spectrum(x: np.ndarray, size: int) -> np.ndarray:
    """SciPy's scale makes a sine of amplitude 1 measure 1/2."""
    x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % (size // 4))])
    window = scipy.signal.get_window("hann", size)
    return 2 * abs(scipy.signal.stft(x, window=window, nperseg=size, noverlap=3 * size // 4)[2])


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (2, 3, 5)])
def test_against_scipy(weights):
    sizes, each = (128, 1024), []
    for size in sizes:
        estimate, Y = spectrum(OUTPUT.numpy(), size), spectrum(TARGET.numpy(), size)
        each.append(
            weights[0] * np.sqrt(np.sum((Y - estimate) ** 2) / np.sum(Y**2))
            + weights[1] * np.mean(abs(np.log(Y + 1e-5) - np.log(estimate + 1e-5)))
            + weights[2] * np.mean(abs(Y - estimate))
        )
    names = ("spectral_convergence", "log_magnitude", "linear_magnitude")
    loss = multi_resolution_stft(
        OUTPUT, TARGET, fft_sizes=sizes, **dict(zip(names, weights, strict=True))
    )
    assert loss.item() == pytest.approx(np.mean(each), rel=1e-9)


def test_a_sine_of_amplitude_1_has_magnitude_1():
    x = torch.sin(2 * torch.pi * 0.125 * torch.arange(4096))[None]
    assert magnitude(x, 512)[0, 64, 8].item() == pytest.approx(1.0, rel=1e-4)


def test_a_gain_of_6_db_is_ln_2_in_the_log_magnitude():
    loss = multi_resolution_stft(2 * TARGET, TARGET, spectral_convergence=0.0)
    assert loss.item() == pytest.approx(np.log(2), rel=1e-2)
    loss = multi_resolution_stft(2 * TARGET, TARGET, log_magnitude=0.0)
    assert loss.item() == pytest.approx(1.0)


def test_sum_and_difference():
    (left, right), (left_t, right_t) = OUTPUT, TARGET
    expected = 0.5 * (
        multi_resolution_stft((left + right)[None], (left_t + right_t)[None])
        + multi_resolution_stft((left - right)[None], (left_t - right_t)[None])
    )
    torch.testing.assert_close(sum_and_difference_stft(OUTPUT, TARGET), expected)
    torch.testing.assert_close(sum_and_difference_stft(OUTPUT.flip(-2), TARGET), expected)


def test_sum_and_difference_needs_two_channels():
    with pytest.raises(ValueError, match="output: expected 2 channels, got 1"):
        sum_and_difference_stft(OUTPUT[:1], TARGET[:1])


@pytest.mark.parametrize("level", [1e-36, 1e-38, 1e-40, 1e-42, 1e-45])
def test_gradients_are_finite_for_numbers_that_are_nearly_zero(level):
    """The tail of a filter fades through the subnormal numbers."""
    output = (level * torch.randn(1, 1, 4096).sign()).requires_grad_()
    multi_resolution_stft(output, torch.randn(1, 1, 4096)).backward()
    assert output.grad.isfinite().all()


def test_magnitudes_of_four_signals_against_scipy():
    sizes, each = (128, 1024), []
    both = [np.stack((x[0], x[1], x[0] + x[1], x[0] - x[1])) for x in (OUTPUT, TARGET)]
    for size in sizes:
        estimate, Y = (size / 4 * spectrum(np.array(x), size) for x in both)
        floor = 1e-5 * size / 4
        apart = np.log10(Y + floor) - np.log10(estimate + floor)
        each.append(0.9 * np.mean(abs(Y - estimate)) + 0.1 * np.mean(apart**2))
    loss = multi_scale_spectral(OUTPUT, TARGET, fft_sizes=sizes)
    assert loss.item() == pytest.approx(np.mean(each), rel=1e-9)
