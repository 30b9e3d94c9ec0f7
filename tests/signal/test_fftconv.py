import subprocess
import sys
import textwrap

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal import fftconv
from dasp.signal.fftconv import fast_fft_length, fft_convolve, transform_response


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("time, taps", [(1, 1), (1, 7), (100, 1), (100, 33), (33, 100), (1000, 25)])
def test_equals_direct_convolution(time, taps):
    x, h = randn(time), randn(taps)
    direct = np.convolve(x, h)
    np.testing.assert_allclose(fft_convolve(x, h, full=True), direct, rtol=0, atol=1e-12)
    np.testing.assert_allclose(fft_convolve(x, h), direct[:time], rtol=0, atol=1e-12)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(fftconv, "LEAST_SIZE", 64)
    monkeypatch.setattr(fftconv, "LARGEST_SIZE", 64)
    monkeypatch.setattr(fftconv, "ALONE", 0)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("time", [1, 47, 48, 49, 95, 500])
@pytest.mark.parametrize("taps", [1, 2, 17, 100])
def test_blocks_equal_direct_convolution(small_blocks, time, taps, full):
    """At lengths around those of the blocks, and with responses of more than a block."""
    x, h = randn(2, time), randn(taps)
    direct = np.stack([np.convolve(row, h) for row in x])[:, : None if full else time]
    np.testing.assert_allclose(fft_convolve(x, h, full=full), direct, rtol=0, atol=1e-12)


@pytest.mark.parametrize("at_once", [1, 300, 1000, 10_000])
def test_rows_and_blocks_in_shares_of_any_size_are_those_of_each_row(
    small_blocks, at_once, monkeypatch
):
    monkeypatch.setattr(fftconv, "AT_ONCE", at_once)
    x, h = randn(5, 3, 500), randn(3, 9)
    for rows in (1, 5):
        expected = scipy.signal.oaconvolve(x[:rows].numpy(), h[None].numpy(), axes=-1)[..., :500]
        y = fft_convolve(x[:rows], h)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


def test_the_lengths_for_a_gpu_give_the_same(small_blocks, monkeypatch):
    monkeypatch.setattr(fftconv, "_has_a_cache", lambda x: False)
    monkeypatch.setattr(fftconv, "LEAST_SIZE_OF_LAUNCHES", 64)
    x, h = randn(2, 500), randn(17)
    expected = np.stack([np.convolve(row, h) for row in x])
    np.testing.assert_allclose(fft_convolve(x, h, full=True), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("taps", [1, 64, 1000, 8192, 65_536])
@pytest.mark.parametrize("time", [1, 4000, 131_072, 2**23])
def test_transforms_are_no_longer_than_a_few_responses_and_cover_the_signal(time, taps):
    size = transform_response(torch.zeros(taps), time).size
    blocks = -(-time // (size - taps + 1))
    assert size <= max(fftconv.LARGEST_SIZE, 4 * taps, fast_fft_length(taps))
    # What is transformed is at most three times what has to be.
    assert blocks * size <= 3 * max(time + taps, fftconv.LEAST_SIZE)


def test_the_result_does_not_hold_the_memory_of_the_transforms():
    y = fft_convolve(randn(3, 60), randn(9))
    assert y.untyped_storage().nbytes() == y.nbytes


def test_gradients_through_blocks(small_blocks):
    x, h = randn(2, 150).requires_grad_(), randn(2, 5).requires_grad_()
    torch.autograd.gradcheck(fft_convolve, (x, h), check_forward_ad=True, fast_mode=True)
    late = torch.autograd.grad(fft_convolve(x, h)[0, 149], x)[0][0, 145:]
    torch.testing.assert_close(late, h[0].flip(0))


def test_a_long_signal_and_a_long_response():
    x, h = randn(1_000_000), randn(50_000)
    exact = scipy.signal.oaconvolve(x.numpy(), h.numpy())[: len(x)]
    np.testing.assert_allclose(fft_convolve(x, h), exact, rtol=0, atol=1e-9)
    single = fft_convolve(x.float(), h.float()).numpy()
    assert np.abs(single - exact).max() < 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("meant_for", [10, 40])
def test_a_response_is_transformed_once_for_signals_of_any_length(small_blocks, meant_for, full):
    h = randn(2, 30)
    response = transform_response(h, meant_for)
    for time in (0, 10, 40, 300):
        x = randn(3, 2, time)
        y = fft_convolve(x, response, full=full)
        torch.testing.assert_close(y, fft_convolve(x, h, full=full), rtol=0, atol=1e-12)
    assert fft_convolve(randn(2, 50).float(), response).dtype is torch.float32


def test_memory_beside_the_signal_is_that_of_a_few_blocks():
    """In a process of its own, whose peak is its own."""
    pytest.importorskip("resource")
    code = """
        import resource, torch
        from dasp.signal.fftconv import fft_convolve
        torch.set_num_threads(1)
        h, peaks = torch.ones(96_000), []
        for time in (2**22, 2**24):
            x = torch.zeros(time)
            y = fft_convolve(x, h)
            del x, y
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(peaks[1] - peaks[0])
    """
    more_mib = float(subprocess.check_output([sys.executable, "-c", textwrap.dedent(code)]))
    # 48 MiB more of x, of y in blocks, and of y in one piece.
    assert more_mib < 3.3 * 48


def test_leading_dimensions_broadcast():
    x, h = randn(3, 2, 50), randn(2, 20)
    expected = np.stack(
        [[scipy.signal.convolve(x[i, j], h[j], method="direct") for j in (0, 1)] for i in range(3)]
    )
    np.testing.assert_allclose(fft_convolve(x, h, full=True), expected, atol=1e-12)


def test_nothing_sounds_before_the_impulse():
    # A circular convolution would bring the tail of the response round to the start.
    x = torch.zeros(48_000)
    x[24_000] = 1.0
    h = torch.randn(65_536)
    y = fft_convolve(x, h / h.norm())
    assert y[:24_000].abs().max() < 1e-6 * y.abs().max()


def test_a_nan_stays_in_its_own_row():
    x, h = randn(3, 40), randn(8)
    alone = fft_convolve(x, h)
    x[1, 3] = torch.nan
    torch.testing.assert_close(fft_convolve(x, h)[[0, 2]], alone[[0, 2]], rtol=0, atol=0)


def test_no_samples_and_no_taps():
    assert fft_convolve(torch.zeros(2, 0), torch.ones(5)).shape == (2, 0)
    torch.testing.assert_close(
        fft_convolve(torch.zeros(2, 0), torch.ones(5), full=True), torch.zeros(2, 4)
    )
    with pytest.raises(ValueError, match=r"h: expected .* at least one tap .* got \(0,\)"):
        fft_convolve(torch.zeros(2, 10), torch.zeros(0))


def test_half_types_are_computed_in_float32():
    x, h = torch.randn(300).half(), torch.randn(50).half()
    y = fft_convolve(x, h)
    assert y.dtype == torch.float16
    torch.testing.assert_close(y, fft_convolve(x.double(), h.double()).half(), rtol=1e-3, atol=1e-3)


def test_gradients():
    x, h = randn(2, 9).requires_grad_(), randn(2, 5).requires_grad_()
    torch.autograd.gradcheck(fft_convolve, (x, h), check_forward_ad=True)
    torch.autograd.gradgradcheck(lambda x, h: fft_convolve(x, h, full=True), (x, h))


def test_transforms():
    x, h = randn(3, 9), randn(3, 5)
    y = fft_convolve(x, h)
    torch.testing.assert_close(torch.vmap(fft_convolve)(x, h), y)
    torch.testing.assert_close(
        torch.compile(fft_convolve, fullgraph=True, backend="aot_eager")(x, h), y
    )
    # Convolution is linear in the signal: the tangent passes through the same filter.
    dx = randn(3, 9)
    _, dy = torch.func.jvp(lambda x: fft_convolve(x, h), (x,), (dx,))
    torch.testing.assert_close(dy, fft_convolve(dx, h))


def test_fast_lengths_have_small_factors_and_cost_at_most_a_quarter_more():
    for least in range(1, 3000):
        size = fast_fft_length(least)
        assert least <= size <= max(1.25 * least, least + 1)
        odd = size
        while odd % 2 == 0:
            odd //= 2
        assert odd in (1, 3, 5, 9, 15)
