"""Every processor through the kernels for GPUs: value and gradients are those of the torch form."""

from pathlib import Path

import pytest
import torch

from dasp.processors.catalogue import CATALOGUE
from dasp.signal import use_kernels
from dasp.signal.backends import _cuda
from tests.contracts.cases import audio, differentiable, draw, every_processor, run
from tests.signal.gpu.on_cpu import COMPILER, kernels_on_cpu

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on this machine")


@every_processor
def test_value_and_gradients(name):
    assert_as_portable(name, kernels_on_cpu())


MEETING = {
    "feedback_delay_network": {"network.run", "network.run_back"},
    "flanger": {"delay.solve", "delay.solve_transposed"},
    "graphic_eq": {"graphic_eq.gains", "graphic_eq.gains_back"},
    "parametric_eq": {"cascade.lead"},
    "plate_reverb": {"plate.tank", "plate.tank_back"},
}
"""What the threads of a block do together, waiting for each other, and a processor that asks it."""


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
@pytest.mark.parametrize("name", MEETING)
def test_threads_of_a_block_wait_for_each_other(name, backwards):
    launched = assert_as_portable(name, kernels_on_cpu(threads=5, backwards=backwards), time=700)
    assert launched >= MEETING[name]


def test_whatever_meets_is_tried_in_threads():
    kernels = {
        f"{path.stem}.{kernel.split('(')[0]}"
        for path in (Path(_cuda.__file__).parent / "cuda").glob("*.cu")
        for kernel in path.read_text(encoding="utf-8").split("\nKERNEL ")[1:]
        if "EACH_BLOCK" in kernel
    }
    assert kernels == set.union(*MEETING.values())


def assert_as_portable(name, through, **length):
    """Give the names of the kernels that ran."""
    x, settings = audio(name, (3,), **length), draw(name, (3,))
    wanted = differentiable(CATALOGUE[name])
    results = []
    for form in (use_kernels("torch"), through):
        inputs = [
            x.clone().requires_grad_(),
            *(settings[k].clone().requires_grad_() for k in wanted),
        ]
        with form as launched:
            y = run(name, inputs[0], settings | dict(zip(wanted, inputs[1:], strict=True)))
            weight = torch.cos(torch.arange(y.numel()).double()).view(y.shape)
            gradients = torch.autograd.grad((weight * y).sum(), inputs, allow_unused=True)
        results.append([y.detach(), *(g for g in gradients if g is not None)])
    for portable, gpu in zip(*results, strict=True):
        scale = portable.abs().max().item()
        torch.testing.assert_close(gpu, portable, rtol=1e-8, atol=1e-8 * max(scale, 1e-6))
    return set(launched)
