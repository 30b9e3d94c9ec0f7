import math

import numpy as np
import pytest
import torch

from dasp.functional import distortion
from dasp.functional.distortion import CURVES

RATE = 44_100
OPEN_HZ = 1e9  # the tone control, out of the way

# The curves, written out once more.
WRITTEN_OUT = {
    "tanh": np.tanh,
    "hard": lambda u: np.minimum(np.maximum(u, -1), 1),
    "cubic": lambda u: np.where(np.abs(u) < 1.5, u - 4 * u**3 / 27, np.sign(u)),
}
every_shape = pytest.mark.parametrize("shape", list(CURVES))

# A sine of 1009 whole periods in 8820 samples, 5045 Hz: no two of its products share a bin.
PERIOD, TONE = 8820, 1009


def sine(amplitude):
    n = torch.arange(3 * PERIOD, dtype=torch.float64)
    return amplitude * torch.sin(2 * math.pi * TONE / PERIOD * n)[None]


def amplitudes(y):
    """Amplitude in every bin of one steady period."""
    spectrum = np.fft.rfft(y[0, PERIOD : 2 * PERIOD].numpy()) * 2 / PERIOD
    spectrum[0] /= 2
    return np.abs(spectrum)


def harmonics(shape, amplitude, bias=0.0, count=4000):
    """Fourier coefficients of the bent sine f(a sin t + bias) - f(bias), by quadrature."""
    t = 2 * np.pi * np.arange(1 << 18) / (1 << 18)
    y = WRITTEN_OUT[shape](amplitude * np.sin(t) + bias) - WRITTEN_OUT[shape](bias)
    spectrum = np.fft.rfft(y)[:count] * 2 / len(t)
    spectrum[0] /= 2
    return spectrum


@every_shape
@pytest.mark.parametrize("bias", [0.0, -0.4])
def test_samples_are_those_of_the_curve(shape, bias):
    x = torch.randn(2, 500, dtype=torch.float64)
    y = distortion(x, RATE, drive_db=12.0, bias=bias, tone_hz=OPEN_HZ, shape=shape)
    curve, drive = WRITTEN_OUT[shape], 10 ** (12 / 20)
    expected = curve(drive * x.numpy() + bias) - curve(np.array(bias))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-9)


@every_shape
def test_every_curve_has_slope_1_at_silence_and_limit_1(shape):
    quiet = torch.randn(1, 100, dtype=torch.float64) * 1e-6
    y = distortion(quiet, RATE, drive_db=20.0, tone_hz=OPEN_HZ, shape=shape)
    torch.testing.assert_close(y, 10 * quiet, rtol=1e-9, atol=1e-15)
    y = distortion(quiet.sign(), RATE, drive_db=60.0, tone_hz=OPEN_HZ, shape=shape)
    torch.testing.assert_close(y, quiet.sign(), rtol=0, atol=1e-12)


@every_shape
@pytest.mark.parametrize("bias", [0.0, 0.3])
@pytest.mark.parametrize("oversampling", [2, 4, 8])
def test_levels_of_the_harmonics(shape, bias, oversampling):
    """Those below 0.9 of Nyquist are the Fourier coefficients of the bent sine."""
    y = distortion(
        sine(1.0), RATE, drive_db=6.0, bias=bias, tone_hz=OPEN_HZ, shape=shape,
        oversampling=oversampling,
    )  # fmt: skip
    # What the curve makes above the higher rate's Nyquist folds back; at 8 times it is little.
    expected = folded(harmonics(shape, 10 ** (6 / 20), bias), oversampling)
    found = amplitudes(y)
    for k in (0, 1, 2, 3):
        assert abs(found[k * TONE] - abs(expected[k * TONE])) < 1e-5


def folded(coefficients, oversampling):
    """The spectrum that sampled harmonics have, and what of it the way down lets pass.

    The coefficient of sin(k t) comes back from above Nyquist with its sign turned, as a
    spectrum its complex conjugate.
    """
    bins = oversampling * PERIOD
    spectrum = np.zeros(bins // 2 + 1, complex)
    for k, c in enumerate(coefficients):
        at = k * TONE % bins
        if at <= bins // 2:
            spectrum[at] += c
        else:
            spectrum[bins - at] += c.conjugate()
    pass_band = PERIOD // 2 if oversampling == 1 else int(0.9 * PERIOD / 2)
    return spectrum[: pass_band + 1]


def alias_db(spectrum):
    """Energy of all that is no harmonic, of the whole, below 0.9 of Nyquist (19,845 Hz)."""
    energy = np.abs(spectrum[: int(0.9 * PERIOD / 2)]) ** 2
    harmonic = energy[: 4 * TONE : TONE].sum()
    return 10 * np.log10((energy.sum() - harmonic) / energy.sum())


@pytest.mark.parametrize(
    "shape, at_1, at_2, at_4, at_8",
    [
        ("tanh", -11.1, -19.9, -30.3, -44.6),
        ("cubic", -10.9, -19.3, -28.8, -43.1),
        ("hard", -10.8, -19.1, -28.1, -39.7),
    ],
)
def test_oversampling_takes_the_aliases_down(shape, at_1, at_2, at_4, at_8):
    """A 5 kHz sine driven by 30 dB: the aliases that theory foretells, and how strong they are."""
    coefficients = harmonics(shape, 10 ** (30 / 20), count=10_000)
    for oversampling, expected_db in ((1, at_1), (2, at_2), (4, at_4), (8, at_8)):
        y = distortion(
            sine(1.0), RATE, drive_db=30.0, tone_hz=OPEN_HZ, shape=shape, oversampling=oversampling
        )
        found_db = alias_db(amplitudes(y))
        assert abs(found_db - alias_db(folded(coefficients, oversampling))) < 1e-3
        assert abs(found_db - expected_db) < 0.1


@pytest.mark.parametrize("oversampling", [1, 2, 4, 8])
def test_dry_and_wet_are_aligned(oversampling):
    """A quiet sound is not bent: mixed half and half with itself it is itself, not a comb."""
    x = sine(1e-5)
    y = distortion(x, RATE, drive_db=0.0, tone_hz=OPEN_HZ, mix=0.5, oversampling=oversampling)
    middle = slice(PERIOD, 2 * PERIOD)
    torch.testing.assert_close(y[:, middle], x[:, middle], rtol=0, atol=1e-5 * 3e-5)


def test_tone_is_a_one_pole_low_pass():
    """A quiet step covers 63 % in 1 / (2 pi tone_hz) seconds."""
    x = torch.full((1, 4000), 1e-5, dtype=torch.float64)
    tone_hz = RATE / (2 * math.pi * 100)  # a time constant of 100 samples
    y = distortion(x, RATE, drive_db=0.0, tone_hz=tone_hz)
    expected = 1e-5 * (1 - np.exp(-np.arange(1, 4001) / 100))
    np.testing.assert_allclose(y[0], expected, rtol=1e-8)


def test_mix_and_output_gain():
    x = torch.randn(2, 100, dtype=torch.float64)
    settings = {"drive_db": 20.0, "bias": 0.2, "tone_hz": 3000.0, "shape": "cubic"}
    wet = distortion(x, RATE, **settings)
    torch.testing.assert_close(
        distortion(x, RATE, output_gain_db=-20.0, mix=0.25, **settings), 0.75 * x + 0.025 * wet
    )
    assert torch.equal(distortion(x, RATE, mix=0.0, **settings), x)


@every_shape
@pytest.mark.parametrize("oversampling", [1, 4])
def test_a_bias_leaves_silence_silent_and_adds_even_harmonics(shape, oversampling):
    settings = {"bias": 0.5, "tone_hz": OPEN_HZ, "shape": shape, "oversampling": oversampling}
    assert not distortion(torch.zeros(2, 500), RATE, drive_db=40.0, **settings).any()
    settings["drive_db"] = 3.0
    assert amplitudes(distortion(sine(1.0), RATE, **settings))[2 * TONE] > 0.05
    settings["bias"] = 0.0
    assert amplitudes(distortion(sine(1.0), RATE, **settings))[2 * TONE] < 1e-5


def test_gradients_of_the_hard_clip_are_those_of_its_pieces():
    x = torch.tensor([[0.5, 2.0, -0.9, -1.1]], dtype=torch.float64, requires_grad=True)
    distortion(x, RATE, drive_db=0.0, tone_hz=OPEN_HZ, shape="hard").sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([[1.0, 0.0, 1.0, 0.0]]).to(x))


@every_shape
@pytest.mark.parametrize("oversampling", [1, 2])
def test_gradcheck(shape, oversampling):
    def bent(x, drive_db, bias, tone_hz):
        return distortion(
            x, RATE, drive_db=drive_db, bias=bias, tone_hz=tone_hz, shape=shape,
            oversampling=oversampling,
        )  # fmt: skip

    values = (torch.randn(1, 12), torch.tensor(3.0), torch.tensor(0.3), torch.tensor(5000.0))
    values = tuple(value.double().requires_grad_() for value in values)
    torch.autograd.gradcheck(bent, values, check_forward_ad=True)


def test_errors():
    x = torch.randn(2, 100)
    with pytest.raises(ValueError, match="shape: expected one of 'tanh', 'hard', 'cubic', got 'T"):
        distortion(x, RATE, drive_db=0.0, shape="Tanh")
    with pytest.raises(ValueError, match="oversampling: expected one of 1, 2, 4, 8, got 3"):
        distortion(x, RATE, drive_db=0.0, oversampling=3)
    with pytest.raises(ValueError, match="tone_hz: expected above 0, got 0"):
        distortion(x, RATE, drive_db=0.0, tone_hz=0.0)
    with pytest.raises(ValueError, match="mix: expected at least 0 and at most 1, got 2"):
        distortion(x, RATE, drive_db=0.0, mix=2.0)


@pytest.mark.parametrize("shape", ["tanh", "hard", "cubic"])
def test_without_its_tone_filter_it_is_the_curve(shape):
    """The formulas; with the filter, at 20 kHz, a tone of 10 kHz is 0.46 dB less."""
    x = torch.linspace(-0.9, 0.9, 101, dtype=torch.float64)[None]
    bent = {"tanh": (2 * x).tanh(), "hard": (2 * x).clamp(-1, 1)}
    cubic = (2 * x).clamp(-1.5, 1.5)
    bent["cubic"] = cubic - 4 / 27 * cubic**3
    drive_db = 20 * math.log10(2)
    y = distortion(x, RATE, drive_db=drive_db, shape=shape, tone_filter=False)
    torch.testing.assert_close(y, bent[shape])
    tone = 0.01 * torch.sin(2 * math.pi * 10_000 / 44_100 * torch.arange(44_100))[None]
    with_filter, without = (
        distortion(tone, 44_100, drive_db=0.0, shape=shape, tone_filter=there).square().mean()
        for there in (True, False)
    )
    # |(1 - p) / (1 - p / z)| of the pole p = exp(-2 pi 20,000 / 44,100) at 10 kHz.
    assert 10 * math.log10(with_filter / without) == pytest.approx(-0.4588, abs=0.002)


def test_no_drive_and_no_tone_filter_leave_it_as_it_is():
    x = 2 * torch.rand(2, 100, dtype=torch.float64) - 1
    y = distortion(x, RATE, drive_db=0.0, shape="hard", tone_filter=False)
    torch.testing.assert_close(y, x, rtol=1e-12, atol=0)
