"""Compiled and exported: one graph for signals of all lengths, with eager values and gradients."""

from pathlib import Path

import pytest
import torch
from torch.export import Dim, export

from dasp.grad import spsa
from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import audio, differentiable, draw, run

QUICK = {"fir", "low_pass"}
LENGTHS = 150, 211, 340, 400

TORCH = tuple(int(part) for part in torch.__version__.split(".")[:2])
NOT_EXPORTED_BY_TORCH_2_10 = {
    "de_esser",
    "delay",
    "distortion",
    "flanger",
    "graphic_eq",
    "graphic_eq_31",
    "high_pass",
    "low_pass",
    "multiband_compressor",
    "parametric_eq",
    "phaser",
}
"""Filters and their like: it does not see that the shorter of n and 2 n is n."""


def processors(quick: set[str]):
    """All of them, of which all but a few take long."""
    return pytest.mark.parametrize(
        "name",
        [n if n in quick else pytest.param(n, marks=pytest.mark.long) for n in CATALOGUE],
    )


def value_and_gradients(function, name: str, x: torch.Tensor, settings: dict) -> list:
    x = x.detach().clone().requires_grad_()
    settings = {key: value.detach().clone().requires_grad_() for key, value in settings.items()}
    y = function(name, x, settings)
    y.square().sum().backward()
    grads = (settings[key].grad for key in differentiable(CATALOGUE[name]))
    return [y.detach(), x.grad, *grads]


@processors(QUICK)
def test_a_graph_for_the_first_length_and_one_for_all_others(name):
    torch.compiler.reset()
    graphs = []

    def backend(module, examples):
        graphs.append(module)
        return torch._dynamo.lookup_backend("aot_eager")(module, examples)

    compiled = torch.compile(run, fullgraph=True, backend=backend)
    x, settings = audio(name, (2,), time=max(LENGTHS)), draw(name, (2,))
    for time in LENGTHS:
        expected = value_and_gradients(run, name, x[..., :time], settings)
        found = value_and_gradients(compiled, name, x[..., :time], settings)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)
    assert len(graphs) <= 2


@processors({"fir", "compressor", "delay", "low_pass"})
def test_a_program_for_any_length_and_batch(name):
    """Exported, it has gradients too."""
    check_program(name, {})


@pytest.mark.parametrize(
    "name, options",
    [
        ("distortion", {"oversampling": 4}),
        ("delay", {"ping_pong": True}),
        pytest.param("limiter", {"true_peak": True}, marks=pytest.mark.long),
        pytest.param(
            "compressor",
            {"detector": "rms", "linked": False, "sidechain_high_pass_hz": 100.0},
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_program_with_options(name, options):
    check_program(name, options)


def check_program(name: str, options: dict) -> None:
    filtered = name in NOT_EXPORTED_BY_TORCH_2_10 or "sidechain_high_pass_hz" in options
    if TORCH < (2, 13) and filtered:
        pytest.skip(f"torch {torch.__version__} does not export a {name} of any length")

    def chosen(_, x, settings):
        return run(name, x, {**settings, **options})

    class Program(torch.nn.Module):
        def forward(self, x, settings):
            return chosen(name, x, settings)

    def drawn(batch: int, time: int) -> tuple:
        x = audio(name, (batch,), dtype=torch.float32, time=time)
        return x, draw(name, (batch,), dtype=torch.float32)

    x, settings = drawn(2, 300)
    batch, time = Dim("batch", min=1), Dim("time", min=2)
    shapes = {0: batch, x.ndim - 1: time}, {key: {0: batch} for key in settings}
    program = export(Program(), (x, settings), dynamic_shapes=shapes, strict=False).module()
    for batch, time in ((2, 300), (3, 700), (1, 40)):
        x, settings = drawn(batch, time)
        found = value_and_gradients(lambda _, *given: program(*given), name, x, settings)
        expected = value_and_gradients(chosen, name, x, settings)
        for one, other in zip(found, expected, strict=True):
            enough = 1e-4 * max(1.0, other.abs().max().item())
            torch.testing.assert_close(one, other, rtol=1e-4, atol=enough)


@pytest.mark.parametrize(
    "name, transform", [("low_pass", "vmap"), ("fir", "vmap"), ("fir", "grad")]
)
def test_transforms_within_a_graph(name, transform):
    x, settings = audio(name, (2,), dtype=torch.float32), draw(name, (2,), dtype=torch.float32)

    def transformed(x, settings):
        if transform == "vmap":
            return torch.func.vmap(lambda x, settings: run(name, x, settings))(x, settings)
        return torch.func.grad(lambda x: run(name, x, settings).square().sum())(x)

    torch.compiler.reset()
    compiled = torch.compile(transformed, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, settings), transformed(x, settings))


def test_forward_mode_within_a_graph_is_refused_and_not_wrong():
    x, settings = audio("low_pass"), draw("low_pass")

    def tangent(x):
        return torch.func.jvp(lambda x: run("low_pass", x, settings), (x,), (x,))[1]

    torch.compiler.reset()
    with pytest.raises(Exception, match="call jvp uncompiled"):
        torch.compile(tangent, fullgraph=True, backend="aot_eager")(x)
    torch.compiler.reset()
    in_parts = torch.compile(tangent, backend="aot_eager")(x)  # the part with jvp as it is
    torch.testing.assert_close(in_parts, tangent(x))


def _compiled(function):
    torch.compiler.reset()
    return torch.compile(function, fullgraph=True, backend="aot_eager")


def _jvp(x):
    return torch.func.jvp(lambda x: run("low_pass", x, {}), (x,), (x,))[1]


def _grad(x):
    return torch.func.grad(lambda x: run("low_pass", x, {}).square().sum())(x)


def _second_derivative(x):
    x = x.requires_grad_()
    y = _compiled(lambda x: run("low_pass", x, {}))(x)
    (grad,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    grad.square().sum().backward()


def _gradient_mode(x):
    processor = spsa(CATALOGUE["low_pass"], generator=torch.Generator())
    freq_hz = torch.tensor(1000.0, requires_grad=True)
    _compiled(lambda x, freq_hz: processor(x, 44_100, freq_hz=freq_hz))(x, freq_hz)


WHERE_NOT = {
    "`torch.func.jvp` within": lambda x: _compiled(_jvp)(x),
    "`torch.func.grad` within": lambda x: _compiled(_grad)(x),
    "a second derivative": _second_derivative,
    "a gradient mode": _gradient_mode,
}


def test_the_docs_say_exactly_where_not():
    """Each row of the table is an error today; a row that is none any more has to go."""
    page = Path(__file__).parents[2] / "docs" / "transforms.md"
    table = page.read_text(encoding="utf-8").split("## Where not")[1]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(WHERE_NOT)
    for row, (start, attempt) in zip(rows, WHERE_NOT.items(), strict=True):
        assert row.startswith(f"| {start}")
        with pytest.raises(Exception, match=r"."):
            attempt(audio("low_pass", dtype=torch.float32))
