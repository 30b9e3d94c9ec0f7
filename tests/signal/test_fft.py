import torch

from dasp.signal.fft import irfft, rfft


def test_of_signals_they_are_those_of_torch():
    x = torch.randn(3, 10)
    assert torch.equal(rfft(x), torch.fft.rfft(x))
    assert torch.equal(rfft(x, 16), torch.fft.rfft(x, 16))
    assert torch.equal(irfft(rfft(x), 10), torch.fft.irfft(torch.fft.rfft(x), 10))


def test_of_no_signals_they_have_shapes_and_gradients():
    x = torch.zeros(2, 0, 10, dtype=torch.float64, requires_grad=True)
    bins = rfft(x, 16)
    assert (bins.shape, bins.dtype) == ((2, 0, 9), torch.complex128)
    y = irfft(bins, 16)
    assert (y.shape, y.dtype) == ((2, 0, 16), torch.float64)
    y.sum().backward()
    assert x.grad.shape == x.shape
