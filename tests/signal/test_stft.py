import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal.stft import frames, istft, magnitude_spectra, stft


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("fft_size, hop", [(64, 16), (64, 32), (64, 24), (48, 7), (65, 16)])
@pytest.mark.parametrize("window", ["hann", "sqrt_hann"])
@pytest.mark.parametrize("time", [1, 40, 1000, 1003])
def test_there_and_back_is_the_signal(fft_size, hop, window, time):
    x = randn(2, 3, time)
    y = istft(stft(x, fft_size, hop, window), fft_size, hop, time, window)
    torch.testing.assert_close(y, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fft_size, hop", [(64, 16), (64, 24), (128, 64)])
@pytest.mark.parametrize("time", [150, 1000, 1003])
def test_equals_scipy(fft_size, hop, time):
    x = randn(2, time)
    window = scipy.signal.get_window("hann", fft_size)  # periodic
    _, _, expected = scipy.signal.stft(
        x.numpy(), window=window, nperseg=fft_size, noverlap=fft_size - hop
    )
    np.testing.assert_allclose(stft(x, fft_size, hop), expected * window.sum(), atol=1e-12)


def test_a_sine_measures_half_the_window_sum_at_its_own_bin():
    n = torch.arange(4096, dtype=torch.float64)
    spectra = stft(torch.cos(2 * torch.pi * 10 / 256 * n), 256, 64).abs()
    middle = spectra[:, 20]
    assert middle.argmax() == 10
    # The periodic Hann window of 256 sums to 128, and has three bins and nothing else.
    np.testing.assert_allclose(middle[9:12], [32, 64, 32], rtol=1e-12)
    assert middle[torch.arange(129).sub(10).abs() > 1].max() < 1e-10


def test_squared_square_root_window_keeps_energy():
    # sqrt-Hann at half overlap is a tight frame: the squares of the windows sum to one.
    x = randn(1000)
    spectra = stft(x, 64, 32, "sqrt_hann")
    two_sided = spectra.abs().square().sum(-1) * torch.tensor([1.0] + [2.0] * 31 + [1.0])
    torch.testing.assert_close(two_sided.sum() / 64, x.square().sum(), rtol=1e-12, atol=0)


def test_a_masked_stft_gives_the_least_squares_signal():
    fft_size, hop, time = 16, 4, 30
    x = randn(time)
    target = stft(x, fft_size, hop) * torch.rand(9, 9, dtype=torch.float64)

    def residual(y):
        # Weights of a one-sided spectrum: every bin but the first and last stands for two.
        twice = torch.tensor([1.0] + [2.0] * 7 + [1.0], dtype=torch.float64).sqrt()[:, None]
        return torch.view_as_real((stft(y, fft_size, hop) - target) * twice).flatten()

    jacobian = torch.func.jacrev(residual)(x)
    solved = torch.linalg.lstsq(jacobian, -residual(torch.zeros_like(x))[:, None]).solution[:, 0]
    torch.testing.assert_close(istft(target, fft_size, hop, time), solved, rtol=0, atol=1e-10)


def test_half_types_are_computed_in_float32():
    x = randn(1, 100).half()
    spectra = stft(x, 32, 8)
    assert spectra.dtype == torch.complex64
    torch.testing.assert_close(
        spectra.to(torch.complex128), stft(x.double(), 32, 8), atol=1e-5, rtol=0
    )


def test_frames_are_slices():
    x = randn(2, 3, 50)
    cut = frames(x, 12, 5)
    assert cut.shape == (2, 3, 8, 12)
    for i in range(8):
        assert torch.equal(cut[..., i, :], x[..., 5 * i : 5 * i + 12])
    assert frames(x, 51, 5).shape == (2, 3, 0, 51)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="window: expected one of 'hann', 'sqrt_hann', got 'han'"):
        stft(randn(100), 32, 8, "han")
    with pytest.raises(ValueError, match="hop: expected at least 1 and at most 16"):
        istft(stft(randn(100), 32, 20), 32, 20, 100)
    with pytest.raises(ValueError, match="length: expected at least 0 and at most 104"):
        istft(stft(randn(100), 32, 8), 32, 8, 105)
    with pytest.raises(ValueError, match="hop: expected at least 1"):
        stft(randn(100), 32, 0)


def test_gradients():
    x = randn(2, 21).requires_grad_()
    torch.autograd.gradcheck(lambda x: stft(x, 8, 4), x, check_forward_ad=True)
    spectra = stft(x.detach(), 8, 4).requires_grad_()
    torch.autograd.gradcheck(lambda s: istft(s, 8, 4, 21), spectra, check_forward_ad=True)


def test_transforms():
    def halve_low_bins(x):
        spectra = stft(x, 16, 4)
        gains = torch.ones(9, 1, dtype=x.dtype)
        gains[:3] = 0.5
        return istft(spectra * gains, 16, 4, x.shape[-1])

    x, dx = randn(3, 50), randn(3, 50)
    y = halve_low_bins(x)
    torch.testing.assert_close(torch.vmap(halve_low_bins)(x), y)
    compiled = torch.compile(halve_low_bins, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), y)
    _, dy = torch.func.jvp(halve_low_bins, (x,), (dx,))
    torch.testing.assert_close(dy, halve_low_bins(dx))  # linear


@pytest.mark.parametrize("level", [1.0, 1e-30, 1e-38, 1e-42, 1e-45])
def test_magnitudes_and_their_gradients_down_to_the_smallest_numbers(level):
    x = (level * torch.randn(1000).sign()).requires_grad_()
    spectra = magnitude_spectra(x, 256, 64)
    assert torch.equal(spectra, stft(x, 256, 64).abs()) or level < 1e-30
    spectra.sum().backward()
    assert x.grad.isfinite().all() and x.grad.any()
