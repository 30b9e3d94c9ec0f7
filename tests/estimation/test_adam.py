"""Adam beside torch's own."""

import math
import subprocess
import sys

import pytest
import torch

from dasp.estimation.adam import adam


def squares(target):
    return lambda u: (u - target).square().sum(-1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_its_steps_are_those_of_torch(dtype):
    u, target = torch.rand(2, 3, 5, generator=torch.Generator().manual_seed(0), dtype=dtype)
    places = []

    def loss(u):
        places.append(u.detach().clone())
        return squares(target)(u)

    adam(loss, u, steps=30, rate=0.05)
    theirs = u.clone().requires_grad_()
    optimiser = torch.optim.Adam([theirs], betas=(0.9, 0.99))
    for step, place in enumerate(places):
        torch.testing.assert_close(place, theirs.detach(), rtol=0, atol=1e-6)
        optimiser.param_groups[0]["lr"] = 0.05 * (0.55 + 0.45 * math.cos(math.pi * step / 29))
        optimiser.zero_grad()
        squares(target)(theirs).sum().backward()
        optimiser.step()
        with torch.no_grad():
            theirs.clamp_(0, 1)


def test_each_start_keeps_the_best_that_it_has_met():
    """One step is much too long, and none comes back."""
    target = torch.tensor([[0.5], [0.9]])
    found = adam(squares(target), torch.tensor([[0.5], [0.1]]), steps=2, rate=0.6)
    assert found[0] == 0.5
    assert found[1] == pytest.approx(0.7, abs=1e-6)
    assert not found.requires_grad


def test_torchs_compiler_is_not_loaded_for_it():
    """Loading it takes longer than most searches."""
    code = (
        "import sys, torch; from dasp.estimation.adam import adam;"
        "adam(lambda u: u.square().sum(-1), torch.rand(1, 2), steps=2, rate=0.1);"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
