import math

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal.resample import BETA, HALF_WIDTH, PASS_BAND, resample

RATIOS = [(160, 147), (147, 160), (4, 1), (1, 4), (3, 2), (2, 3), (1, 24), (129, 1), (1000, 1001)]


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def filter_taps(up, down):
    """The prototype at the common rate, written out with NumPy's own Kaiser window and sinc."""
    lower = max(up, down)  # length of one sample of the lower rate, at the common rate
    half = math.floor(HALF_WIDTH * lower)
    n = np.arange(-half, half + 1)
    cutoff = (1 + PASS_BAND) / 2 / lower
    window = np.i0(BETA * np.sqrt(1 - (n / (HALF_WIDTH * lower)) ** 2)) / np.i0(BETA)
    return cutoff * np.sinc(cutoff * n) * window


@pytest.mark.parametrize("up, down", RATIOS)
@pytest.mark.parametrize("time", [1, 37, 2000])
def test_equals_scipy_with_the_same_taps(up, down, time):
    x = randn(2, time)
    y = resample(x, down, up)
    expected = scipy.signal.resample_poly(
        x.numpy(), up, down, axis=-1, window=filter_taps(up, down)
    )
    assert y.shape == (2, math.ceil(time * up / down))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


def gain_db(frequency, from_rate, to_rate, dtype=torch.float64):
    """Level of the sine that comes out for a sine that goes in, and of all else that comes out."""
    n = torch.arange(8 * from_rate // 10, dtype=torch.float64) / from_rate
    y = resample(torch.sin(2 * math.pi * frequency * n).to(dtype), from_rate, to_rate).double()
    m = torch.arange(len(y), dtype=torch.float64) / to_rate
    middle = slice(len(y) // 4, 3 * len(y) // 4)
    basis = torch.stack([f(2 * math.pi * frequency * m[middle]) for f in (torch.sin, torch.cos)], 1)
    found = torch.linalg.lstsq(basis, y[middle, None]).solution
    rest = (y[middle, None] - basis @ found).square().mean().mul(2).sqrt()
    assert abs(found[1]) < 1e-4 * max(abs(found[0]), 1e-2)  # zero phase
    return 20 * math.log10(found.norm()), 20 * math.log10(rest + 1e-20)


@pytest.mark.parametrize("rates", [(4410, 4800), (4800, 4410), (4000, 16000), (16000, 4000)])
@pytest.mark.parametrize("dtype, floor_db", [(torch.float64, -100), (torch.float32, -100)])
def test_the_pass_band_is_flat_and_images_are_100_db_down(rates, dtype, floor_db):
    nyquist = min(rates) / 2
    for share in (0.01, 0.25, 0.5, 0.8, 0.9):
        level, rest = gain_db(share * nyquist, *rates, dtype)
        assert abs(level) < 0.01
        assert rest < floor_db


@pytest.mark.parametrize("rates", [(4800, 4410), (16000, 4000)])
def test_aliases_are_100_db_down(rates):
    # Nothing above the new Nyquist frequency may come out, wherever it would fold to.
    low, high = min(rates) / 2, max(rates) / 2
    for frequency in np.linspace(low * 1.001, high * 0.999, 7):
        n = torch.arange(rates[0], dtype=torch.float64) / rates[0]
        y = resample(torch.sin(2 * math.pi * frequency * n), *rates)
        middle = y[len(y) // 4 : 3 * len(y) // 4]
        assert middle.square().mean().mul(2).sqrt() < 1e-5


@pytest.mark.parametrize("up, down", [(4, 1), (160, 147)])
def test_the_prototype_filter_meets_its_numbers(up, down):
    response = np.abs(np.fft.rfft(filter_taps(up, down), 2**19))
    frequency = np.linspace(0, max(up, down), 2**18 + 1)  # in Nyquist frequencies of the lower rate
    assert np.abs(20 * np.log10(response[frequency <= 0.9])).max() < 1e-4
    assert 20 * np.log10(response[frequency >= 1].max()) < -104


def test_up_and_down_again_is_the_signal():
    x = resample(randn(2, 500), 2, 3)[..., :700]  # nothing above 2/3 of Nyquist
    for factor in (2, 4, 8):
        again = resample(resample(x, 1, factor), factor, 1)
        assert again.shape == x.shape
        torch.testing.assert_close(again[..., 150:-150], x[..., 150:-150], rtol=0, atol=3e-5)


def test_the_same_rate_returns_the_signal_itself():
    x = randn(2, 50)
    assert resample(x, 44_100, 44_100.0) is x


def test_a_rate_may_be_a_fraction():
    # 44.1 kHz pulled down for film: 1000 / 1001, to 48 kHz pulled down in the same way.
    x = randn(1, 3000)
    pulled = resample(x, 44_100 / 1.001, 48_000 / 1.001)
    torch.testing.assert_close(pulled, resample(x, 44_100, 48_000), rtol=0, atol=1e-12)
    assert resample(x, 44_100 / 1.001, 44_100).shape == (1, 3003)


def test_rows_are_independent():
    x = randn(3, 200)
    alone = resample(x, 3, 4)
    x[1, 5] = torch.nan
    torch.testing.assert_close(resample(x, 3, 4)[[0, 2]], alone[[0, 2]], rtol=0, atol=1e-14)


def test_no_samples_half_types_and_errors():
    assert resample(torch.zeros(2, 0), 2, 3).shape == (2, 0)
    assert resample(torch.zeros(0, 10), 2, 3).shape == (0, 15)
    x = randn(1, 100).half()
    y = resample(x, 2, 3)
    assert y.dtype == torch.float16
    torch.testing.assert_close(y.double(), resample(x.double(), 2, 3), rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="from_rate: expected above 0, got 0"):
        resample(x, 0, 44_100)
    with pytest.raises(ValueError, match="to_rate: expected at least 1e-5 of from_rate"):
        resample(x, 1e9, 1)


@pytest.mark.parametrize("rates", [(2, 3), (3, 2)])
def test_gradients(rates):
    x = randn(2, 7).requires_grad_()
    torch.autograd.gradcheck(lambda x: resample(x, *rates), x, check_forward_ad=True)
    torch.autograd.gradgradcheck(lambda x: resample(x, *rates), x)


@pytest.mark.parametrize("rates", [(441, 480), (4, 1)])
def test_transforms(rates):
    function = lambda x: resample(x, *rates)  # noqa: E731
    x, dx = randn(3, 300), randn(3, 300)
    y = function(x)
    torch.testing.assert_close(torch.vmap(function)(x), y)
    torch.testing.assert_close(torch.compile(function, fullgraph=True, backend="aot_eager")(x), y)
    torch.testing.assert_close(torch.func.jvp(function, (x,), (dx,))[1], function(dx))  # linear
