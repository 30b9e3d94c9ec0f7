import pytest
import torch

from dasp.grad import external, finite_difference
from dasp.processors import Param, chain
from dasp.processors.catalogue import COMPRESSOR, GAIN, PARAMETRIC_EQ, STEREO_BUS

RATE = 44_100


@pytest.mark.parametrize("processor", [COMPRESSOR, PARAMETRIC_EQ, STEREO_BUS, chain(GAIN, GAIN)],
                         ids=lambda p: p.name)  # fmt: skip
def test_equals_the_automatic_gradient(processor):
    x = 0.3 * torch.randn(2, 3, 2, 200, dtype=torch.float64)
    controls = 0.2 + 0.6 * torch.rand(2, 3, processor.n_controls, dtype=torch.float64)
    found = []
    for way in (processor, finite_difference(processor, epsilon=1e-4)):
        values = {k: v.requires_grad_() for k, v in processor.to_physical(controls).items()}
        way(x, RATE, **values).square().sum().backward()
        found.append({name: value.grad for name, value in values.items()})
    for name, exact in found[0].items():
        scale = exact.abs().max().item()
        torch.testing.assert_close(found[1][name], exact, rtol=1e-3, atol=1e-3 * scale, msg=name)


def test_is_one_sided_at_the_ends_of_a_range():
    """y = v² x on [0, 1]: (f(h) - f(0)) / h = h, then 2 v, then (f(1) - f(1 - h)) / h = 2 - h."""
    squared = external(lambda x, sample_rate, *, v: v**2 * x, [Param("v", 0.0, 1.0, default=0.5)],
                       name="squared")  # fmt: skip
    v = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64, requires_grad=True)
    x = torch.ones(3, 1, 1, dtype=torch.float64)
    finite_difference(squared, epsilon=0.01)(x, RATE, v=v).sum().backward()
    torch.testing.assert_close(v.grad, torch.tensor([0.01, 1.0, 1.99], dtype=torch.float64))


def test_moves_one_control_at_a_time():
    heard = []

    def noted(x, sample_rate, *, a, bands):
        heard.append((a, *bands))
        return x * a * bands.sum()

    params = [
        Param("a", 0.0, 1.0, default=0.5),
        Param("bands", 0.0, 1.0, default=0.5, bands=2),
    ]
    a = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    bands = torch.tensor([[0.5, 0.25]], dtype=torch.float64, requires_grad=True)
    y = finite_difference(external(noted, params), epsilon=0.1)(
        torch.ones(1, 1, 1, dtype=torch.float64), RATE, a=a, bands=bands
    )
    y.sum().backward()
    assert len(heard) == 1 + 2 * 3
    middle = heard[0]
    assert all(sum(p != q for p, q in zip(point, middle, strict=True)) == 1 for point in heard[1:])
    torch.testing.assert_close(a.grad, torch.tensor([0.75], dtype=torch.float64))
    torch.testing.assert_close(bands.grad, torch.tensor([[0.5, 0.5]], dtype=torch.float64))


def test_has_no_gradient_for_audio():
    with pytest.raises(ValueError, match="x requires a gradient, which finite_difference"):
        finite_difference(GAIN)(torch.zeros(1, 4, requires_grad=True), RATE)
