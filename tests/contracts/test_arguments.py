"""Bad input to any processor: an error that names the argument, what was expected, what came."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import audio, draw, every_processor, run


def assumed_by(function: Callable) -> dict[str, Any]:
    """The defaults in the signature of a function."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


@every_processor
def test_one_dimension_is_no_audio(name):
    with pytest.raises(ValueError, match=r"x: expected shape \(\*batch.*\(100,\)"):
        run(name, torch.zeros(100), {})


@every_processor
def test_channels_where_time_should_be(name):
    with pytest.raises(ValueError, match=r"x: .*are the two swapped"):
        run(name, torch.zeros(4000, 2), {})


@every_processor
def test_integers_are_no_audio(name):
    with pytest.raises(ValueError, match=r"x: expected floating-point audio, got torch.int16"):
        run(name, torch.zeros(2, 100, dtype=torch.int16), {})


@every_processor
def test_numpy_is_no_tensor(name):
    with pytest.raises(TypeError, match=r"x: expected a torch.Tensor, got ndarray"):
        CATALOGUE[name](torch.zeros(2, 100).numpy(), 44_100)


@every_processor
@pytest.mark.parametrize("sample_rate", [0, -44_100, float("nan"), None])
def test_a_sample_rate_without_meaning(name, sample_rate):
    with pytest.raises(ValueError, match="sample_rate: expected a positive number"):
        CATALOGUE[name](audio(name), sample_rate)


@every_processor
def test_a_parameter_of_the_wrong_shape(name):
    x, settings = audio(name, (2,)), draw(name, (2,))
    for key in settings:
        with pytest.raises(ValueError, match=f"{key}.*expected"):
            run(name, x, {**settings, key: settings[key].new_ones(5, 7, 3)})


@every_processor
def test_a_parameter_that_is_not_a_number(name):
    x, settings = audio(name), draw(name)
    for key, value in settings.items():
        with pytest.raises(ValueError, match=f"{key}: expected .*got nan"):
            run(name, x, {**settings, key: torch.full_like(value, torch.nan)})


@every_processor
def test_an_unknown_keyword(name):
    with pytest.raises(TypeError, match="has no parameter 'wobble'"):
        run(name, audio(name), {"wobble": 1.0})


@every_processor
def test_a_missing_keyword(name):
    """A keyword without a default in the function is asked for by name."""
    processor = CATALOGUE[name]
    assumed = assumed_by(processor.function)
    keywords = [*(param.name for param in processor.params), *processor.inputs]
    missing = [keyword for keyword in keywords if keyword not in assumed]
    if not missing:
        pytest.skip("every keyword has a default")
    with pytest.raises(TypeError, match=f"{name.removesuffix('_31')}.* needs .*{missing[0]}"):
        CATALOGUE[name].function(audio(name), 44_100)


@every_processor
def test_what_the_function_assumes_is_what_the_catalogue_declares(name):
    processor = CATALOGUE[name]
    assumed = assumed_by(processor.function)
    for key, value in processor.defaults().items():
        if key in assumed:
            repeated = isinstance(value, tuple) and set(value) == {assumed[key]}
            assert repeated or assumed[key] == value, key


@every_processor
def test_controls_to_physical_and_back(name):
    processor = CATALOGUE[name]
    controls = torch.rand(4, processor.n_controls, dtype=torch.float64)
    back = processor.to_controls(processor.to_physical(controls))
    torch.testing.assert_close(back, controls)
    for end in (0.0, 1.0):
        physical = processor.to_physical(torch.full((processor.n_controls,), end))
        processor.check_settings(physical)
