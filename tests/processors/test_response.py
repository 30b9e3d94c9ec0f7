"""The frequency response of a processor equals SciPy's, and what has none is refused by name."""

import pytest
import scipy.signal
import torch

from dasp.processors import CATALOGUE, chain, frequency_response, impulse_response, is_linear
from dasp.processors.catalogue import (
    COMPRESSOR,
    DELAY,
    FIR,
    GAIN,
    HIGH_PASS,
    LOW_PASS,
    STEREO_PANNER,
    TREMOLO,
)

RATE = 48_000
FREQS_HZ = torch.logspace(1, 4.3, 50, dtype=torch.float64)


@pytest.mark.parametrize("order", [2, 5, 8])
def test_a_filter_is_that_of_scipy(order):
    found = frequency_response(HIGH_PASS, RATE, FREQS_HZ, freq_hz=300.0, order=order)
    sos = scipy.signal.butter(order, 300.0, "high", fs=RATE, output="sos")
    _, expected = scipy.signal.sosfreqz(sos, FREQS_HZ.numpy(), fs=RATE)
    torch.testing.assert_close(found[0], torch.from_numpy(expected), atol=1e-9, rtol=0)


def test_taps_are_those_of_scipy():
    taps = torch.randn(37, dtype=torch.float64)
    found = frequency_response(FIR, RATE, FREQS_HZ, taps=taps[None])
    _, expected = scipy.signal.freqz(taps.numpy(), worN=FREQS_HZ.numpy(), fs=RATE)
    torch.testing.assert_close(found[0], torch.from_numpy(expected), atol=1e-10, rtol=0)


def test_a_number_of_frequencies_goes_from_0_to_nyquist():
    found = frequency_response(LOW_PASS, RATE, 5, freq_hz=6000.0)
    sos = scipy.signal.butter(2, 6000.0, fs=RATE, output="sos")
    _, expected = scipy.signal.sosfreqz(sos, [0, 6000, 12_000, 18_000, 24_000], fs=RATE)
    torch.testing.assert_close(found[0], torch.from_numpy(expected), atol=1e-9, rtol=0)


def test_a_chain_is_the_product_of_its_parts():
    whole = frequency_response(
        chain(HIGH_PASS, LOW_PASS), RATE, FREQS_HZ, **{"low_pass.freq_hz": 2000.0}
    )
    parts = [
        frequency_response(HIGH_PASS, RATE, FREQS_HZ),
        frequency_response(LOW_PASS, RATE, FREQS_HZ, freq_hz=2000.0),
    ]
    torch.testing.assert_close(whole, parts[0] * parts[1], atol=1e-9, rtol=0)


def test_an_echo_after_seconds_counts():
    """(1 + z^-N) / 2 is 1 at 0 Hz, and 0 where half a period passes in the two seconds."""
    late = {"time_ms": 2000.0, "feedback": 0.0, "mix": 0.5}
    found = frequency_response(DELAY, 1000, [0.0, 0.25], **late)
    assert found.abs()[0].tolist() == pytest.approx([1, 0], abs=1e-9)


def test_a_batch_of_settings_has_one_response_each():
    freqs = torch.tensor([[200.0, 400.0], [800.0, 1600.0]])
    found = frequency_response(LOW_PASS, RATE, FREQS_HZ, freq_hz=freqs)
    assert found.shape == (2, 2, 1, 50)
    alone = frequency_response(LOW_PASS, RATE, FREQS_HZ, freq_hz=800.0)
    torch.testing.assert_close(found[1, 0], alone, atol=1e-9, rtol=0)


def test_mono_that_becomes_stereo_has_two():
    left, right = frequency_response(STEREO_PANNER, RATE, [1000.0], pan=1.0).abs()[:, 0]
    assert left == pytest.approx(0, abs=1e-9) and right == pytest.approx(1)


def test_the_gradient_is_the_slope():
    freq_hz = torch.tensor(500.0, dtype=torch.float64, requires_grad=True)

    def level(freq_hz):
        return frequency_response(LOW_PASS, RATE, [700.0], freq_hz=freq_hz).abs().log().sum()

    level(freq_hz).backward()
    slope = (level(500.01) - level(499.99)) / 0.02
    assert freq_hz.grad.item() == pytest.approx(slope.item(), rel=1e-5)


@pytest.mark.parametrize(
    "processor, why",
    [(COMPRESSOR, "compressor: is not linear"), (TREMOLO, "tremolo: its response moves")],
)
def test_what_has_no_response_is_refused_by_name(processor, why):
    with pytest.raises(ValueError, match=why):
        frequency_response(processor, 8000, [1000.0])


def test_what_is_linear_at_its_settings_has_one():
    found = frequency_response(COMPRESSOR, 8000, [1000.0], ratio=1.0, makeup_gain_db=20.0)
    assert found.abs().item() == pytest.approx(10)


@pytest.mark.parametrize("freqs_hz", [1, [-1.0], [[1.0]], [float("nan")]])
def test_frequencies_that_have_no_meaning_are_refused(freqs_hz):
    with pytest.raises(ValueError, match="freqs_hz"):
        frequency_response(GAIN, RATE, freqs_hz)


@pytest.mark.parametrize("name", ["gain", "stereo_widener", "plate_reverb"])
def test_linear_processors_are_told(name):
    assert is_linear(CATALOGUE[name], 8000)


def test_a_later_impulse_hears_what_moves():
    early, late = (impulse_response(TREMOLO, 8000, 0.1, at_s=at_s) for at_s in (0.0, 0.05))
    assert (early - late).abs().max() > 0.01
