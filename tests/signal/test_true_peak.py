"""Peaks between samples, against the band-limited signal by its spectrum, 32 times as fine."""

import math

import pytest
import torch
import torch.nn.functional as nnf

import dasp.signal.true_peak as module
from dasp.signal.true_peak import REACH, peaks_between


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact_peak(x, fold=32):
    """Of the signal that has the spectrum of `x`, with silence around it, and nothing above."""
    time = x.shape[-1] + 8192
    spectrum = torch.fft.rfft(nnf.pad(x, (4096, 4096 - x.shape[-1] % 2)))
    fine = torch.fft.irfft(spectrum, fold * (time - x.shape[-1] % 2)) * fold
    return fine.abs().amax(-1)


def off_db(found, expected):
    return (20 * torch.log10(found / expected)).abs().max().item()


@pytest.mark.parametrize("share", [0.001, 0.1, 0.25, 1 / 3, 0.4, 0.45, 0.48, 0.494])
def test_a_sine_has_its_amplitude_wherever_it_is_sampled(share):
    phase = 2 * math.pi * torch.arange(16, dtype=torch.float64)[:, None] / 16
    n = torch.arange(3000, dtype=torch.float64)
    x = torch.sin(2 * math.pi * share * n + phase)
    middle = peaks_between(x)[:, REACH:-REACH]
    assert off_db(middle.amax(-1), torch.tensor(1.0)) < 0.02
    if share > 0.25:  # a crest between any two samples
        assert off_db(middle.amin(-1), torch.tensor(1.0)) < 0.6


@pytest.mark.parametrize("band", [0.5, 0.9, 0.97])
def test_noise_of_any_band_has_the_peak_of_its_spectrum(band):
    spectrum = torch.fft.rfft(randn(6, 6000))
    spectrum[:, int(band * 3000) :] = 0
    x = torch.fft.irfft(spectrum) * torch.hann_window(6000, dtype=torch.float64)
    assert off_db(peaks_between(x).amax(-1), exact_peak(x)) < 0.05


def test_what_fills_the_band_up_to_nyquist_is_nearly_seen():
    """White noise, and clipped noise, have 1 % of their power where the filter closes."""
    x = randn(8, 6000, seed=1)
    assert off_db(peaks_between(x).amax(-1), exact_peak(x)) < 0.3
    clipped = (2 * x).clamp(-1, 1)
    assert off_db(peaks_between(clipped).amax(-1), exact_peak(clipped)) < 0.4
    n = torch.arange(20_000, dtype=torch.float64)
    square = torch.sign(torch.sin(2 * math.pi * 997 / 44_100 * n))[None]
    assert off_db(peaks_between(square).amax(-1), exact_peak(square)) < 0.1


def test_a_peak_is_found_by_both_samples_beside_it():
    n = torch.arange(2000, dtype=torch.float64)
    x = torch.sinc(0.9 * (n - 1000.3))
    peaks = peaks_between(x)
    assert off_db(peaks[1000:1002], torch.tensor(1.0)) < 0.02
    assert (peaks >= x.abs()).all() and peaks[1003:].max() < 0.9


@pytest.mark.parametrize("time", [1, 2, REACH, 3000])
def test_parts_are_the_whole(monkeypatch, time):
    x = randn(2, 3, time)
    whole = peaks_between(x)
    monkeypatch.setattr(module, "AT_ONCE", 10)
    torch.testing.assert_close(peaks_between(x), whole, rtol=0, atol=1e-13)


def test_no_samples_silence_and_rows_of_their_own():
    assert peaks_between(torch.zeros(2, 0)).shape == (2, 0)
    half = randn(2, 50).half()
    torch.testing.assert_close(peaks_between(half), peaks_between(half.float()).half())
    x = randn(3, 500)
    x[1] = 0
    alone = peaks_between(x)
    assert torch.equal(alone[1], torch.zeros(500, dtype=torch.float64))
    x[0, 7] = torch.nan
    torch.testing.assert_close(peaks_between(x)[1:], alone[1:], rtol=0, atol=1e-14)
    assert peaks_between(x)[0, 7].isnan()


def test_gradients_and_transforms():
    x = randn(2, 30).requires_grad_()
    torch.autograd.gradcheck(peaks_between, x, check_forward_ad=True)
    silent = torch.zeros(1, 30, requires_grad=True)
    peaks_between(silent).sum().backward()
    assert torch.equal(silent.grad, torch.zeros(1, 30))
    x = randn(3, 2, 200)
    torch.testing.assert_close(torch.vmap(peaks_between)(x), peaks_between(x))


@pytest.mark.parametrize("least", [0.0, 0.5, 2.0, 9.0])
def test_what_does_not_matter_is_left_at_the_sample(least):
    """Loud for a while, at a sample rate that the ends of spans do not fit."""
    x = randn(2, 70_001) * torch.linspace(-2, 1, 70_001).clamp(min=0.01)
    exact = peaks_between(x)
    found = peaks_between(x, torch.tensor([least, least / 2], dtype=x.dtype))
    for own, wanted, sample, floor in zip(found, exact, x.abs(), (least, least / 2), strict=True):
        matters = wanted > floor
        torch.testing.assert_close(own[matters], wanted[matters])
        assert (own[~matters] >= sample[~matters]).all() and (own[~matters] <= floor).all()
        if floor:
            assert (own == sample).sum() > (wanted == sample).sum()


def test_no_peak_is_higher_than_is_known_of_what_is_beside_it():
    taps = module._twice(torch.eye(101, dtype=torch.float64), module.SHORT)[:, 1::2]
    assert taps.abs().sum(0).max() * math.sqrt(2) < module.MOST_RISE
