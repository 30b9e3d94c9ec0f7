"""Convolution reverb against SciPy, and with measured rooms."""

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from dasp.functional import convolution_reverb
from dasp.processors.catalogue import CONVOLUTION_REVERB
from dasp.streaming import Stream

RATE = 48_000


def convolved(x, h):
    """SciPy's convolution, cut at the end of `x`."""
    return torch.from_numpy(
        scipy.signal.fftconvolve(x.numpy(), h.numpy(), axes=-1)[..., : x.shape[-1]]
    )


def response_of(path):
    h, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return torch.from_numpy(np.ascontiguousarray(h.T)), rate


@pytest.mark.parametrize("taps", [1, 37, 900])
def test_one_response_serves_every_channel(taps):
    x, h = torch.randn(3, 5, 400).double(), torch.randn(1, taps).double()
    wet = convolution_reverb(x, RATE, impulse_response=h, mix=1.0)
    direct = [[np.convolve(channel, h[0])[:400] for channel in item] for item in x.numpy()]
    np.testing.assert_allclose(wet, np.array(direct), atol=1e-10)


def test_as_many_responses_as_channels_serve_one_each():
    x, h = torch.randn(3, 2, 400).double(), torch.randn(2, 90).double()
    wet = convolution_reverb(x, RATE, impulse_response=h, mix=1.0)
    torch.testing.assert_close(wet, convolved(x, h.expand(3, 2, 90)))


def test_a_response_for_each_item_of_the_batch():
    x, h = torch.randn(3, 2, 400).double(), torch.randn(3, 2, 90).double()
    wet = convolution_reverb(x, RATE, impulse_response=h, mix=1.0)
    torch.testing.assert_close(wet, convolved(x, h))


def test_true_stereo_is_left_to_left_left_to_right_and_so_on(shared_data):
    h, rate = response_of(shared_data / "ir" / "St. Margaret's Church.wav")
    assert h.shape[0] == 4
    x = torch.randn(2, 30_000).double()
    wet = convolution_reverb(x, rate, impulse_response=h, mix=1.0)
    (left, right), (ll, lr, rl, rr) = x, h
    torch.testing.assert_close(wet[0], convolved(left, ll) + convolved(right, rl))
    torch.testing.assert_close(wet[1], convolved(left, lr) + convolved(right, rr))


def test_a_plate_in_single_precision(shared_data):
    h, rate = response_of(shared_data / "ir" / "EMT 140 Medium 2.wav")
    x = torch.randn(2, 40_000).double()
    wet = convolution_reverb(x.float(), rate, impulse_response=h, mix=1.0)
    exact = convolved(x, h)
    assert wet.dtype is torch.float32
    assert (wet - exact).abs().max() < 1e-5 * exact.abs().max()


def test_mix_and_wet_gain():
    x, h = torch.randn(2, 300).double(), torch.randn(1, 50).double()
    y = convolution_reverb(x, RATE, impulse_response=h, mix=0.25, wet_gain_db=-20.0)
    torch.testing.assert_close(y, 0.75 * x + 0.025 * convolved(x, h.expand(2, 50)))


def test_pre_delay_is_silence_and_then_the_same_reverb():
    x, h = torch.randn(2, 3000).double(), torch.randn(2, 50).double()
    wet = convolution_reverb(x, RATE, impulse_response=h, mix=1.0)
    late = convolution_reverb(x, RATE, impulse_response=h, mix=1.0, pre_delay_ms=20.0)
    assert late[:, :960].abs().max() < 1e-12
    torch.testing.assert_close(late[:, 960:], wet[:, :-960])


def test_gradient_reaches_the_response():
    x, h = torch.randn(2, 2, 12).double(), torch.randn(4, 7).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda h: convolution_reverb(x, RATE, impulse_response=h, mix=0.6, pre_delay_ms=0.03), (h,)
    )


@pytest.mark.parametrize(
    ("channels", "shape", "message"),
    [
        (1, (3, 50), r"expected 1 or 2 or 4 responses for .* 1 .*got 3 \(shape \(3, 50\)\)"),
        (2, (3, 50), "expected 1 or 2 or 4 responses.*got 3"),
        (3, (4, 50), r"expected 1 or 3 responses.*got 4"),
        (2, (5, 2, 50), r"expected shape .*\(5, 2, 50\)"),
        (2, (2, 0), "at least one tap"),
        (2, (50,), r"impulse_response: expected shape \(\*batch, channels, time\)"),
    ],
)
def test_responses_that_do_not_fit(channels, shape, message):
    x = torch.zeros(4, channels, 100)
    with pytest.raises(ValueError, match=message):
        convolution_reverb(x, RATE, impulse_response=torch.zeros(shape), mix=0.5)


def test_a_stereo_response_makes_mono_stereo():
    x, h = torch.randn(1, 400).double(), torch.randn(2, 90).double()
    y = convolution_reverb(x, RATE, impulse_response=h, mix=0.4)
    torch.testing.assert_close(y, 0.6 * x + 0.4 * convolved(x.expand(2, -1), h))


@pytest.mark.parametrize("normalise", [None, "energy", "peak"])
def test_true_stereo_hears_mono_as_two_sides_that_are_alike(normalise):
    x, h = torch.randn(3, 1, 400).double(), torch.randn(4, 90).double()
    y = convolution_reverb(x, RATE, impulse_response=h, mix=0.4)
    expected = convolution_reverb(x.expand(3, 2, -1), RATE, impulse_response=h, mix=0.4)
    torch.testing.assert_close(y, expected)
    blocks = Stream(CONVOLUTION_REVERB, RATE, impulse_response=h, mix=1.0, normalise=normalise)
    whole = convolution_reverb(x, RATE, impulse_response=h, mix=1.0, normalise=normalise)
    parts = [blocks(part) for part in x.split(70, -1)]
    torch.testing.assert_close(torch.cat(parts, -1), whole)


def pink_noise(channels, time):
    """Noise whose power falls by 3 dB an octave, from 20 Hz to 20 kHz, with a power of 1."""
    freq_hz = np.fft.rfftfreq(time, 1 / RATE)
    heard = (freq_hz >= 20) & (freq_hz <= 20_000)
    phases = np.exp(2j * np.pi * np.random.default_rng(0).random((channels, len(freq_hz))))
    x = np.fft.irfft(phases * heard / np.sqrt(np.maximum(freq_hz, 1)), time)
    return torch.from_numpy(x / x.std(axis=-1, keepdims=True))


@pytest.mark.parametrize("channels, responses", [(1, 1), (2, 1), (2, 2), (1, 2), (2, 4), (1, 4)])
@pytest.mark.parametrize("gain", [1e-3, 300.0])
def test_energy_keeps_the_power_of_pink_noise(channels, responses, gain):
    x = pink_noise(channels, 2**18)
    decay = torch.exp(-torch.arange(2000, dtype=torch.float64) / 300)
    h = gain * decay * torch.randn(responses, 2000, dtype=torch.float64)
    wet = convolution_reverb(x, RATE, impulse_response=h, mix=1.0, normalise="energy")
    assert wet[:, 2000:].square().mean().item() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("channels, responses", [(1, 1), (2, 2), (2, 4)])
def test_peak_never_makes_a_tone_louder(channels, responses):
    h = 100 * torch.randn(responses, 500, dtype=torch.float64)
    loudest = 0.0
    for side in torch.eye(channels, dtype=torch.float64)[..., None]:
        x = torch.nn.functional.pad(side, (0, 511))  # an impulse on one side
        wet = convolution_reverb(x, RATE, impulse_response=h, mix=1.0, normalise="peak")
        loudest = loudest + torch.fft.rfft(wet, 2**16).abs()
    assert loudest.max().item() == pytest.approx(1.0, abs=0.005)


def test_the_balance_of_responses_is_kept_and_each_item_has_its_own_level():
    x = torch.randn(2, 2, 400).double()
    h = torch.randn(2, 2, 90).double() * torch.tensor([[[1.0], [0.1]], [[30.0], [20.0]]])
    wet = convolution_reverb(x, RATE, impulse_response=h, mix=1.0, normalise="energy")
    plain = convolution_reverb(x, RATE, impulse_response=h, mix=1.0)
    factor = wet / plain
    torch.testing.assert_close(factor, factor[:, :1, :1].expand_as(factor))
    assert factor[0, 0, 0] / factor[1, 0, 0] > 10


@pytest.mark.parametrize("normalise", ["energy", "peak"])
def test_a_silent_response_stays_silent(normalise):
    x = torch.randn(2, 100)
    silent = torch.zeros(1, 10)
    wet = convolution_reverb(x, RATE, impulse_response=silent, mix=1.0, normalise=normalise)
    assert torch.equal(wet, 0 * x)


def test_stored_responses_stay_near_full_scale(shared_data):
    """At the level they are stored at, the plate is 20 dB over it."""
    x, rate = soundfile.read(shared_data / "solo" / "guit_em9.flac", always_2d=True)
    x = torch.from_numpy(x.T[:1, : 8 * rate].copy())
    for path in sorted((shared_data / "ir").rglob("*.wav")):
        h, _ = response_of(path)
        y = convolution_reverb(x, rate, impulse_response=h, mix=0.3, normalise="energy")
        assert len(y) == (1 if len(h) == 1 else 2)
        assert y.abs().max() < 1.5 * x.abs().max(), path.name
