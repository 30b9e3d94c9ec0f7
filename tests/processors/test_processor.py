"""A declaration: defaults from the signature, a print of one line, and its old forms."""

import importlib
from dataclasses import replace

import pytest
import torch

from dasp.functional import compressor, gain
from dasp.processors import CATALOGUE, Option, Param, Processor, chain, dry_wet, memoryless
from dasp.processors.catalogue import COMPRESSOR, GAIN

GAIN_DB = Param("gain_db", -60.0, 24.0, default=0.0)


def fader(x, sample_rate, *, level=0.5, bands=1.0, law="linear"):
    return x


def test_a_default_is_read_from_the_signature():
    bands = Param("bands", 0.0, 1.0, bands=2)
    fade = Processor(fader, Param("level", 0.0, 1.0), bands, Option("law"))
    assert fade.name == "fader"
    assert fade.defaults() == {"level": 0.5, "bands": (1.0, 1.0), "law": "linear"}


def test_a_default_of_its_own_goes_before_that_of_the_signature():
    first, *others = COMPRESSOR.params
    lower = replace(COMPRESSOR, params=(replace(first, default=-30.0), *others))
    assert lower.defaults()["threshold_db"] == -30.0


def test_a_default_that_nobody_has():
    with pytest.raises(ValueError, match="gain_db: expected a default"):
        Processor(gain, Param("gain_db", -60.0, 24.0))


def test_a_default_of_the_signature_that_is_out_of_range():
    with pytest.raises(ValueError, match=r"level: expected .*0\.5"):
        Processor(fader, Param("level", 0.6, 1.0), Param("bands", 0.0, 1.0), Option("law"))


def test_what_is_no_declaration():
    with pytest.raises(ValueError, match="gain: expected Params and Options, got 'gain_db'"):
        Processor(gain, "gain_db")


@pytest.mark.parametrize(
    "processor", [COMPRESSOR, chain(*CATALOGUE.values()), dry_wet(chain(GAIN, COMPRESSOR))]
)
def test_it_prints_on_a_line_or_two(processor):
    text = repr(processor)
    assert text.startswith(f"Processor({processor.name}")
    assert len(text) < 160
    assert "\n" not in text


def test_the_form_of_the_version_before_goes_on_working():
    with pytest.warns(DeprecationWarning, match=r"is Processor\(function, \*params\) now"):
        old = Processor("gain", memoryless(gain), params=(GAIN_DB,), neutral={})
    assert old == Processor(memoryless(gain), GAIN_DB, neutral={})
    options, inputs = COMPRESSOR.options, COMPRESSOR.inputs
    with pytest.warns(DeprecationWarning):
        old = Processor("compressor", compressor, COMPRESSOR.params, options, inputs)
    assert old(torch.ones(1, 4), 44_100).shape == (1, 4)


@pytest.mark.parametrize(
    ("module", "name"), [("param", "Param"), ("param", "Option"), ("processor", "Processor")]
)
def test_names_of_modules_that_have_moved(module, name):
    old = importlib.import_module(f"dasp.processors.{module}")
    with pytest.warns(DeprecationWarning, match=f"dasp.processors.{name} now"):
        assert getattr(old, name) is globals()[name]
