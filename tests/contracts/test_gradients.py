"""Gradients of every processor: right, finite, alive, and the same through every transform."""

import shutil

import pytest
import torch
from torch.autograd import gradcheck

from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import CASES, audio, differentiable, draw, every_processor, run


@every_processor
def test_gradcheck(name):
    """Against finite differences in float64: each parameter alone, and the input."""
    x, settings = audio(name, (2,)), draw(name, (2,))
    for key in differentiable(CATALOGUE[name]):
        value = settings[key].clone().requires_grad_()
        assert gradcheck(lambda v, key=key: run(name, x, {**settings, key: v}), (value,)), key
    assert gradcheck(lambda x: run(name, x, settings), (x.requires_grad_(),), fast_mode=True)


@every_processor
def test_no_parameter_is_dead(name):
    """Every parameter has a gradient in some of a few draws; a discrete one changes the output."""
    alive = set()
    for _ in range(4):
        x, settings = audio(name), {k: v.requires_grad_() for k, v in draw(name).items()}
        y = run(name, x, settings)
        y.square().sum().backward()
        for param in CATALOGUE[name].params:
            if param.differentiable:
                grad = settings[param.name].grad
                changed = grad is not None and (grad != 0).all()
            else:
                elsewhere = {**settings, param.name: draw(name, low=0.0)[param.name]}
                changed = not torch.equal(run(name, x, elsewhere), y)
            if changed:
                alive.add(param.name)
    assert alive == {param.name for param in CATALOGUE[name].params}


@every_processor
@pytest.mark.parametrize("end", [0.0, 1.0])
@pytest.mark.parametrize("sound", ["noise", "silence", "impulse", "full scale"])
def test_values_and_gradients_are_finite_at_the_ends(name, end, sound):
    """Each parameter at an end of its range with the others as they are, then all together."""
    processor = CATALOGUE[name]
    x = audio(name, dtype=torch.float32)
    if sound != "noise":
        x = torch.full_like(x, float(sound == "full scale"))
    if sound == "impulse":
        x[..., x.shape[-1] // 3] = 1.0
    middle = processor.to_controls(draw(name, dtype=torch.float32))
    ends = torch.full_like(middle, end)
    single = [torch.where(torch.arange(middle.shape[-1]) == i, ends, middle)
              for i in range(middle.shape[-1])]  # fmt: skip
    for controls in (ends, *single):
        settings = processor.to_physical(controls)
        settings = {key: value.detach().requires_grad_() for key, value in settings.items()}
        x_in = x.clone().requires_grad_()
        y = run(name, x_in, settings, 48_000)
        y.square().sum().backward()
        assert y.isfinite().all()
        assert x_in.grad.isfinite().all()
        for key, value in settings.items():
            assert value.grad is None or value.grad.isfinite().all(), key


@every_processor
def test_vmap_is_a_batch(name):
    x, settings = audio(name, (3,)), draw(name, (3,))
    mapped = torch.func.vmap(lambda x, settings: run(name, x, settings), randomness="error")
    torch.testing.assert_close(mapped(x, settings), run(name, x, settings), rtol=1e-9, atol=1e-9)


@every_processor
def test_forward_mode_by_value(name):
    """The directional derivative of forward mode is that of reverse mode."""
    x, settings = audio(name), draw(name)
    tangent_x = torch.randn_like(x)
    tangents = {key: torch.randn_like(value) for key, value in settings.items()}
    y, y_tangent = torch.func.jvp(
        lambda x, s: run(name, x, s), (x, settings), (tangent_x, tangents)
    )
    weight = torch.randn_like(y)
    x = x.requires_grad_()
    settings = {key: value.requires_grad_() for key, value in settings.items()}
    (run(name, x, settings) * weight).sum().backward()
    reverse = (x.grad * tangent_x).sum()
    for key, value in settings.items():
        if value.grad is not None:
            reverse = reverse + (value.grad * tangents[key]).sum()
    torch.testing.assert_close((y_tangent * weight).sum(), reverse, rtol=1e-7, atol=1e-9)


@every_processor
@pytest.mark.parametrize(
    "compiler",
    [
        "aot_eager",
        pytest.param(
            "inductor",
            marks=[
                pytest.mark.long,
                pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler of C++"),
            ],
        ),
    ],
)
def test_compiled_equals_eager(name, compiler):
    """`torch.compile` traces the whole graph, and keeps values and gradients."""
    torch.compiler.reset()
    results = []
    x, settings = audio(name), draw(name)
    for function in (run, torch.compile(run, fullgraph=True, backend=compiler)):
        x = x.detach().clone().requires_grad_()
        settings = {key: value.detach().clone().requires_grad_() for key, value in settings.items()}
        y = function(name, x, settings)
        y.square().sum().backward()
        grads = [settings[key].grad for key in differentiable(CATALOGUE[name])]
        results.append([y.detach(), x.grad, *grads])
    for eager, compiled in zip(*results, strict=True):
        torch.testing.assert_close(compiled, eager, rtol=1e-9, atol=1e-9)


def test_cases_name_processors_of_the_catalogue():
    assert CASES.keys() == CATALOGUE.keys()
