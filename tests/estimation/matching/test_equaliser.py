"""Graphic EQs from spectra: known gains are found, and what no slider can bring is left alone."""

import torch

from dasp.analysis.spectral import octave_centres_hz
from dasp.estimation.matching.equaliser import at_one_loudness, graphic_gains_db, likely_gains

RATE = 44_100
PLACES = torch.arange(31.0)
OWN = -20 - 0.5 * PLACES


def _wave(height_db):
    return height_db * torch.sin(PLACES / 4)


def test_known_gains_are_found_but_for_the_loudness():
    gains = _wave(6.0)
    found = graphic_gains_db(OWN, at_one_loudness(OWN, gains), likely_gains(RATE))
    away = found - gains
    assert (away - away.mean())[:28].abs().max() < 0.5


def test_levels_behind_a_flat_gain_stay_at_one_loudness():
    assert torch.allclose(at_one_loudness(OWN, torch.full((31,), 5.0)), OWN, atol=1e-4)


def test_a_band_that_no_slider_reaches_bends_nothing():
    wanted = at_one_loudness(OWN, _wave(3.0))
    hole = wanted.clone()
    hole[15] -= 40.0
    plain, found = (graphic_gains_db(OWN, one, likely_gains(RATE)) for one in (wanted, hole))
    assert (found - plain).abs().max() < 0.5


def test_teeth_are_not_drawn():
    """Single bands that stand out are the notes of other music."""
    wanted = OWN.clone()
    wanted[10::6] += 8.0
    found = graphic_gains_db(OWN, wanted, likely_gains(RATE))
    assert found.diff().abs().max() < 4.0


def test_bands_that_a_sample_rate_does_not_have_stay_at_zero():
    found = graphic_gains_db(OWN, at_one_loudness(OWN, _wave(6.0)), likely_gains(16_000))
    assert found.shape == (31,)
    assert not found[octave_centres_hz(3) > 8000].any()
