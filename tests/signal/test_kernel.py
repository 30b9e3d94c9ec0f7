"""Every kernel: its forms are there, and are one and the same computation."""

import pytest
import torch

import dasp.processors.catalogue
import dasp.signal.quantise  # noqa: F401
from dasp.signal import backends, use_kernels
from dasp.signal._kernel import KERNELS
from dasp.signal.backends import recurrence_torch
from dasp.signal.backends.agreement import gradient_difference, value_difference
from dasp.signal.backends.examples import RECURSIONS, STEPS, examples

every_kernel = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
LOOPS = {kernel.cpu: kernel for kernel in KERNELS.values() if kernel.cpu}
every_loop = pytest.mark.parametrize("kernel", LOOPS.values(), ids=LOOPS)


@pytest.mark.numba
@every_kernel
def test_every_form_is_where_its_name_says(kernel):
    assert callable(kernel.portable)
    for form in (kernel.on_cpu, kernel.on_gpu):
        if form is None:
            continue
        assert callable(form.value)
        if form.adjoint_name is not None:
            assert form.adjoint_name == f"{form.name}_adjoint"
            assert callable(form.adjoint)
        else:
            module, name = form.name.split(".")
            loops = __import__(f"{backends.__name__}.{module}", fromlist=[name])
            assert not hasattr(loops, f"{name}_adjoint"), "an adjoint that nobody uses"


def test_every_kernel_has_examples_and_every_example_a_kernel():
    assert set(STEPS) | set(RECURSIONS) == set(LOOPS)


@every_loop
def test_an_example_is_changed_by_its_kernel(kernel):
    """Or else its forms would agree whatever they did."""
    for arguments in examples(kernel.cpu, torch.float64):
        with use_kernels("torch"):
            y = kernel.portable(*arguments)
        y = y[0] if isinstance(y, tuple) else y
        x = arguments[0]
        assert y.shape != x.shape or (y.double() - x).abs().max() > 0.1 * x.abs().max()


@pytest.mark.numba
@every_loop
def test_forms_agree(kernel):
    for real, most in ((torch.float32, 2e-5), (torch.float64, 1e-10)):
        assert value_difference(kernel, kernel.on_cpu, real) < most
        assert (gradient_difference(kernel, kernel.on_cpu, real) or 0.0) < most


CONSTANT = torch.full((1, 8000), 0.7)
STEPPED = torch.linspace(0, 40, 60).sin().repeat_interleave(130)[None]


@pytest.mark.parametrize("x", [CONSTANT, STEPPED], ids=["constant", "steps"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("attack", "release"), [(0.0, 0.999), (0.9, 0.999), (0.999, 0.9)])
def test_the_portable_smoother_ends_where_the_output_settles(
    x, dtype, attack, release, monkeypatch
):
    """Rounding once flipped branches for thousands of passes on such signals."""
    passes, solve = [], recurrence_torch.linear_recurrence
    monkeypatch.setattr(
        recurrence_torch, "linear_recurrence", lambda *a: passes.append(1) or solve(*a)
    )
    x, state = x.to(dtype), torch.tensor([0.2], dtype=dtype)
    poles = torch.tensor([[attack], [release]], dtype=dtype)
    y = recurrence_torch.ballistics(x, *poles, state)
    assert len(passes) <= 20
    last, expected = state.item(), []
    for sample in x[0].tolist():
        pole = attack if sample > last else release
        last = pole * last + (1 - pole) * sample
        expected.append(last)
    expected = torch.tensor([expected], dtype=dtype)
    torch.testing.assert_close(
        y, expected, rtol=1e-4 if dtype is torch.float32 else 1e-9, atol=1e-4
    )


SIGNALS = {
    "noise": lambda n: 20 * torch.rand(len(n), generator=torch.Generator().manual_seed(0)),
    "music": lambda n: 12 + 12 * torch.sin(n / 3000) * torch.sin(n / 40).abs(),
    "constant": lambda n: torch.full_like(n, 0.7),
    "square wave": lambda n: 12 * (n // 441 % 2),
    "steps": lambda n: 10 + 10 * torch.sin((n // 160) / 5),
    "silence": torch.zeros_like,
}


@pytest.mark.parametrize("name", SIGNALS)
def test_a_smoother_is_found_in_few_passes(name, monkeypatch):
    """Whatever the times: 20 passes at most, of a kind that no length adds to."""
    passes, solve = [], recurrence_torch.linear_recurrence
    monkeypatch.setattr(
        recurrence_torch, "linear_recurrence", lambda *a: passes.append(1) or solve(*a)
    )
    x = SIGNALS[name](torch.arange(16_000.0))[None].double()
    for attack, release in ((0.05, 2000.0), (1.0, 100.0), (30.0, 300.0), (100.0, 20.0)):
        poles = (torch.tensor([-1 / (44.1 * ms)]).double().exp() for ms in (attack, release))
        passes.clear()
        recurrence_torch.ballistics(x, *poles, torch.zeros(1).double())
        assert len(passes) <= 20
