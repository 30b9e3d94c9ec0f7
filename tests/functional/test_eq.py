import math

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.functional import high_pass, low_pass, parametric_eq
from dasp.functional.eq import ORDERS


def cookbook(kind, freq_hz, gain_db, q, sample_rate):
    """Coefficients b0 b1 b2 a0 a1 a2, as the cookbook prints them."""
    a = 10 ** (gain_db / 40)
    w0 = 2 * np.pi * freq_hz / sample_rate
    alpha, cos = np.sin(w0) / (2 * q), np.cos(w0)
    root = 2 * np.sqrt(a) * alpha
    if kind == "peak":
        sos = [1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a]
    elif kind == "low shelf":
        sos = [
            a * ((a + 1) - (a - 1) * cos + root),
            2 * a * ((a - 1) - (a + 1) * cos),
            a * ((a + 1) - (a - 1) * cos - root),
            (a + 1) + (a - 1) * cos + root,
            -2 * ((a - 1) + (a + 1) * cos),
            (a + 1) + (a - 1) * cos - root,
        ]
    else:
        sos = [
            a * ((a + 1) + (a - 1) * cos + root),
            -2 * a * ((a - 1) + (a + 1) * cos),
            a * ((a + 1) + (a - 1) * cos - root),
            (a + 1) - (a - 1) * cos + root,
            2 * ((a - 1) - (a + 1) * cos),
            (a + 1) - (a - 1) * cos - root,
        ]
    return np.array(sos) / sos[3]


def settings_and_sections(peaks, sample_rate, seed, dtype):
    """Random settings, and the same through the cookbook, read back from their type."""
    random = np.random.default_rng(seed)

    def draw(low, high, *shape):
        return torch.tensor(np.exp(random.uniform(np.log(low), np.log(high), shape)), dtype=dtype)

    def gains(*shape):
        return torch.tensor(random.uniform(-24, 24, shape), dtype=dtype)

    settings = {
        "low_shelf_gain_db": gains(), "low_shelf_freq_hz": draw(20, 2000),
        "low_shelf_q": draw(0.1, 5), "peak_gain_db": gains(peaks),
        "peak_freq_hz": draw(40, 16_000, peaks), "peak_q": draw(0.1, 20, peaks),
        "high_shelf_gain_db": gains(), "high_shelf_freq_hz": draw(1000, 16_000),
        "high_shelf_q": draw(0.1, 5),
    }  # fmt: skip
    number = {key: value.double().numpy() for key, value in settings.items()}
    bands = [("low shelf", *(number[f"low_shelf_{key}"] for key in ("freq_hz", "gain_db", "q")))]
    bands += [("peak", number["peak_freq_hz"][i], number["peak_gain_db"][i], number["peak_q"][i])
              for i in range(peaks)]  # fmt: skip
    bands += [("high", *(number[f"high_shelf_{key}"] for key in ("freq_hz", "gain_db", "q")))]
    return settings, np.stack([cookbook(*band, sample_rate) for band in bands])


@pytest.mark.parametrize("peaks", [0, 1, 4, 9])
@pytest.mark.parametrize("sample_rate", [44_100, 192_000])
@pytest.mark.parametrize("seed", range(3))
def test_parametric_eq_equals_scipy(peaks, sample_rate, seed):
    for dtype in (torch.float64, torch.float32):
        settings, sos = settings_and_sections(peaks, sample_rate, seed, dtype)
        x = 0.1 * torch.randn(2, 20_000, dtype=dtype)
        y = parametric_eq(x, sample_rate, **settings).double().numpy()
        expected = scipy.signal.sosfilt(sos, x.double().numpy())
        error, peak = np.abs(y - expected).max(), np.abs(expected).max()
        assert error < (1e-10 * max(1, peak) if dtype is torch.float64 else 1e-5 * peak)


def test_each_item_has_its_own_bands():
    pairs = [settings_and_sections(4, 44_100, seed, torch.float64) for seed in (5, 6)]
    settings = {key: torch.stack([pair[0][key] for pair in pairs]) for key in pairs[0][0]}
    x = torch.randn(2, 2, 1000, dtype=torch.float64)
    y = parametric_eq(x, 44_100, **settings)
    for i, (_, sos) in enumerate(pairs):
        np.testing.assert_allclose(
            y[i], scipy.signal.sosfilt(sos, x[i].numpy()), rtol=1e-10, atol=1e-9
        )


def test_numbers_and_lists_are_settings_too():
    x = torch.randn(1, 500, dtype=torch.float64)
    y = parametric_eq(
        x, 48_000,
        low_shelf_gain_db=3, low_shelf_freq_hz=100, low_shelf_q=0.7,
        peak_gain_db=[6, -6], peak_freq_hz=[500.0, 4000.0], peak_q=2,
        high_shelf_gain_db=-3.0, high_shelf_freq_hz=9000.0, high_shelf_q=0.7,
    )  # fmt: skip
    bands = [("low shelf", 100, 3, 0.7), ("peak", 500, 6, 2), ("peak", 4000, -6, 2),
             ("high shelf", 9000, -3, 0.7)]  # fmt: skip
    sos = np.stack([cookbook(*band, 48_000) for band in bands])
    np.testing.assert_allclose(y, scipy.signal.sosfilt(sos, x.numpy()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("freq_hz", [30.0, 1000.0, 15_000.0])
def test_pass_filters_equal_scipy(order, freq_hz):
    x = torch.randn(2, 5000, dtype=torch.float64)
    for kind, function in (("lowpass", low_pass), ("highpass", high_pass)):
        sos = scipy.signal.butter(order, freq_hz, kind, fs=44_100, output="sos")
        expected = scipy.signal.sosfilt(sos, x.numpy())
        y = function(x, 44_100, freq_hz=freq_hz, order=order)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-10)
        y = function(x.float(), 44_100, freq_hz=freq_hz, order=order).double().numpy()
        assert np.abs(y - expected).max() < 1e-5 * np.abs(expected).max()


def test_errors_name_the_argument():
    x = torch.randn(2, 100)
    settings, _ = settings_and_sections(4, 44_100, 0, torch.float32)
    for key, value, message in (
        ("low_shelf_freq_hz", 30_000.0, "above 0 and below 22050 .Nyquist at 44100 Hz., got 30000"),
        ("peak_freq_hz", [100.0, 200.0, 300.0, 0.0], "above 0 and below 22050"),
        ("peak_q", 0.0, "above 0, got 0"),
        ("high_shelf_q", -1.0, "above 0, got -1"),
        ("peak_freq_hz", [100.0, 200.0], r"a tensor of shape \(4,\), .*, got shape \(2,\)"),
        ("peak_gain_db", 1.0, r"a tensor of shape \(bands,\), .*, got shape \(\)"),
        ("peak_gain_db", [1.0, math.nan, 2.0, 3.0], "a number, got nan"),
    ):
        with pytest.raises(ValueError, match=f"{key}: expected {message}"):
            parametric_eq(x, 44_100, **{**settings, key: value})
    for function in (low_pass, high_pass):
        with pytest.raises(ValueError, match=r"order: expected one of 2, 3, .*, got 9"):
            function(x, 44_100, freq_hz=100.0, order=9)
        with pytest.raises(ValueError, match=r"freq_hz: .*Nyquist at 8000 Hz"):
            function(x, 8000, freq_hz=4000.0)
