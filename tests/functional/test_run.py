"""How a processor runs is a value: nothing of it hangs on the functions."""

import inspect
import pickle

import pytest
import torch

import dasp.functional as F
from dasp._typing import Value
from dasp.functional._arguments import audio_processor
from dasp.functional._memory import Memory, State
from dasp.functional._run import Run, in_blocks, memoryless

RATE = 8000
X = torch.linspace(-1, 1, 40)[None]
FUNCTIONS = [name for name in F.__all__ if inspect.isfunction(getattr(F, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_carries_attributes_of_ours(name):
    assert set(vars(getattr(F, name))) <= {"__wrapped__"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_signature_is_what_is_defined(name):
    function = getattr(F, name)
    assert inspect.signature(function) == inspect.signature(inspect.unwrap(function))


def test_annotations_may_be_texts():
    """As `from __future__ import annotations` makes them; a parameter stays a tensor."""
    heard = []

    @audio_processor
    def listen(x, sample_rate, *, level: "Value", order: "int" = 2):
        heard.extend((level, order))
        return x

    listen(X, RATE, level=torch.tensor([1.0]), order=torch.tensor([3]))
    assert isinstance(heard[0], torch.Tensor)
    assert heard[1] == 3
    assert isinstance(heard[1], int)


def test_a_function_alone_runs_block_by_block_with_its_memory():
    first = Memory(State(), ends=False)
    y = [F.low_pass(X[:, :15], RATE, freq_hz=500.0, memory=first)]
    last = Memory(first.after)
    y.append(F.low_pass(X[:, 15:], RATE, freq_hz=500.0, memory=last))
    torch.testing.assert_close(torch.cat(y, -1), F.low_pass(X, RATE, freq_hz=500.0))


def test_a_block_without_samples_keeps_the_state():
    first = Memory(State(), ends=False)
    F.low_pass(X, RATE, freq_hz=500.0, memory=first)
    second = Memory(first.after, ends=False)
    assert F.low_pass(X[:, :0], RATE, freq_hz=500.0, memory=second).shape == (1, 0)
    assert torch.equal(second.after["sections"], first.after["sections"])


@pytest.mark.parametrize("run", [in_blocks(F.low_pass), memoryless(F.gain)])
def test_it_compares_and_pickles_by_what_it_is_made_of(run):
    assert pickle.loads(pickle.dumps(run)) == run


def test_what_cannot_run():
    with pytest.raises(ValueError, match="gain has none"):
        in_blocks(F.gain)
    with pytest.raises(ValueError, match="whole: expected a function, got 3"):
        Run(3)
    with pytest.raises(ValueError, match="latency: expected a function, got 17"):
        Run(F.gain, latency=17)
    with pytest.raises(ValueError, match=r"half: expected f\(x, sample_rate, .*, got f\("):

        @audio_processor
        def half(x, sample_rate, by=0.5):
            return by * x

    with pytest.raises(TypeError, match=r"gain\(\) has no parameter 'memory'"):
        F.gain(X, RATE, gain_db=0.0, memory=Memory())
    with pytest.raises(ValueError, match="memory: expected a Memory, got a dict"):
        F.low_pass(X, RATE, freq_hz=500.0, memory={})
