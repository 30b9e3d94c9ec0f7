"""The console on mean spectra beside the console on audio."""

import pytest
import torch

from dasp.controllers.console.features import BANDS
from dasp.controllers.diff_mst.bands import centres_hz, distance, mix_of_bands
from dasp.controllers.diff_mst.hearing import four_spectra, in_db, mean_spectrum
from dasp.controllers.diff_mst.network import CONSOLE
from dasp.mixing.console import Settings

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
