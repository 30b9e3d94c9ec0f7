import math

import pytest
import scipy.stats
import torch

from dasp.signal.noise import white_noise


def test_a_seed_gives_the_same_samples_whatever_happens_to_the_global_generator():
    first = white_noise((2, 1000), 5)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(white_noise((2, 1000), 5), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(white_noise((2, 1000), 6), first)


def test_a_generator_in_one_state_gives_one_answer_and_moves_on():
    generator = torch.Generator().manual_seed(5)
    first, second = white_noise((100,), generator), white_noise((100,), generator)
    assert torch.equal(first, white_noise((100,), 5))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_narrow_types_are_the_rounded_float64_samples(dtype):
    exact = white_noise((3, 500), 1, dtype=torch.float64)
    drawn = torch.randn(3, 500, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.equal(exact, drawn)
    assert torch.equal(white_noise((3, 500), 1, dtype=dtype), exact.to(dtype))


def test_it_is_gaussian_and_white():
    samples = 2**17
    noise = white_noise((samples,), 3, dtype=torch.float64)
    assert abs(noise.mean()) < 4 / math.sqrt(samples)
    assert abs(noise.var() - 1) < 4 * math.sqrt(2 / samples)
    assert scipy.stats.kstest(noise.numpy(), "norm").pvalue > 0.01
    # The autocorrelation of white noise away from lag 0 is Gaussian with variance 1 / samples.
    power = torch.fft.rfft(noise, 2 * samples).abs().square()
    lags = torch.fft.irfft(power)[1:1000] / samples
    assert lags.abs().max() < 5 / math.sqrt(samples)
    # Equal power in every eighth of the spectrum.
    bands = torch.stack([band.mean() for band in torch.fft.rfft(noise)[1:].abs().square().chunk(8)])
    assert (bands / bands.mean() - 1).abs().max() < 5 / math.sqrt(samples / 16)


def test_the_same_samples_under_compile_and_vmap():
    def add_noise(x):
        return x + white_noise(x.shape, 7, dtype=x.dtype)

    x = torch.zeros(4, 20, dtype=torch.float64)
    noise = white_noise((4, 20), 7, dtype=torch.float64)
    assert torch.equal(torch.compile(add_noise, fullgraph=True, backend="aot_eager")(x), noise)
    row = white_noise((20,), 7, dtype=torch.float64)
    assert torch.equal(torch.vmap(add_noise)(x), row.expand(4, 20))
    y, tangent = torch.func.jvp(add_noise, (x,), (x + 2,))
    assert torch.equal(y, noise) and torch.equal(tangent, x + 2)
