"""Rounding with dither, beside the torch operations and NumPy loops."""

import math

import numpy as np
import pytest
import torch

from dasp.signal.quantise import _dithered, quantise

BITS = [8, 16, 24, 32]


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("bits", BITS)
def test_steps_are_those_of_a_loop(bits):
    x = 1.2 * torch.rand(2, 500, generator=noise(), dtype=torch.float64) - 0.6
    x[0, :2] = torch.tensor([-1.0, 1.0])
    kind, most = (np.int16, 16) if bits <= 16 else (np.int32, 32)
    wanted = [
        [min(max(round(v * 2 ** (bits - 1)), -(2 ** (bits - 1))), 2 ** (bits - 1) - 1) for v in row]
        for row in x.tolist()
    ]
    wanted = np.array(wanted) * 2 ** (most - bits)
    np.testing.assert_array_equal(quantise(x, bits).numpy(), wanted.astype(kind))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_compiled_pass_gives_the_bits_of_the_torch_operations(bits, dtype):
    steps = 2.0 ** (bits - 1) * 1.3 * (2 * torch.rand(3, 4000, generator=noise()) - 1).to(dtype)
    draws = torch.empty(3, 4000, dtype=torch.int32).random_(generator=noise(1))
    assert torch.equal(_dithered(steps, draws, bits), _dithered.__wrapped__(steps, draws, bits))


def test_noise_is_triangular_and_two_steps_wide():
    """A constant between two steps becomes three values, as often as a triangle says."""
    steps = 1000.25
    y = quantise(torch.full((1, 400_000), steps / 2**15, dtype=torch.float64), 16, noise())
    value, counts = np.unique(y.numpy(), return_counts=True)
    assert value.tolist() == [999, 1000, 1001]

    def below(edge):  # the distribution of the noise, up to an edge
        return 0.5 + edge - math.copysign(edge**2 / 2, edge)

    edges = [-1, 999.5 - steps, 1000.5 - steps, 1]
    wanted = np.diff([below(edge) for edge in edges])
    np.testing.assert_allclose(counts / 400_000, wanted, atol=0.003)


def test_what_lies_on_the_steps_stays_and_takes_no_noise():
    x = torch.randint(-(2**15), 2**15, (2, 1000)) / 2**15
    generator = noise()
    before = generator.get_state()
    assert torch.equal(quantise(x, 16, generator), (x * 2**15).to(torch.int16))
    assert torch.equal(generator.get_state(), before)
