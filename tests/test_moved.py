"""Old names: they work, and say what the new one is."""

import importlib

import pytest

MOVED = {
    "dasp.data.load_song": "dasp.songs.load_song",
    "dasp.fitting.fit": "dasp.estimation.fitting.fit.fit",
    "dasp.fitting.Fit": "dasp.estimation.fitting.fit.Fit",
    "dasp.mixing.unmix.unmix": "dasp.estimation.unmixing.unmix.unmix",
    "dasp.mixing.unmix.STAGES": "dasp.estimation.unmixing.unmix.STAGES",
    "dasp.mixing.least_squares.fit_filters": "dasp.estimation.least_squares.fit_filters",
    "dasp.mixing.least_squares.gain_and_pan": "dasp.mixing.placement.gain_and_pan",
    "dasp.mixing.moving_gains.fit_moving_gains": "dasp.estimation.moving_gains.fit_moving_gains",
}


def _at(path):
    home, _, name = path.rpartition(".")
    return getattr(importlib.import_module(home), name)


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_works_and_says_the_new_one(old):
    with pytest.warns(DeprecationWarning, match=MOVED[old]):
        assert _at(old) is _at(MOVED[old])


def test_what_was_never_there_is_not_found():
    with pytest.raises(AttributeError, match=r"dasp\.fitting.*nothing"):
        _at("dasp.fitting.nothing")
