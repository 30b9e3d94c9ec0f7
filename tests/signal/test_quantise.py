"""Rounding with dither, beside the torch operations and NumPy loops."""

import math

import numpy as np
import pytest
import torch

from dasp.signal.quantise import _rounded, _triangular, quantise

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
@pytest.mark.parametrize("dither", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_compiled_pass_gives_the_bits_of_the_torch_operations(bits, dither, dtype):
    x = (1.3 * (2 * torch.rand(3, 4000, generator=noise()) - 1)).to(dtype)
    keys = torch.randint(2**63 - 1, (3,), generator=noise(1))
    wanted = _rounded.__wrapped__(x, keys, bits, dither)
    assert torch.equal(_rounded(x, keys, bits, dither), wanted)
    assert torch.equal(wanted, _rounded.__wrapped__(x, keys, bits, False)) == (not dither)


def test_random_bits_are_those_of_splitmix64():
    """The reference, in whole numbers of any size."""
    keys = torch.tensor([2**63 - 2, 12345])

    def bits(state):
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    wanted = [
        [bits((key + n * 0x9E3779B97F4A7C15) % 2**64) for n in range(1, 6)] for key in keys.tolist()
    ]
    wanted = [[(z % 2**32 - z // 2**32) / 2**32 for z in row] for row in wanted]
    assert _triangular(keys, 5).tolist() == wanted


def test_channels_have_noise_of_their_own_and_no_sample_knows_the_next():
    y = quantise(torch.full((2, 200_000), 0.5 / 2**15), 16, noise()).double()
    a, b = y - y.mean(-1, keepdim=True)
    for one, other in ((a, b), (a[1:], a[:-1]), (a[1:], b[:-1])):
        assert abs((one * other).mean() / a.square().mean()) < 0.01


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


def test_what_lies_on_the_steps_stays():
    x = torch.randint(-(2**15), 2**15, (2, 1000)) / 2**15
    assert torch.equal(quantise(x, 16, noise()), (x * 2**15).to(torch.int16))
    x[1, -1] += 0.3 / 2**15  # and takes noise if one sample does not
    assert not torch.equal(quantise(x, 16, noise())[0], (x[0] * 2**15).to(torch.int16))
