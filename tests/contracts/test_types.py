"""Numbers of other types: complex ones are refused by name, integers and booleans are numbers."""

import inspect

import pytest
import torch

import dasp.analysis
import dasp.losses
from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import CASES, audio, draw, every_processor, run
from tests.contracts.test_no_items import LOSSES, MEASURES, RATE

COMPLEX = "expected real numbers, got torch.complex64"
NOT_AUDIO = "expected floating-point audio, got torch."


@every_processor
@pytest.mark.parametrize("dtype", [torch.complex64, torch.int32, torch.uint8, torch.bool])
def test_audio_is_of_floating_point_numbers(name, dtype):
    x, settings = audio(name, dtype=torch.float32), draw(name, dtype=torch.float32)
    with pytest.raises(ValueError, match=f"^x: {NOT_AUDIO}"):
        CATALOGUE[name](x.to(dtype), RATE, **settings)


@every_processor
def test_parameters_are_real(name):
    x, settings = audio(name, dtype=torch.float32), draw(name, dtype=torch.float32)
    for key, value in settings.items():
        with pytest.raises(ValueError, match=f"^{key}: {COMPLEX}"):
            run(name, x, {**settings, key: value.to(torch.complex64)})
        bands = value.shape[-1] if CATALOGUE[name].params[list(settings).index(key)].bands else 0
        number = 1j if not bands else [1j] * bands
        with pytest.raises(ValueError, match=f"^{key}: expected real numbers, got 1j"):
            run(name, x, {**settings, key: number})


@every_processor
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_whole_numbers_are_numbers(name, dtype):
    """Each parameter as a whole number that its range has, if it has one."""
    x, settings = audio(name, dtype=torch.float32), draw(name, dtype=torch.float32)
    for key, value in settings.items():
        whole = value.round().to(dtype)
        given = [{**settings, key: whole}, {**settings, key: whole.to(value)}]
        try:
            expected = run(name, x, given[1])
        except ValueError as error:
            with pytest.raises(ValueError, match=str(error).split(":")[0].split(",")[0]):
                run(name, x, given[0])
        else:
            assert torch.equal(run(name, x, given[0]), expected), key


@every_processor
def test_inputs_are_real(name):
    x, needed = audio(name, (2,), dtype=torch.float32), dict(CASES[name].inputs)
    for key in CATALOGUE[name].inputs:
        value = needed.get(key, x).to(torch.complex64)
        with pytest.raises(ValueError, match=f"^{key}: expected .*got torch.complex64"):
            CATALOGUE[name](x, RATE, **{**needed, key: value})


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int16])
@pytest.mark.parametrize("name", MEASURES)
def test_measures(name, dtype):
    x = torch.ones(2, 5000, dtype=dtype)
    given = (x, x) if name == "measure_delay" else (x, RATE)
    with pytest.raises(ValueError, match=NOT_AUDIO):
        getattr(dasp.analysis, name)(*given)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int16])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, dtype):
    loss, x = getattr(dasp.losses, name), torch.ones(1, 2, 5000)
    parameters = inspect.signature(loss).parameters
    further = [RATE] * ("sample_rate" in parameters) + [dasp.losses.l1] * ("loss" in parameters)
    for one, other in ((x.to(dtype), x), (x, x.to(dtype))):
        if name == "parameter_error" and dtype is torch.int16 and one.is_floating_point():
            continue  # a target of whole numbers
        with pytest.raises(ValueError, match=r"(output|target): expected .*got torch\."):
            loss(one, other, *further)
