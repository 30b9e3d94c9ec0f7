"""Gradients of every processor: right, finite, alive, and the same through every transform."""

import shutil

import pytest
import torch
from torch.autograd import gradcheck

from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import CASES, audio, differentiable, draw, every_processor, run

ENOUGH = {torch.float64: 1e-9, torch.float32: 1e-5}

SUMS = 8
"""Random ones of all samples, whose gradients are compared with finite differences."""

every_type = pytest.mark.parametrize("dtype", list(ENOUGH))


@every_processor
def test_gradcheck(name):
    """Against finite differences in float64: each parameter alone, and the input.

    A parameter is heard in hundreds of samples, each of which would ask for a backward pass. A few
    random sums of all of them tell as much, compared more finely than is usual. What moves is a
    share of the value: a frequency of many Hz has a small derivative, which an error would hide in.
    """
    x, settings = audio(name, (2,)), draw(name, (2,))
    weights = torch.randn(SUMS, run(name, x, settings).numel(), dtype=torch.float64)
    for key in differentiable(CATALOGUE[name]):
        value = settings[key]

        def sums(share, key=key, value=value):
            moved = value + value.abs().clamp(min=1.0) * share
            return weights @ run(name, x, {**settings, key: moved}).flatten()

        share = torch.zeros_like(value, requires_grad=True)
        assert gradcheck(sums, (share,), rtol=1e-5, atol=3e-6), key
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
@every_type
def test_vmap_is_a_batch(name, dtype):
    x, settings = audio(name, (3,), dtype=dtype), draw(name, (3,), dtype=dtype)
    mapped = torch.func.vmap(lambda x, settings: run(name, x, settings), randomness="error")
    y, enough = mapped(x, settings), ENOUGH[dtype]
    assert y.dtype is dtype
    torch.testing.assert_close(y, run(name, x, settings), rtol=enough, atol=enough)


@every_processor
def test_float32_gradients_are_those_of_float64(name):
    """To the rounding of what is between, which is a few thousandths where a gradient is a sum."""
    x, settings = audio(name, (2,), dtype=torch.float32), draw(name, (2,), dtype=torch.float32)
    gradients = []
    for dtype in (torch.float32, torch.float64):
        tensors = {"x": x, **settings}
        tensors = {k: t.detach().to(dtype).requires_grad_() for k, t in tensors.items()}
        own = {k: t for k, t in tensors.items() if k != "x"}
        run(name, tensors["x"], own).square().sum().backward()
        gradients.append({k: t.grad for k, t in tensors.items() if t.grad is not None})
        assert all(grad.dtype is dtype for grad in gradients[-1].values())
    single, double = gradients
    assert single.keys() == double.keys()
    for key, grad in double.items():
        error = (single[key] - grad).abs().max()
        assert error <= 5e-3 * grad.abs().max() + 1e-5, key


@every_processor
@pytest.mark.parametrize("batch", [(), (2,)])
def test_forward_mode_in_float32(name, batch):
    """Of every parameter alone: the tangent of float64, in the type of the audio."""
    x, settings = audio(name, batch, dtype=torch.float32), draw(name, batch, dtype=torch.float32)
    exact = {key: value.double() for key, value in settings.items()}
    for key in ("x", *settings):
        point = {"x": x, **settings}[key]
        tangent = torch.randn_like(point)

        def tangent_of(own: dict, dtype: torch.dtype, key=key, point=point, tangent=tangent):
            def along(v):
                tensors = {"x": x.to(dtype), **own, key: v}
                return run(name, tensors.pop("x"), tensors)

            return torch.func.jvp(along, (point.to(dtype),), (tangent.to(dtype),))[1]

        found, expected = tangent_of(settings, torch.float32), tangent_of(exact, torch.float64)
        assert found.dtype is torch.float32, key
        error = (found - expected).abs().max()
        assert error <= 5e-3 * expected.abs().max() + 1e-5, key


@every_processor
def test_forward_mode_through_controls_in_float32(name):
    """A value that was made from a control by numbers of Python's is of its type too."""
    processor, x = CATALOGUE[name], audio(name, dtype=torch.float32)
    controls = torch.full((*x.shape[:-2], processor.n_controls), 0.4)
    y, tangent = torch.func.jvp(
        lambda controls: run(name, x, processor.to_physical(controls)),
        (controls,),
        (torch.ones_like(controls),),
    )
    assert y.dtype is tangent.dtype is torch.float32
    assert tangent.isfinite().all()


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
    """`torch.compile` traces the whole graph, and keeps values and gradients.

    Numbers come within vectors: for single ones in float64 torch traces everything twice, the first
    time with a symbol for each.
    """

    def function_of_vectors(name, x, settings):
        return run(name, x, {key: value[0] for key, value in settings.items()})

    vectors = {key: value[None] for key, value in draw(name).items()}
    assert_compiled_equals_eager(function_of_vectors, name, vectors, compiler)


def test_compiled_with_single_numbers():
    assert_compiled_equals_eager(run, "low_pass", draw("low_pass"), "aot_eager")


def assert_compiled_equals_eager(eager, name, settings, compiler):
    torch.compiler.reset()
    results = []
    x = audio(name)
    for function in (eager, torch.compile(eager, fullgraph=True, backend=compiler)):
        x = x.detach().clone().requires_grad_()
        settings = {key: value.detach().clone().requires_grad_() for key, value in settings.items()}
        y = function(name, x, settings)
        y.square().sum().backward()
        grads = [settings[key].grad for key in differentiable(CATALOGUE[name])]
        results.append([y.detach(), x.grad, *grads])
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_cases_name_processors_of_the_catalogue():
    assert CASES.keys() == CATALOGUE.keys()
