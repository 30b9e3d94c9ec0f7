"""Every processor through the kernels for GPUs: value and gradients are those of the torch form."""

import pytest
import torch

from dasp.processors.catalogue import CATALOGUE
from dasp.signal import use_kernels
from tests.contracts.cases import audio, differentiable, draw, every_processor, run
from tests.signal.gpu.on_cpu import COMPILER, kernels_on_cpu

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on this machine")


@every_processor
def test_value_and_gradients(name):
    x, settings = audio(name, (3,)), draw(name, (3,))
    wanted = differentiable(CATALOGUE[name])
    results = []
    for through in (lambda: use_kernels("torch"), kernels_on_cpu):
        inputs = [
            x.clone().requires_grad_(),
            *(settings[k].clone().requires_grad_() for k in wanted),
        ]
        with through():
            y = run(name, inputs[0], settings | dict(zip(wanted, inputs[1:], strict=True)))
            weight = torch.cos(torch.arange(y.numel()).double()).view(y.shape)
            gradients = torch.autograd.grad((weight * y).sum(), inputs, allow_unused=True)
        results.append([y.detach(), *(g for g in gradients if g is not None)])
    for portable, gpu in zip(*results, strict=True):
        scale = portable.abs().max().item()
        torch.testing.assert_close(gpu, portable, rtol=1e-8, atol=1e-8 * max(scale, 1e-6))
