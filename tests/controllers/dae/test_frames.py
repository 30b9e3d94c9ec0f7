"""Magnitudes and the way back: with the phase of the raw track, and equalisers by them."""

import pytest
import torch

from dasp.controllers.dae import equaliser, frames
from dasp.controllers.dae.equaliser import equalise, mean_response_db, response_db
from dasp.controllers.dae.frames import magnitudes, with_magnitudes
from dasp.functional import PARAMETRIC_EQ, gain


def noise(seed, time=100_000):
    return torch.randn(time, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("fft_size", [256, 2048])
def test_white_noise_of_power_1_has_magnitudes_of_rms_1(fft_size):
    x = magnitudes(noise(0), fft_size)
    assert x.shape[-1] == fft_size // 2 + 1
    assert x[4:-4].square().mean().sqrt().item() == pytest.approx(1.0, abs=0.02)


def test_magnitudes_that_stay_are_the_same_audio_and_the_phase_is_kept(monkeypatch):
    x = noise(1, 5000)
    torch.testing.assert_close(with_magnitudes(x, 256, lambda m: m), x, atol=1e-4, rtol=0)
    torch.testing.assert_close(with_magnitudes(x, 256, lambda m: 2 * m), 2 * x, atol=1e-4, rtol=0)
    monkeypatch.setattr(frames, "BLOCK", 7)
    torch.testing.assert_close(with_magnitudes(x, 256, lambda m: m), x, atol=1e-4, rtol=0)


def test_an_equaliser_between_a_raw_track_and_its_stem_is_found():
    """It is the filter that the stem went through, in decibels."""
    peak = {"peak_gain_db": (0.0, 6.0, 0.0, 0.0), "peak_freq_hz": (100.0, 2000.0, 3000.0, 9000.0)}
    settings = PARAMETRIC_EQ.defaults() | peak
    raw = noise(2)
    stem = PARAMETRIC_EQ(raw[None], 44_100, **settings)[0]
    found = response_db(raw, stem)
    assert found[93].item() == pytest.approx(6.0, abs=0.3)  # 2 kHz
    assert found[[10, 900]].abs().max() < 0.3
    heard = [magnitudes(x, 2048) for x in (equalise(raw, found), raw, stem)]
    assert (heard[0] - heard[2]).abs().mean() < 0.25 * (heard[1] - heard[2]).abs().mean()


def test_over_many_pairs_it_is_the_mean_in_decibels():
    raw = noise(3)
    pairs = [(raw, gain(raw[None], 44_100, gain_db=db)[0]) for db in (8.0, -2.0)]
    torch.testing.assert_close(mean_response_db(pairs), torch.full((1025,), 3.0))


def test_what_a_track_does_not_hold_says_nothing():
    """Rounding errors far under a sine are no reason to turn anything up."""
    sine = torch.sin(0.3 * torch.arange(50_000)) * torch.hann_window(50_000)
    stem = sine + 1e-4 * noise(4, 50_000)
    assert response_db(sine, stem).abs().max() < 0.1
    assert equaliser.QUIET_DB > -100
