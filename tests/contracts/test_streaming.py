"""Blocks equal the whole: any processor, cut anywhere, gives the samples of one call."""

import pytest
import torch
from torch import Tensor

from dasp.functional._memory import State
from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import CASES, audio, draw, every_processor

ENOUGH = {torch.float64: 1e-12, torch.float32: 1e-6}
"""Of the loudest sample."""


def settings_of(name: str, dtype=torch.float64, batch: tuple[int, ...] = ()) -> dict:
    """Drawn settings, and with them what the processor cannot do without."""
    case = CASES[name]
    inputs = {key: value.to(dtype) for key, value in case.inputs}
    return {**dict(case.settings), **inputs, **draw(name, batch, dtype=dtype)}


def in_one(name: str, x: Tensor, settings: dict) -> Tensor:
    """The output of the whole."""
    return CATALOGUE[name](x, CASES[name].sample_rate, **settings)


def random_lengths(time: int) -> list[int]:
    """Blocks of nothing, of one sample, of a few and of many."""
    lengths = [0, 1, 0, 1]
    while sum(lengths) < time:
        longest = (2, 40, time)[int(torch.randint(3, ()))]
        lengths.append(min(int(torch.randint(longest + 1, ())), time - sum(lengths)))
    return [*lengths, 0]


def in_blocks(name: str, x: Tensor, lengths: list[int], settings: dict, between=None) -> Tensor:
    """The outputs of all blocks; `between` may change the state from one to the next."""
    processor, rate, state, outputs = CATALOGUE[name], CASES[name].sample_rate, None, []
    given = taken = 0
    latency = processor.latency(rate, **settings)
    for i, block in enumerate(x.split(lengths, -1)):
        ends = i == len(lengths) - 1
        y, state = processor.step(block, rate, state, ends=ends, **settings)
        state = state if between is None else between(state)
        taken, given = taken + block.shape[-1], given + y.shape[-1]
        assert given == (taken if ends else max(0, taken - latency))
        outputs.append(y)
    return torch.cat(outputs, -1)


def assert_same(y: Tensor, whole: Tensor) -> None:
    """Equal as far as the type has to be."""
    enough = ENOUGH[whole.dtype] * max(1.0, whole.abs().max().item())
    torch.testing.assert_close(y, whole, rtol=0, atol=enough)


@every_processor
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_blocks_equal_the_whole(name, dtype, batch):
    """And no more samples are held back than the latency says."""
    x, settings = audio(name, batch, time=1500, dtype=dtype), settings_of(name, dtype, batch)
    whole = in_one(name, x, settings)
    assert_same(in_blocks(name, x, random_lengths(1500), settings), whole)


@every_processor
def test_options_do_not_matter(name):
    """The same with every choice of every option."""
    x = audio(name, time=700)
    for option in CATALOGUE[name].options:
        for choice in option.choices or ():
            settings = {**settings_of(name), option.name: choice}
            whole = in_one(name, x, settings)
            assert_same(in_blocks(name, x, random_lengths(700), settings), whole)


@every_processor
def test_a_state_that_was_saved_goes_on(name):
    """It is tensors by name, and nothing beside them is needed."""
    x, settings = audio(name, time=500), settings_of(name)

    def saved_and_loaded(state):
        assert all(isinstance(value, Tensor) for value in state.values())
        return State({key: value.clone() for key, value in state.items()})

    lengths = [200, 1, 99, 200]
    y = in_blocks(name, x, lengths, settings, between=saved_and_loaded)
    assert_same(y, in_one(name, x, settings))


@every_processor
def test_a_step_changes_no_state(name):
    """The same step twice gives the same twice."""
    x, settings = audio(name, time=300), settings_of(name)
    processor, rate = CATALOGUE[name], CASES[name].sample_rate
    _, state = processor.step(x[..., :200], rate, **settings)
    before = {key: value.clone() for key, value in state.items()}
    first, second = (processor.step(x[..., 200:], rate, state, **settings)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert before.keys() == state.keys()
    assert all(torch.equal(state[key], value) for key, value in before.items())
