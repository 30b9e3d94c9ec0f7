import math

import numpy as np
import pytest
import scipy.signal
import torch

import dasp.signal.resample as module
from dasp.signal.resample import (
    AT_ONCE,
    KEPT,
    QUALITIES,
    _Filter,
    resample,
    resample_blocks,
    resample_part,
)

UNRELATED = [(8000, 96_001), (96_001, 8000), (4410, 4409), (7001, 5003), (90_000, 999)]
RATIOS = [(160, 147), (147, 160), (4, 1), (1, 4), (3, 2), (2, 3), (1, 24), (129, 1), (1000, 1001)]


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def filter_taps(up, down, quality="standard"):
    """The prototype at the common rate, written out with NumPy's own Kaiser window and sinc."""
    q = QUALITIES[quality]
    HALF_WIDTH, PASS_BAND, BETA = q.half_width, q.pass_band, q.beta
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


@pytest.mark.parametrize("rates", UNRELATED)
@pytest.mark.parametrize("quality", QUALITIES)
def test_unrelated_rates_equal_the_filter_written_out(rates, quality):
    """The long way: for an output every tap of the low-pass, from NumPy."""
    (from_rate, to_rate), q = rates, QUALITIES[quality]
    assert not _Filter.between(*rates, quality).is_periodic
    x = randn(1 + 40_000 * from_rate // 90_000)
    y = resample(x, *rates, quality=quality)
    assert len(y) == math.ceil(len(x) * to_rate / from_rate)
    nyquist = min(1.0, to_rate / from_rate)
    cutoff, half = nyquist * (1 + q.pass_band) / 2, q.half_width / nyquist
    for m in [0, 1, 17, len(y) // 3, len(y) // 2, len(y) - 1]:
        t = m * from_rate / to_rate - np.arange(len(x))
        inside = np.abs(t) < half
        window = np.i0(q.beta * np.sqrt(1 - (t[inside] / half) ** 2)) / np.i0(q.beta)
        taps = cutoff * np.sinc(cutoff * t[inside]) * window
        allowed = 5 * 10 ** (-q.rejection_db / 20) * x.abs().max().item()
        assert abs(y[m].item() - taps @ x.numpy()[inside]) < allowed


LIMITS = {"standard": (0.9, -100.0), "high": (0.95, -120.0), "best": (0.97, -165.0)}


def levels_db(frequency, from_rate, to_rate, quality, dtype=torch.float64):
    """Level of the sine that comes out for a sine that goes in, and of all else that comes out."""
    time = max(4 * QUALITIES[quality].half_width * max(1, from_rate / to_rate), 2000)
    n = torch.arange(2 * int(time), dtype=torch.float64) / from_rate
    x = torch.sin(2 * math.pi * frequency * n).to(dtype)
    y = resample(x, from_rate, to_rate, quality=quality).double()
    middle = slice(3 * len(y) // 8, 5 * len(y) // 8)
    m = torch.arange(len(y), dtype=torch.float64)[middle] / to_rate
    basis = torch.stack([f(2 * math.pi * frequency * m) for f in (torch.sin, torch.cos)], 1)
    if frequency >= to_rate / 2:  # nothing is to come out
        found, rest = basis.new_zeros(2), y[middle]
    else:
        found = torch.linalg.lstsq(basis, y[middle, None]).solution[:, 0]
        rest = y[middle] - basis @ found
        assert abs(found[1]) < 1e-4 * max(abs(found[0]), 1e-2)  # zero phase
    db = [20 * math.log10(v.item() + 1e-20) for v in (found.norm(), rest.abs().max())]
    return tuple(db)


@pytest.mark.parametrize(
    "rates",
    [(4410, 4800), (4800, 4410), (4000, 16000), (16000, 4000), (8000, 96_001), (4410, 4409),
     (9001, 2003), (7001, 5003)],
)  # fmt: skip
@pytest.mark.parametrize("quality", QUALITIES)
def test_what_passes_is_flat_and_what_does_not_is_gone(rates, quality):
    """Sines up to the pass band come out as they are, without images; those above the lower
    Nyquist do not come out, wherever they would fold to."""
    pass_band, floor_db = LIMITS[quality]
    lower = min(rates) / 2
    for share in (0.01, 0.37, 0.8, pass_band):
        level_db, rest_db = levels_db(share * lower, *rates, quality)
        assert abs(level_db) < 0.001
        assert rest_db < floor_db
    if rates[0] > rates[1]:
        for frequency in np.linspace(lower * 1.0001, max(lower * 1.0001, rates[0] / 2 * 0.999), 4):
            assert levels_db(frequency, *rates, quality)[1] < floor_db


@pytest.mark.parametrize("rates", [(4410, 4800), (8000, 96_001), (7001, 5003)])
def test_float32_is_clean_to_its_rounding(rates):
    for quality, floor_db in (("standard", -100.0), ("high", -120.0), ("best", -140.0)):
        level_db, rest_db = levels_db(0.37 * min(rates) / 2, *rates, quality, torch.float32)
        assert abs(level_db) < 0.001 and rest_db < floor_db


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("up, down", [(4, 1), (160, 147)])
def test_the_prototype_filter_meets_its_numbers(up, down, quality):
    response = np.abs(np.fft.rfft(filter_taps(up, down, quality), 2**21))
    frequency = np.linspace(0, max(up, down), 2**20 + 1)  # in Nyquist frequencies of the lower rate
    pass_band, floor_db = LIMITS[quality]
    assert np.abs(20 * np.log10(response[frequency <= pass_band])).max() < 1e-3
    assert 20 * np.log10(response[frequency >= 1].max()) < floor_db


@pytest.mark.parametrize("rates", [(3, 2), (44_100, 48_000), (1, 40), (900, 901), *UNRELATED])
@pytest.mark.parametrize("quality", ["standard", "high"])
def test_blocks_of_any_length_are_the_whole(rates, quality):
    """And each output comes as soon as the filter has heard enough."""
    x = randn(2, 9000)
    whole = resample(x, *rates, quality=quality)
    reach, heard, given = _Filter.between(*rates, quality).reach, 0, 0
    sizes = [1, 0, 63, 1000, 5, 3000, 931, 4000]
    blocks = []

    def source():
        nonlocal heard
        for block in x.split(sizes, -1):
            heard += block.shape[-1]
            yield block

    for y in resample_blocks(source(), *rates, quality=quality):
        blocks.append(y)
        given += y.shape[-1]
        if heard < x.shape[-1]:
            assert given >= (heard - reach) * rates[1] / rates[0] - 1
    torch.testing.assert_close(torch.cat(blocks, -1), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rates", [(3, 2), (44_100, 48_000), (1, 40), (900, 901), *UNRELATED])
def test_a_part_reads_no_more_than_it_hears(rates):
    x = randn(2, 20_000)
    whole = resample(x, *rates)
    reach = _Filter.between(*rates, "standard").reach
    for start, stop in ((0, 1), (whole.shape[-1] // 3, whole.shape[-1] // 2)):
        longest = (stop - start) * rates[0] / rates[1] + 2 * reach + 2

        def read(first, last, longest=longest):
            assert first >= 0 and last - first <= longest
            return x[..., first:last]

        part = resample_part(read, *rates, start, stop)
        torch.testing.assert_close(part, whole[..., start:stop], rtol=0, atol=1e-12)


def test_outputs_that_are_interpolated_in_many_parts(monkeypatch):
    x = randn(2, 3000)
    whole = resample(x, 7001, 5003)
    assert whole.shape[-1] < AT_ONCE
    monkeypatch.setattr(module, "AT_ONCE", 101)
    torch.testing.assert_close(resample(x, 7001, 5003), whole, rtol=0, atol=1e-13)


def test_a_design_is_kept_and_the_oldest_are_forgotten(monkeypatch):
    made = []
    design = module._design
    monkeypatch.setattr(module, "_design", lambda *a: made.append(a[0][:2]) or design(*a))
    monkeypatch.setattr(module, "_designs", {})
    with torch.inference_mode():  # whose tensors no gradient may pass
        resample(randn(1, 100), 160, 147)
    x = randn(1, 100).requires_grad_()
    first = resample(x, 160, 147)
    first.sum().backward()
    assert made == [(147, 160)]
    assert resample(x.float(), 160, 147).dtype is torch.float32 and len(made) == 2
    resample(x, 160, 147, quality="high")
    assert len(made) == 3
    for rate in range(2, 2 + KEPT):
        resample(x, 1, rate)
    assert len(module._designs) == KEPT
    assert torch.equal(resample(x, 160, 147), first)
    assert made[-1] == (147, 160)


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
    with pytest.raises(ValueError, match=r"quality: expected one of .*; did you mean 'best'"):
        resample(x, 1, 2, quality="bests")


@pytest.mark.parametrize("rates", [(2, 3), (3, 2), (8000, 23_001), (9001, 2003)])
def test_gradients(rates):
    x = randn(2, 7).requires_grad_()
    torch.autograd.gradcheck(lambda x: resample(x, *rates), x, check_forward_ad=True)
    torch.autograd.gradgradcheck(lambda x: resample(x, *rates), x)


@pytest.mark.parametrize("rates", [(441, 480), (4, 1), (4410, 4409)])
def test_transforms(rates):
    function = lambda x: resample(x, *rates)  # noqa: E731
    x, dx = randn(3, 300), randn(3, 300)
    y = function(x)
    torch.testing.assert_close(torch.vmap(function)(x), y)
    torch.testing.assert_close(torch.compile(function, fullgraph=True, backend="aot_eager")(x), y)
    torch.testing.assert_close(torch.func.jvp(function, (x,), (dx,))[1], function(dx))  # linear
