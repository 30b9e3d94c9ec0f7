"""The error that cross-spectra tell against the error of the signals themselves."""

import math

import pytest
import torch
from scipy.interpolate import BSpline

from dasp.estimation.unmixing.cross_spectra import _knots, _scale, cross_spectra
from dasp.signal.biquad import design_peak, frequency_response
from dasp.signal.iir import sosfilt

RATE = 44_100


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def faded(x):
    fade = torch.hann_window(2 * 4410, dtype=torch.float64)
    window = torch.ones(x.shape[-1], dtype=torch.float64)
    window[-4410:] = fade[4410:]
    return x * window


@pytest.mark.parametrize("channels", [1, 2])
def test_the_error_of_gains_is_that_of_the_signals(channels):
    tracks, mix = noise(3, channels, 30_000), noise(2, 30_000, seed=1)
    gains = noise(3, 2, seed=2)
    spectra = cross_spectra(tracks, mix, RATE)
    H = gains.T[..., None].expand(2, 3, len(spectra.freq_hz)).to(torch.complex128)
    expected = faded(mix - (tracks * gains[..., None]).sum(0)).square().sum()
    found = spectra.error(spectra.coefficients(H))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize(("q", "share"), [(1.0, 1e-8), (3.0, 1e-5)])
def test_the_right_equalisers_leave_next_to_nothing(q, share, monkeypatch):
    monkeypatch.setattr("dasp.estimation.unmixing.cross_spectra.FADE_S", 0.0)
    tracks = torch.nn.functional.pad(noise(3, 1, 50_000), (0, 10_000))
    sos = design_peak(torch.tensor([200.0, 1000.0, 5000.0]), RATE, gain_db=9.0, q=q)
    mix = sosfilt(tracks, sos[:, None])[0].sum(0).expand(2, -1)
    spectra = cross_spectra(tracks, mix, RATE)
    H = frequency_response(sos, spectra.freq_hz, RATE).expand(2, -1, -1)
    assert spectra.error(spectra.coefficients(H)) < share * spectra.power


def test_a_spline_follows_a_delay():
    spectra = cross_spectra(noise(1, 1, 30_000), noise(2, 30_000), RATE)
    freq_hz = torch.linspace(20, 20_000, 500, dtype=torch.float64)
    late = torch.exp(-2j * math.pi / RATE * 5 * spectra.freq_hz)
    c = spectra.coefficients(late)
    place, knots = _scale(freq_hz.numpy()), _knots(RATE)
    found = BSpline(knots, c.numpy(), 3)(place)
    expected = torch.exp(-2j * math.pi / RATE * 5 * freq_hz).numpy()
    assert abs(found - expected).max() < 1e-3


def test_long_songs_are_the_sum_of_their_segments(monkeypatch):
    tracks, mix = noise(2, 1, 40_000), noise(2, 40_000, seed=1)
    monkeypatch.setattr("dasp.estimation.unmixing.cross_spectra.SEGMENT", 20_000)
    monkeypatch.setattr("dasp.estimation.unmixing.cross_spectra.FADE_S", 0.0)
    whole = cross_spectra(tracks, mix, RATE)
    halves = [cross_spectra(tracks[..., p], mix[..., p], RATE)
              for p in (slice(0, 20_000), slice(20_000, None))]  # fmt: skip
    torch.testing.assert_close(whole.tracks, halves[0].tracks + halves[1].tracks)
    torch.testing.assert_close(whole.mix, halves[0].mix + halves[1].mix)
    assert math.isclose(whole.power, mix.square().sum(), rel_tol=1e-4)
