import math

import pytest
import torch

from dasp.controllers.rules.panning import (
    BAND_CENTRES_HZ,
    WIDTH,
    dominant_band,
    position,
    spectral_pan,
)

RATE = 44_100


def _tone(freq_hz, seconds=1.0):
    return torch.sin(2 * math.pi * freq_hz * torch.arange(round(seconds * RATE)) / RATE)[None]


@pytest.mark.parametrize(
    ("n", "places"),
    [(1, [1 / 2]), (2, [0, 1]), (3, [1 / 2, 0, 1]), (4, [1 / 3, 2 / 3, 0, 1])],
)
def test_the_worked_pan_sets_of_the_paper(n, places):
    assert [position(i, n) for i in range(1, n + 1)] == pytest.approx(places)


@pytest.mark.parametrize("n", range(2, 12))
def test_places_are_spread_evenly_and_outwards(n):
    places = [position(i, n) for i in range(1, n + 1)]
    assert sorted(places) == pytest.approx([i / (n - 1) for i in range(n)])
    from_centre = [abs(place - 0.5) for place in places]
    assert from_centre == pytest.approx(sorted(from_centre))


@pytest.mark.parametrize("band", range(len(BAND_CENTRES_HZ)))
def test_a_tone_belongs_to_the_band_that_it_is_the_centre_of(band):
    assert dominant_band(_tone(BAND_CENTRES_HZ[band]), RATE) == band


def test_quiet_bleed_does_not_vote():
    """A tenth of a second of a hit outweighs nine tenths of faint bleed in another band."""
    hit, bleed = _tone(1000, 0.1), 0.01 * _tone(10_000, 0.9)
    assert dominant_band(torch.cat((hit, bleed), -1), RATE) == BAND_CENTRES_HZ.index(1000)


def test_tracks_of_one_band_are_spread_and_others_do_not_move_them():
    pans = spectral_pan([_tone(2500), _tone(100), _tone(2400), _tone(7500)], RATE)
    side = 1 - 2 * WIDTH
    assert pans == pytest.approx([-side, 0.0, side, 0.0])


def test_the_low_end_stays_in_the_centre():
    assert spectral_pan([_tone(60), _tone(80), _tone(110)], RATE) == [0.0, 0.0, 0.0]


def test_width_draws_in():
    tracks = [_tone(1000), _tone(1000)]
    assert spectral_pan(tracks, RATE, width=0.0) == [-1.0, 1.0]
    assert spectral_pan(tracks, RATE, width=0.5) == [0.0, 0.0]


def test_silence_and_short_tracks_have_a_place():
    assert (
        spectral_pan([torch.zeros(1, 1000), torch.ones(1, 3), torch.zeros(1, 0)], RATE) == [0] * 3
    )
