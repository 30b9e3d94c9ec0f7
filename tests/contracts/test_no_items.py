"""An empty batch is a batch: of measures, losses, combinations, streams and consoles too."""

import inspect

import pytest
import torch

import dasp.analysis
import dasp.losses
from dasp.mixing.console import Console
from dasp.processors import ProcessorModule, chain, dry_wet, parallel
from dasp.processors.catalogue import (
    CATALOGUE,
    COMPRESSOR,
    DISTORTION,
    FEEDBACK_DELAY_NETWORK,
    GAIN,
    PARAMETRIC_EQ,
    STEREO_PANNER,
)
from tests.contracts.cases import CASES, audio, draw, every_processor

RATE = 44_100
MEASURES = [name for name in dasp.analysis.__all__ if name.startswith("measure_")]
LOSSES = [
    name
    for name, loss in vars(dasp.losses).items()
    if callable(loss) and "reduction" in inspect.signature(loss).parameters
]
COMBINATIONS = {
    "chain": chain(GAIN, PARAMETRIC_EQ, COMPRESSOR, FEEDBACK_DELAY_NETWORK, STEREO_PANNER),
    "parallel": parallel(GAIN, DISTORTION),
    "dry_wet": dry_wet(DISTORTION),
}


def nothing(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, requires_grad=True)


@pytest.mark.parametrize("name", MEASURES)
def test_measures(name):
    measure, x = getattr(dasp.analysis, name), nothing(0, 2, 5000)
    one = nothing(1, 2, 5000)
    if name == "measure_delay":
        assert measure(x, x).shape == (0, 2)
    else:
        assert measure(x, RATE).shape == (0, *measure(one, RATE).shape[1:])


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    loss, x = getattr(dasp.losses, name), nothing(0, 2, 5000)
    parameters = inspect.signature(loss).parameters
    further = [RATE] * ("sample_rate" in parameters) + [dasp.losses.l1] * ("loss" in parameters)
    if name == "parameter_error":
        x = nothing(0, 7)
    assert loss(x, x, *further, reduction="none").shape == (0,)


@pytest.mark.parametrize("name", COMBINATIONS)
@pytest.mark.parametrize("shape", [(0, 2, 300), (3, 2, 0)])
def test_combinations_as_modules(name, shape):
    x, module = nothing(*shape), ProcessorModule(COMBINATIONS[name], RATE)
    y = module(x)
    assert y.shape == shape
    y.sum().backward()
    assert x.grad.shape == shape


@every_processor
def test_streams(name):
    x, case, state = audio(name, (0,)), CASES[name], None
    inputs = {key: value.to(x.dtype) for key, value in case.inputs}
    given = 0
    blocks = x.split(20, -1)
    for i, block in enumerate(blocks):
        y, state = CATALOGUE[name].step(
            block, case.sample_rate, state, ends=i == len(blocks) - 1,
            **dict(case.settings), **inputs, **draw(name, (0,)),
        )  # fmt: skip
        given += y.shape[-1]
    assert given == x.shape[-1]


@pytest.mark.parametrize("shape", [(0, 3, 2, 500), (2, 0, 2, 500), (2, 3, 1, 0), (0, 2, 500)])
def test_consoles(shape):
    tracks = nothing(*shape)
    mix = Console()(tracks, RATE)
    assert mix.shape == (*shape[:-3], 2, shape[-1])
    mix.sum().backward()
    assert tracks.grad.shape == shape
