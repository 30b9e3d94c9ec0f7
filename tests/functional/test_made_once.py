"""What follows from plain numbers is made once, and from anything else every time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from dasp.functional import compressor, gain, high_pass, parametric_eq
from dasp.functional._made_once import made_once

made = []


def _twice(x: Tensor, *numbers) -> Tensor:
    made.append(numbers)
    return x.new_tensor([2 * n for n in numbers if isinstance(n, float | int)])


@pytest.fixture(autouse=True)
def _forget():
    from dasp.functional import _made_once

    _made_once._kept.cache_clear()
    made.clear()


X = torch.zeros(1, 8)


def test_once_for_the_same_numbers():
    first = made_once(_twice, X, 1.0, "word", None)
    assert made_once(_twice, torch.ones(2, 99), 1.0, "word", None) is first
    assert len(made) == 1 and torch.equal(first, torch.tensor([2.0]))


@pytest.mark.parametrize(
    "x, settings",
    [
        (X, (1.0, 3.0)),
        (X, (1, 2.0)),
        (X.double(), (1.0, 2.0)),
        (X.expand(3, 1, 8), (1.0, 2.0)),
        (X, (1.0, [2.0])),
    ],
    ids=["number", "kind of number", "type", "batch", "list"],
)
def test_again_for_anything_else(x, settings):
    made_once(_twice, X, 1.0, 2.0)
    assert made_once(_twice, x, *settings).dtype == x.dtype
    assert len(made) == 2


def test_a_list_is_its_numbers():
    numbers = [1.0, 2.0]
    made_once(_twice, X, numbers)
    numbers[0] = 5.0
    made_once(_twice, X, numbers)
    made_once(_twice, X, [1.0, 2.0])
    assert made == [((1.0, 2.0),), ((5.0, 2.0),)]


@pytest.mark.parametrize("value", [torch.tensor(1.0), [torch.tensor(1.0)]])
def test_a_tensor_is_looked_at_every_time(value):
    """Its numbers may have changed, and it may have a gradient."""
    for _ in range(2):
        made_once(_twice, X, value)
    assert len(made) == 2


def test_every_time_where_somebody_looks_on():
    torch.func.vmap(lambda x: made_once(_twice, x, 1.0) + x.sum())(torch.zeros(2, 1, 8))
    torch.func.grad(lambda x: (made_once(_twice, x, 1.0) * x).sum())(X)
    with torch.device("meta"):
        assert made_once(_twice, torch.zeros(1, 8), 1.0).device.type == "meta"
    assert len(made) == 3
    assert made_once(_twice, X, 1.0).device.type == "cpu" and len(made) == 4


def test_a_refused_number_is_refused_again():
    for _ in range(2):
        with pytest.raises(ValueError, match="freq_hz: expected above 0 and below 24000"):
            high_pass(torch.ones(1, 8), 48_000, freq_hz=30_000.0)


def test_a_gradient_after_inference():
    """Tensors of inference mode could not be kept for a gradient."""
    x = torch.randn(2, 3000)

    def processed(x):
        y = compressor(high_pass(x, 48_000, freq_hz=80.0), 48_000, threshold_db=-20.0, ratio=4.0,
                       attack_ms=5.0, release_ms=50.0)  # fmt: skip
        return gain(y, 48_000, gain_db=-3.0)

    with torch.inference_mode():
        expected = processed(x)
    leaf = x.clone().requires_grad_()
    y = processed(leaf)
    y.sum().backward()
    assert torch.equal(y.detach(), expected) and leaf.grad.abs().sum() > 0


def test_numbers_and_tensors_give_the_same_samples():
    x = torch.randn(2, 3000)
    numbers = {
        "low_shelf_gain_db": 3.0, "low_shelf_freq_hz": 100.0, "low_shelf_q": 0.7,
        "peak_gain_db": [1.0, -2.0], "peak_freq_hz": [500.0, 2000.0], "peak_q": 1.0,
        "high_shelf_gain_db": -3.0, "high_shelf_freq_hz": 8000.0, "high_shelf_q": 0.7,
    }  # fmt: skip
    tensors = {key: torch.tensor(value) for key, value in numbers.items()}
    for _ in range(2):
        assert torch.equal(parametric_eq(x, 48_000, **numbers), parametric_eq(x, 48_000, **tensors))


def test_threads():
    x = torch.randn(1, 500)
    frequencies = [100.0 + i % 7 for i in range(200)]
    expected = {f: high_pass(x, 48_000, freq_hz=torch.tensor(f)) for f in frequencies}
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda f: high_pass(x, 48_000, freq_hz=f), frequencies)
    assert all(torch.equal(y, expected[f]) for y, f in zip(found, frequencies, strict=True))
