"""The error that cross-spectra tell against the error of the signals themselves."""

import math

import pytest
import torch

from dasp.mixing.cross_spectra import cross_spectra
from dasp.signal.biquad import design_peak, frequency_response
from dasp.signal.iir import sosfilt

RATE = 44_100


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def error_of(spectra, H):
    """|Y - sum H_k X_k|^2 of responses `(2, tracks, bands)`."""
    A = spectra.tracks.expand(2, -1, -1, -1)
    square = torch.einsum("skf,sklf,slf->s", H.conj(), A.to(H.dtype), H).real
    return spectra.power.sum(-1) - 2 * (H.conj() * spectra.mix).real.sum((1, 2)) + square


def faded(x):
    fade = torch.hann_window(2 * 4410, dtype=torch.float64)
    window = torch.ones(x.shape[-1], dtype=torch.float64)
    window[:4410], window[-4410:] = fade[:4410], fade[4410:]
    return x * window


@pytest.mark.parametrize("channels", [1, 2])
def test_the_error_of_gains_is_that_of_the_signals(channels):
    tracks, mix = noise(3, channels, 30_000), noise(2, 30_000, seed=1)
    gains = noise(3, 2, seed=2)
    spectra = cross_spectra(tracks, mix, RATE)
    H = gains.T[..., None].expand(2, 3, len(spectra.freq_hz)).to(torch.complex128)
    expected = faded(mix - (tracks * gains[..., None]).sum(0)).square().sum(-1)
    torch.testing.assert_close(error_of(spectra, H), expected, rtol=1e-4, atol=0)


def test_the_right_equalisers_leave_next_to_nothing():
    tracks = noise(3, 1, 60_000)
    sos = design_peak(torch.tensor([200.0, 1000.0, 5000.0]), RATE, gain_db=9.0, q=1.0)
    mix = sosfilt(tracks, sos[:, None])[0].sum(0).expand(2, -1)
    for per_octave, share in ((48, 5e-5), (192, 5e-6)):
        spectra = cross_spectra(tracks, mix, RATE, bands_per_octave=per_octave)
        H = frequency_response(sos, spectra.freq_hz, RATE).expand(2, -1, -1)
        assert (error_of(spectra, H) < share * spectra.power.sum(-1)).all()
        assert (error_of(spectra, H) >= 0).all()


def test_long_songs_are_the_sum_of_their_segments(monkeypatch):
    tracks, mix = noise(2, 1, 40_000), noise(2, 40_000, seed=1)
    monkeypatch.setattr("dasp.mixing.cross_spectra.SEGMENT", 20_000)
    monkeypatch.setattr("dasp.mixing.cross_spectra.FADE_S", 0.0)
    whole = cross_spectra(tracks, mix, RATE)
    halves = [cross_spectra(tracks[..., p], mix[..., p], RATE)
              for p in (slice(0, 20_000), slice(20_000, None))]  # fmt: skip
    torch.testing.assert_close(whole.tracks, halves[0].tracks + halves[1].tracks)
    torch.testing.assert_close(whole.mix, halves[0].mix + halves[1].mix)
    assert math.isclose(whole.power.sum(), mix.square().sum(), rel_tol=1e-4)
