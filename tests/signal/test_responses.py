"""Responses at other rates: the same gain at the same frequency, and the same delay."""

import numpy as np
import pytest
import soundfile
import torch

from dasp.signal.responses import resample_response

PAIRS = [
    (22_050, 44_100), (44_100, 48_000), (48_000, 44_100), (48_000, 96_000), (96_000, 48_000),
    (192_000, 44_100), (8000, 48_000), (44_100, 44_101),
]  # fmt: skip


def spectrum(taps, rate, freq_hz):
    """The discrete-time Fourier transform, written out."""
    n = np.arange(taps.shape[-1])
    return taps.double().numpy() @ np.exp(-2j * np.pi * np.outer(n, freq_hz) / rate)


def errors_db(taps, old, new):
    """How far the gain is off, where the response is not 40 dB down, and the relative error."""
    freq_hz = np.linspace(20, 0.44 * min(old, new), 300)
    expected = spectrum(taps, old, freq_hz)
    found = spectrum(resample_response(taps, old, new), new, freq_hz)
    heard = np.abs(expected) > 0.01 * np.abs(expected).max()
    off_db = 20 * np.log10(np.abs(found) / np.abs(expected))[heard]
    return np.abs(off_db).max(), np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("old, new", PAIRS)
@pytest.mark.parametrize("kind", ["impulse", "late impulse", "two taps", "decay", "linear phase"])
def test_the_same_gain_and_phase_at_every_frequency(old, new, kind):
    taps = {
        "impulse": torch.tensor([[1.0]]),
        "late impulse": torch.nn.functional.pad(torch.ones(1, 1), (300, 0)),
        "two taps": torch.tensor([[1.0, -0.5]]),
        "decay": torch.randn(2, 3000) * torch.exp(-torch.arange(3000) / 400),
        "linear phase": torch.hann_window(63, periodic=False)[None] / 31,
    }[kind]
    off_db, relative = errors_db(taps, old, new)
    assert relative < 0.05
    if kind != "decay":  # which has notches
        assert off_db < 0.4


def test_an_impulse_keeps_its_level_and_its_place():
    """A signal would be as large at twice the rate, and have twice the gain."""
    taps = torch.zeros(1, 400)
    taps[0, 100] = 1
    new = resample_response(taps, 24_000, 48_000)
    assert new.argmax() == 200
    assert new.sum().item() == pytest.approx(1.0, abs=1e-3)
    torch.testing.assert_close(new[0, 200].item(), 0.475, rtol=0, atol=0.03)


@pytest.mark.parametrize("new", [44_100, 96_000])
def test_a_guitar_cabinet_at_another_rate(shared_data, new):
    audio, rate = soundfile.read(shared_data / "ir" / "cab" / "80s UK 001.wav", always_2d=True)
    _, relative = errors_db(torch.from_numpy(audio.T.copy()), rate, new)
    assert relative < 0.02


def test_shapes_and_types():
    taps = torch.randn(3, 2, 10)
    assert resample_response(taps, 48_000, 48_000) is taps
    new = resample_response(taps, 44_100, 48_000)
    assert new.shape[:2] == (3, 2) and new.dtype is torch.float32
    torch.testing.assert_close(new[1], resample_response(taps[1], 44_100, 48_000))
    assert resample_response(taps[..., :0], 1, 2).shape == (3, 2, 0)
    with pytest.raises(ValueError, match="to_rate"):
        resample_response(taps, 44_100, 0)
