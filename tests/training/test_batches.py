from typing import NamedTuple

import pytest
import torch

from dasp.training import Processes, Task
from dasp.training.batches import seed_of, to_device, training_batches


def _numbers(generator):
    return {"x": torch.rand(2, generator=generator), "y": torch.rand((), generator=generator)}


TASK = Task(torch.nn.Identity(), lambda model, batch: batch, _numbers)


def _take(count, task=TASK, *, seed=0, after=0, processes=None, workers=0):
    batches = training_batches(
        task, seed=seed, batch_size=4, after=after, processes=processes or Processes(),
        workers=workers,
    )  # fmt: skip
    return torch.stack([next(batches)["x"] for _ in range(count)])


def test_a_batch_depends_on_the_seed_and_the_step_alone():
    whole = _take(6)
    assert torch.equal(_take(3, after=3), whole[3:])
    assert len(whole.flatten().unique()) == whole.numel()
    assert not torch.equal(_take(6, seed=1), whole)


@pytest.mark.parametrize("count", [2, 4])
def test_processes_share_a_batch(count):
    parts = [_take(3, processes=Processes(rank, count)) for rank in range(count)]
    assert torch.equal(torch.stack(parts, 2).flatten(1, 2), _take(3))


@pytest.mark.filterwarnings("error")  # of a fork in a process with threads, say
def test_workers_change_nothing():
    assert torch.equal(_take(5, workers=2), _take(5))


def test_workers_are_not_sent_a_function_inside_a_function():
    task = Task(torch.nn.Identity(), lambda model, batch: batch, lambda generator: torch.zeros(1))
    with pytest.raises(ValueError, match="draw: expected what another process can be sent"):
        _take(1, task, workers=1)


def test_seeds_differ():
    places = [(s, kind, i, j) for s in range(5) for kind in ("item", "step") for i in range(20)
              for j in range(20)]  # fmt: skip
    seeds = {seed_of(*place) for place in places}
    assert len(seeds) == len(places)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(0, "item", 1, 2) == 5936264083297658162  # whatever the machine


class Pair(NamedTuple):
    a: torch.Tensor
    b: dict


def test_a_tree_keeps_its_shape():
    tree = [Pair(torch.ones(1), {"c": (torch.ones(2), "name")})]
    (moved,) = to_device(tree, torch.device("meta"))
    assert type(moved) is Pair and moved.a.is_meta
    assert moved.b["c"][0].is_meta and moved.b["c"][1] == "name"
