"""What the gallery says that a processor supports is so."""

import pytest
import torch

from dasp.processors.catalogue import CATALOGUE
from docs.building.facts import SAMPLE_RATE, gpu_kernels, supports
from tests.contracts.cases import CASES, audio, every_processor, run
from tests.signal.gpu.on_cpu import COMPILER, kernels_on_cpu


def facts_of(name: str):
    case = CASES[name]
    settings = {**dict(case.settings), **{k: v.double() for k, v in case.inputs}}
    return supports(CATALOGUE[name], audio(name), settings)


@every_processor
def test_what_is_automatable_takes_a_value_for_every_sample(name):
    """A step in a parameter is heard from its sample on, and not before; others refuse one."""
    x, told = audio(name), facts_of(name).automatable
    half = x.shape[-1] // 2
    for param in CATALOGUE[name].params:
        low, high = param.to_physical(torch.tensor([[0.4], [0.6]]).expand(2, param.size))
        if param.bands:
            assert param.name not in told
            continue
        low, high = low.double(), high.double()
        tracks = CASES[name].tracks
        line = torch.cat((low.expand(*tracks, half), high.expand(*tracks, x.shape[-1] - half)), -1)
        if param.name not in told:
            with pytest.raises(ValueError, match=param.name):
                run(name, x, {param.name: line}, SAMPLE_RATE)
            continue
        moved = run(name, x, {param.name: line}, SAMPLE_RATE)
        for part, value in ((slice(half), low), (slice(half, None), high)):
            still = run(name, x, {param.name: value[0]}, SAMPLE_RATE)
            torch.testing.assert_close(moved[..., part], still[..., part])


@every_processor
def test_a_stream_is_as_late_as_it_says(name):
    """`tests/contracts/test_streaming.py` tries the samples; here, how many come."""
    told, case = facts_of(name), CASES[name]
    assert told.streams
    x = audio(name, time=max(1000, 2 * told.latency))
    inputs = {key: value.double() for key, value in case.inputs}
    y, _ = CATALOGUE[name].step(x, SAMPLE_RATE, **inputs)
    assert y.shape[-1] == x.shape[-1] - told.latency


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on this machine")
@every_processor
def test_the_kernels_are_those_that_a_gpu_runs(name):
    """By the file of CUDA that each is in: a kernel is one launch, or several of its file."""
    x, case = audio(name), CASES[name]
    settings = {**dict(case.settings), **{k: v.double() for k, v in case.inputs}}
    with torch.no_grad():
        with kernels_on_cpu():  # what is made once of settings is kept from here on
            CATALOGUE[name](x, SAMPLE_RATE, **settings)
        with kernels_on_cpu() as launched:
            CATALOGUE[name](x, SAMPLE_RATE, **settings)
    told = gpu_kernels(CATALOGUE[name], x, settings)
    files = {kernel.split(".")[0] for kernel in told}
    assert files == {kernel.split(".")[0] for kernel in launched}
