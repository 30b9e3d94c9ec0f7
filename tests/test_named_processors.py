"""Lists of processors that are a choice of their file have no name that is not in the catalogue."""

import pytest

from dasp.cli.effects import DEFAULTS
from dasp.mixing.fader import HEAR_LEVELS
from dasp.mixing.reaper import DYNAMICS
from dasp.mixing.wet import REVERBS
from dasp.pictures.console import FILTERS
from dasp.processors import CATALOGUE
from tests.contracts.cases import SPECIAL

NAMED = {
    "what REAPER has as dynamics": DYNAMICS,
    "what is a reverb": REVERBS,
    "what hears levels": HEAR_LEVELS,
    "filters in the picture of a console": FILTERS,
    "cases of the contract tests": tuple(SPECIAL),
}


@pytest.mark.parametrize("what", NAMED)
def test_they_are_in_the_catalogue(what):
    assert set(NAMED[what]) <= {*CATALOGUE}


def test_defaults_of_the_command_line_are_settings_that_the_processor_takes():
    for name, settings in DEFAULTS.items():
        CATALOGUE[name].check_settings(settings)


def test_the_mildest_settings_are_in_range_where_nothing_is_neutral():
    for processor in CATALOGUE.values():
        assert processor.mildest is None or processor.neutral is None
        processor.check_settings({**(processor.mildest or {}), **(processor.neutral or {})})
