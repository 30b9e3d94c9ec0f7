"""The console on mean spectra beside the console on audio."""

import pytest
import torch

from dasp.analysis import measure_loudness, measure_side_share, measure_stereo_imbalance
from dasp.controllers.console.features import BANDS
from dasp.controllers.diff_mst.bands import distance, image, mix_of_bands, power_response
from dasp.controllers.diff_mst.hearing import (
    centres_hz,
    four_spectra,
    in_db,
    loudness_of,
    mean_spectrum,
)
from dasp.controllers.diff_mst.network import CONSOLE
from dasp.mixing.console import Settings
from dasp.processors.catalogue import PARAMETRIC_EQ
from dasp.processors.stage import Stage
from dasp.signal.biquad import design_low_shelf, design_peak, frequency_response

RATE = 44_100


def noise(*shape):
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 2])
def test_a_mix_of_spectra_is_the_spectrum_of_the_mix(channels):
    tracks = noise(3, channels, 4 * RATE)
    plain = CONSOLE.to_physical(CONSOLE.to_controls()).tracks
    settings = {name: value.expand(3, *value.shape).clone() for name, value in plain.items()}
    settings["gain.gain_db"] = torch.tensor([-6.0, 0.0, 3.0])
    settings["stereo_panner.pan"] = torch.tensor([-1.0, 0.3, 0.6])
    settings["parametric_eq.low_shelf_gain_db"] = torch.tensor([6.0, 0.0, -9.0])
    settings["parametric_eq.peak_gain_db"][1] = torch.tensor([0.0, 9.0, -9.0, 0.0])
    audio = CONSOLE(tracks, RATE, Settings(tracks=settings))
    said = mix_of_bands(mean_spectrum(tracks, RATE), settings)
    # Bands of few bins are noisy: what uncorrelated tracks share is not quite nothing.
    away = (in_db(said) - in_db(mean_spectrum(audio, RATE)))[:, 8:].abs()
    assert away.mean() < 0.25 and away.max() < 1.5


def test_mid_and_side_follow_from_what_the_channels_share():
    x = noise(2, RATE)
    left, right = x
    both = torch.stack(((left + right) / 2, (left - right) / 2))
    expected = mean_spectrum(both[:, None], RATE)[:, 0]
    torch.testing.assert_close(four_spectra(mean_spectrum(x, RATE))[2:], expected)


def test_bands_are_where_their_centres_say():
    for hz in (100.0, 1000.0, 5000.0):
        tone = torch.sin(torch.arange(RATE) * 2 * torch.pi * hz / RATE)[None]
        band = mean_spectrum(tone, RATE)[0].argmax()
        assert centres_hz()[band].item() == pytest.approx(hz, rel=0.1)
    assert len(centres_hz()) == BANDS


def test_the_distance_is_nothing_at_any_level_and_grows_with_a_pan():
    x = mean_spectrum(noise(2, RATE), RATE)
    assert distance(x, 4 * x).item() == pytest.approx(0, abs=1e-4)
    sides = [mean_spectrum(noise(2, RATE) * torch.tensor([[1.0], [g]]), RATE) for g in (0.5, 0.1)]
    near, far = (distance(x, side).item() for side in sides)
    assert 0 < near < far
    assert distance(torch.zeros_like(x), torch.zeros_like(x)) == 0


def test_the_power_response_is_the_square_of_the_complex_one():
    sections = torch.cat((
        design_low_shelf(60.0, RATE, gain_db=9.0, q=0.7),
        design_peak(3000.0, RATE, gain_db=-9.0, q=3.0),
    )).double()  # fmt: skip
    expected = frequency_response(sections, centres_hz(), RATE).abs().square()
    torch.testing.assert_close(power_response(sections), expected, rtol=1e-9, atol=0)


def test_frames_side_by_side_hear_what_those_that_overlap_hear():
    x = noise(2, 6 * RATE)
    apart = in_db(mean_spectrum(x, RATE)) - in_db(mean_spectrum(x, RATE, overlap=True))
    assert apart[:2].abs().mean() < 0.2


def test_the_image_is_that_of_the_audio():
    x = noise(2, 4 * RATE) * torch.tensor([[1.0], [0.4]])
    x[1] += 0.5 * x[0]
    x = Stage(PARAMETRIC_EQ, {"high_shelf_gain_db": -24.0}).run(x, RATE)
    side, lean = image(mean_spectrum(x, RATE)).tolist()
    assert side == pytest.approx(measure_side_share(x, RATE).item(), abs=0.01)
    assert lean == pytest.approx(measure_stereo_imbalance(x, RATE).item(), abs=0.02)


@pytest.mark.parametrize("rate", [22_050, RATE])
def test_the_loudness_is_that_of_what_does_not_pause(rate):
    for gain in (0.1, 1.0):
        for hz in (100.0, 1000.0, 4000.0):
            t = torch.arange(2 * rate) / rate
            x = gain * torch.sin(2 * torch.pi * hz * t).expand(2, -1)
            expected = measure_loudness(x, rate).item()
            assert loudness_of(mean_spectrum(x, rate)).item() == pytest.approx(expected, abs=0.8)
