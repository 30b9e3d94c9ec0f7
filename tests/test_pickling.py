"""Processors are values: they are copied, saved, and sent to processes that start from nothing."""

import copy
import io
import pickle
from functools import partial

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from dasp.grad import TCN, external, finite_difference, proxy, spsa
from dasp.processors import CATALOGUE, Param, ProcessorModule, chain, dry_wet, parallel
from dasp.processors.catalogue import COMPRESSOR, DISTORTION, GAIN, LIMITER
from tests.grad.black_boxes import halved

RATE = 44_100


def _network() -> TCN:
    torch.manual_seed(3)
    network = TCN(1, RATE, width=2, blocks=2, kernel=3)
    torch.nn.init.normal_(network.gain.weight)
    return network


def _external(workers: int = 0):
    push = Param("push", 1.0, 100.0, default=2.0, scale="log")
    return external(halved, [push], workers=workers)


def made() -> dict:
    """One of every way to make a processor, and some within each other."""
    strip = chain(GAIN, dry_wet(COMPRESSOR), parallel(GAIN, DISTORTION), LIMITER)
    return {
        **CATALOGUE,
        "chain": strip,
        "parallel": parallel(GAIN, LIMITER),
        "dry_wet": dry_wet(COMPRESSOR),
        "external": _external(),
        "spsa": spsa(strip),
        "spsa of an external": spsa(_external(), epsilon=partial(float, "0.01")),
        "finite_difference": finite_difference(COMPRESSOR),
        "chain of gradients": chain(spsa(GAIN), LIMITER),
        **{mode: proxy(GAIN, _network(), mode) for mode in ("full", "half_hybrid", "full_hybrid")},
    }


MADE = made()
MODES = [name for name in MADE if name not in CATALOGUE]


def through_pickle(value):
    return pickle.loads(pickle.dumps(value))


def through_torch(value):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def output_and_gradient(processor):
    torch.manual_seed(0)
    controls = torch.full((processor.n_controls,), 0.4, requires_grad=True)
    y = processor(torch.randn(2, 50), RATE, **processor.to_physical(controls))
    y.square().sum().backward()
    return y.detach(), controls.grad


@pytest.mark.parametrize("copied", [through_pickle, copy.copy, copy.deepcopy, through_torch])
@pytest.mark.parametrize("name", MODES)
def test_a_copy_sounds_and_learns_the_same(name, copied):
    """A black box from the same place in its random numbers on."""
    processor = made()[name]
    other = copied(made()[name])
    if name == "external":
        x = torch.randn(2, 50)
        assert torch.equal(other(x, RATE), processor(x, RATE))
        return
    for mine, theirs in zip(
        output_and_gradient(processor), output_and_gradient(other), strict=True
    ):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_a_pickled_processor_of_the_catalogue_is_itself(name):
    assert through_pickle(CATALOGUE[name]) == CATALOGUE[name]
    assert copy.deepcopy(CATALOGUE[name]) == CATALOGUE[name]


def test_equal_combinations_are_equal():
    assert through_pickle(MADE["chain"]) == MADE["chain"]
    assert chain(GAIN) == chain(GAIN) != parallel(GAIN)


@pytest.mark.parametrize("name", [*MODES, "parametric_eq"])
def test_a_saved_module_goes_on(name):
    module = ProcessorModule(MADE[name], RATE)
    loaded = through_torch(module)
    x = torch.randn(2, 50)
    with torch.no_grad():
        assert torch.equal(loaded(x), module(x))


@pytest.mark.long
def test_an_external_with_workers_has_its_own_in_each_copy():
    other = through_pickle(_external(workers=1))
    assert torch.equal(other(torch.ones(1, 2), RATE), _external()(torch.ones(1, 2), RATE))


class Processed(Dataset):
    """Noise, each item through another processor."""

    def __init__(self, processors: dict):
        self.processors = processors

    def __len__(self):
        return len(self.processors)

    def __getitem__(self, i):
        with torch.no_grad():
            processor = list(self.processors.values())[i]
            return processor(torch.linspace(-1, 1, 20)[None].expand(2, -1), RATE)


@pytest.mark.parametrize("start", ["spawn", pytest.param("forkserver", marks=pytest.mark.long)])
def test_workers_that_start_from_nothing(start):
    """As data loading does on macOS, on Windows, and on Python 3.14."""
    data = Processed({name: MADE[name] for name in MODES})
    loader = DataLoader(data, batch_size=None, num_workers=1, multiprocessing_context=start)
    for here, there in zip(data, loader, strict=True):
        torch.testing.assert_close(there, here)
