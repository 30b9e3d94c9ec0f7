"""Noise-shaped reverb: the decay that is asked for is the decay that is measured."""

import math

import pytest
import torch

from dasp.functional import noise_shaped_reverb
from dasp.functional.noise_shaped_reverb import CENTRES_HZ, octaves
from tests.functional.reverberation import impulse, rt60_s_of_bands

FLAT = {"band_gain_db": 0.0, "mix": 1.0}


def measured_bands(h, rate):
    half = math.sqrt(2)
    return torch.tensor(rt60_s_of_bands(h, rate, [(f / half, f * half) for f in CENTRES_HZ]))


@pytest.mark.parametrize(
    ("rate", "rt60_s"),
    [
        (44_100, (0.5,) * 10),
        (48_000, (3.0,) * 10),
        (44_100, (2.4, 2.0, 1.7, 1.4, 1.2, 1.0, 0.8, 0.6, 0.5, 0.4)),
        (48_000, (3.0, 0.4) * 5),
        (44_100, (0.4, 3.0) * 5),
    ],
)
def test_every_octave_decays_in_the_time_asked_for(rate, rt60_s):
    """Within 10 %, also between neighbours that decay eight times more slowly."""
    channels, time = int(75 / max(rt60_s)), int(0.8 * max(rt60_s) * rate)
    noise = torch.randn(channels, time)
    x = impulse(channels, time).float()
    h = noise_shaped_reverb(x, rate, rt60_s=rt60_s, noise=noise, **FLAT).double()
    error = measured_bands(h, rate) / torch.tensor(rt60_s) - 1
    assert error.abs().max() < 0.1, error


def test_a_short_decay_where_bands_are_wide_enough():
    noise = torch.randn(32, 24_000, dtype=torch.float64)
    h = noise_shaped_reverb(impulse(32, 24_000), 48_000, rt60_s=0.1, noise=noise, **FLAT)
    error = measured_bands(h, 48_000)[3:] / 0.1 - 1
    assert error.abs().max() < 0.1, error


def test_the_noise_that_is_drawn_by_itself_decays_so_too():
    h = noise_shaped_reverb(impulse(2, 144_000), 48_000, rt60_s=1.0, **FLAT)
    error = measured_bands(h, 48_000)[5:] - 1
    assert error.abs().max() < 0.1, error


def test_equal_bands_are_the_noise_under_one_exponential():
    rate, rt60_s = 48_000, 0.7
    noise = torch.randn(2, 6000, dtype=torch.float64)
    h = noise_shaped_reverb(impulse(2, 6000), rate, rt60_s=rt60_s, noise=noise, **FLAT)
    envelope = 10 ** (-3 * torch.arange(6000.0, dtype=torch.float64) / (rt60_s * rate))
    energy = 1 / (1 - 10 ** (-6 / (rt60_s * rate)))
    torch.testing.assert_close(h, noise * envelope / energy**0.5)


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
def test_bands_sum_to_the_noise_and_do_not_overlap_further_than_the_crossover(rate):
    noise = torch.randn(2, 20_000, dtype=torch.float64)
    bands = octaves(noise, rate)
    torch.testing.assert_close(bands.sum(-2), noise)
    spectrum = torch.fft.rfft(bands).abs()
    freq_hz = torch.fft.rfftfreq(20_000, 1 / rate, dtype=torch.float64)
    for band, centre_hz in zip(spectrum.unbind(-2)[1:], CENTRES_HZ[1:], strict=True):
        assert band[:, freq_hz < centre_hz * 2 ** (-0.5 - 1 / 12)].max() < 1e-9
    for band, centre_hz in zip(spectrum.unbind(-2)[:-1], CENTRES_HZ[:-1], strict=True):
        outside = band[:, freq_hz > centre_hz * 2 ** (0.5 + 1 / 12)]
        assert outside.numel() == 0 or outside.max() < 1e-9


def test_noise_comes_out_as_loud_as_it_went_in_whatever_the_decay():
    x = torch.randn(8, 2, 120_000)
    for rt60_s in (0.2, 1.0):
        wet = noise_shaped_reverb(x, 48_000, rt60_s=rt60_s, length_s=1.5, **FLAT)[..., 60_000:]
        assert 10 * wet.square().mean().log10().abs() < 0.5


def test_band_gains_are_those_of_the_bands_in_decibels():
    gain_db = torch.zeros(10)
    gain_db[6] = -12.0
    noise = torch.randn(1, 48_000, dtype=torch.float64)
    flat, cut = (
        noise_shaped_reverb(
            impulse(1, 48_000), 48_000, band_gain_db=g, rt60_s=1.0, mix=1.0, noise=noise
        )
        for g in (0.0, gain_db)
    )
    ratio = torch.fft.rfft(cut).abs() / torch.fft.rfft(flat).abs()
    assert abs(20 * ratio[0, 1800:2300].log10().median() + 12) < 0.3  # in the 2 kHz octave
    assert abs(20 * ratio[0, 800:1200].log10().median()) < 0.3  # in its neighbour


def test_the_two_sides_are_uncorrelated():
    h = noise_shaped_reverb(impulse(2, 96_000), 48_000, rt60_s=1.0, **FLAT)
    assert torch.corrcoef(h)[0, 1].abs() < 0.05


def test_noise_from_a_generator_and_from_a_tensor():
    def reverb(**noise):
        return noise_shaped_reverb(
            impulse(2, 9000), 48_000, rt60_s=0.3, length_s=0.1, **FLAT, **noise
        )

    first, again = (reverb(noise=torch.Generator().manual_seed(3)) for _ in range(2))
    other = reverb(noise=torch.Generator().manual_seed(4))
    assert torch.equal(first, again)
    assert torch.corrcoef(torch.stack((first[0], other[0])))[0, 1].abs() < 0.2
    scaled = reverb(noise=2 * torch.ones(2, 500, dtype=torch.float64))
    assert (scaled[:, 500:].abs() < 1e-12).all()  # as long as the noise


def test_the_response_does_not_depend_on_the_length_of_the_audio():
    x = torch.randn(2, 8000).double()
    whole = noise_shaped_reverb(x, 48_000, rt60_s=0.5, **FLAT)
    start = noise_shaped_reverb(x[:, :3000], 48_000, rt60_s=0.5, **FLAT)
    torch.testing.assert_close(whole[:, :3000], start)


def test_bands_above_nyquist_have_no_effect():
    x = torch.randn(2, 2000).double()
    high = torch.zeros(10)
    high[8:] = 12.0  # 8 and 16 kHz
    settings = {"rt60_s": 0.3, "mix": 1.0, "length_s": 0.2}
    silent, loud = (noise_shaped_reverb(x, 8000, band_gain_db=g, **settings) for g in (0.0, high))
    assert torch.equal(silent, loud)


def test_silence_before_the_pre_delay():
    h = noise_shaped_reverb(impulse(2, 9000), 48_000, rt60_s=0.3, pre_delay_ms=50.0, **FLAT)
    assert h[:, :2400].abs().max() < 1e-12
    assert h[:, 2400:2500].abs().max() > 1e-3


@pytest.mark.parametrize("shape", [(3, 100), (2, 0), (4, 2, 2, 100)])
def test_noise_of_the_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"noise: expected shape \(channels, taps\)"):
        noise_shaped_reverb(
            torch.zeros(5, 2, 50), 48_000, rt60_s=1.0, noise=torch.zeros(shape), **FLAT
        )


def test_what_a_call_in_inference_mode_leaves_serves_a_gradient():
    noise = torch.randn(1, 1003)
    with torch.inference_mode():
        octaves(noise, 44_100)
    noise.requires_grad_()
    octaves(noise, 44_100).sum().backward()
    torch.testing.assert_close(noise.grad, torch.ones(1, 1003), rtol=0, atol=1e-5)
