"""The kernels for GPUs, run on a CPU: they are the same computations as the portable forms."""

import functools

import pytest
import torch

import dasp.processors.catalogue
import dasp.signal.quantise  # noqa: F401
from dasp.functional.graphic_eq import design_graphic_eq
from dasp.signal import biquad, use_kernels
from dasp.signal._kernel import KERNELS
from dasp.signal.backends.agreement import gradient_difference, value_difference
from dasp.signal.delay import feedback_delay, fractional_delay
from dasp.signal.iir import sections_of
from tests.signal.gpu.on_cpu import COMPILER, kernels_on_cpu
from tests.signal.test_fused import STEPS

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler on this machine")

in_any_order = pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
PAIRED = [kernel for kernel in KERNELS.values() if kernel.on_gpu and kernel.on_cpu]


@in_any_order
@pytest.mark.parametrize("kernel", PAIRED, ids=lambda kernel: kernel.gpu)
def test_forms_agree(kernel, backwards):
    with kernels_on_cpu(backwards=backwards) as launched:
        for real, most in ((torch.float32, 2e-5), (torch.float64, 1e-9)):
            assert value_difference(kernel, kernel.on_gpu, real) < most
            assert (gradient_difference(kernel, kernel.on_gpu, real) or 0.0) < most
    assert launched


def assert_same(function, *tensors, **threads):
    """In value and in every gradient, through kernels for GPUs and through torch operations."""
    results = []
    for through in (use_kernels("torch"), kernels_on_cpu(**threads)):
        with through as launched:
            inputs = [t.detach().clone().requires_grad_() for t in tensors]
            y = function(*inputs)
            weight = torch.cos(torch.arange(float(y.numel()))).to(y).view(y.shape)
            gradients = torch.autograd.grad((weight * y).sum(), inputs, allow_unused=True)
        results.append([y.detach(), *(g for g in gradients if g is not None)])
    assert launched, "no kernel has run"
    for portable, gpu in zip(*results, strict=True):
        scale = portable.abs().max().item()
        torch.testing.assert_close(gpu, portable, rtol=1e-9, atol=1e-9 * max(scale, 1e-3))


@pytest.mark.parametrize("name", STEPS)
def test_steps_of_dynamics(name):
    """With silence, ties of channels, corners, and poles of 0."""
    step, *arguments = STEPS[name]()
    tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
    options = arguments[len(tensors) :]
    finite = [t.clamp(max=1e30) for t in tensors]
    assert_same(lambda *inputs: step(*inputs, *options), *finite)


WITH_GAIN = "low_shelf", "high_shelf", "peak"
WITHOUT = "low_pass", "high_pass", "band_pass", "notch", "all_pass"


@pytest.mark.parametrize("kind", [*WITH_GAIN, *WITHOUT])
def test_designs_and_their_basis(kind):
    design = getattr(biquad, f"design_{kind}")
    freq_hz = torch.tensor([[30.0, 900.0, 18_000.0], [100.0, 3000.0, 12_000.0]]).double()
    q, gain_db = torch.tensor([[0.3], [4.0]]).double(), torch.tensor([-20.0, 0.0, 9.0]).double()

    def designed(freq_hz, q, gain_db):
        options = {"gain_db": gain_db} if kind in WITH_GAIN else {}
        return sections_of(design(freq_hz, 44_100, q=q, **options))

    assert_same(designed, freq_hz, q, gain_db)


@pytest.mark.parametrize("bands", [10, 31])
def test_gains_of_a_graphic_eq(bands):
    """As far apart as they may be, and gradients by the solution in place of the way to it."""
    generator = torch.Generator().manual_seed(bands)
    far = 48 * torch.rand(3, bands, generator=generator, dtype=torch.float64) - 24
    zigzag = torch.where(torch.arange(bands) % 2 == 0, 24.0, -24.0).double()
    gain_db = torch.stack((*far, zigzag, torch.zeros(bands).double()))
    assert_same(lambda g: design_graphic_eq(g, 44_100), gain_db)


DELAYS = {
    "at rest": torch.tensor([[3.3], [0.4]]),
    "one for all": torch.tensor(20.5),
    "moves": 5 + 4 * torch.sin(torch.arange(500.0) / 30),
    "past the end": torch.tensor(9000.0),
}


@pytest.mark.parametrize("name", DELAYS)
@pytest.mark.parametrize("begins", ["from silence", "from a block before"])
def test_delays(name, begins):
    x, past = (torch.randn(2, n, dtype=torch.float64) for n in (500, 64))
    past = past if begins == "from a block before" else None
    delay = DELAYS[name].double()
    assert_same(lambda x, d: fractional_delay(x, d, past), x, delay)
    assert_same(lambda x, d: feedback_delay(x, d + 1, 0.5, past), x, delay)


@in_any_order
def test_the_shortest_delay_is_known_to_all_threads(backwards):
    """Before any of them reads: what was written shortly before may be that of another."""
    x, late = torch.randn(2, 400).double(), torch.randint(2, 40, (2, 400)).double()
    delayed = functools.partial(feedback_delay, feedback=0.5)
    assert_same(lambda x: delayed(x, late), x, threads=5, backwards=backwards)


def test_a_nan_stays_in_the_reduction():
    step, x, *others = STEPS["compressed"]()
    x[0, 1, 500] = torch.nan
    with kernels_on_cpu():
        y = step(x, *others)
    assert y[0, :, :500].isfinite().all() and y[0, :, 500:].isnan().all()
