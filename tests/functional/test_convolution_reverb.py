"""Convolution reverb against SciPy, and with measured rooms."""

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from dasp.functional import convolution_reverb

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
        (1, (2, 50), r"expected 1 responses for .* 1 channels, got 2 \(shape \(2, 50\)\)"),
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
