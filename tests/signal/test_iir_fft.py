import numpy as np
import scipy.signal
import torch

from dasp.signal.biquad import design_high_pass, design_peak
from dasp.signal.iir_fft import sosfilt_frequency_sampled

TIME, RATE = 1000, 48_000


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def error_and_bound(x, sos):
    """Largest difference from the exact filter, and the sum of what is folded back in time."""
    exact = scipy.signal.sosfilt(sos.numpy(), x.numpy())
    impulse = scipy.signal.sosfilt(sos.numpy(), np.eye(1, 400 * TIME)[0])
    tail = np.abs(impulse[TIME:]).sum() * x.abs().max().item()  # from N - time on, N >= 2 time
    return np.abs(sosfilt_frequency_sampled(x, sos).numpy() - exact).max(), tail


def test_a_filter_that_dies_within_the_signal_is_exact():
    sos = torch.cat((
        design_high_pass(5000.0, RATE),
        design_peak(9000.0, RATE, gain_db=9.0, q=1.0),
    ))  # fmt: skip
    error, bound = error_and_bound(randn(3, TIME), sos)
    assert bound < 1e-12
    assert error < 1e-12


def test_the_error_is_bounded_and_grows_as_the_decay_gets_longer():
    x = randn(3, TIME)
    errors = []
    for freq_hz in (400.0, 100.0, 20.0):
        error, bound = error_and_bound(x, design_high_pass(freq_hz, RATE))
        assert error < bound + 1e-12
        errors.append(error)
    assert errors[0] < 1e-10 < 1e-6 < errors[1] < errors[2]
    assert errors[2] > 1e-3  # audible: a 20 Hz high-pass on 20 ms


def test_the_fold_sounds_before_the_impulse():
    x = torch.zeros(TIME, dtype=torch.float64)
    x[-1] = 1.0
    sos = design_peak(1000.0, RATE, gain_db=30.0, q=30.0)
    y = sosfilt_frequency_sampled(x, sos)
    size = 2048  # the FFT length for two times 1000 samples
    impulse = torch.from_numpy(scipy.signal.sosfilt(sos.numpy(), np.eye(1, 40 * size)[0]))
    folded = impulse.unflatten(-1, (-1, size)).sum(0)
    torch.testing.assert_close(y[:-1], folded[size - TIME + 1 :], rtol=0, atol=1e-12)
    assert y[:-1].abs().max() > 1e-3


def test_sections_broadcast_and_types_are_kept():
    x = torch.randn(2, 3, 256)
    sos = design_peak(torch.tensor([[2000.0], [6000.0]]), RATE, gain_db=6.0, q=1.0)
    y = sosfilt_frequency_sampled(x, sos)
    assert y.dtype == torch.float32
    for i in range(2):
        expected = scipy.signal.sosfilt(sos[i, 0].numpy(), x[i].double().numpy())
        np.testing.assert_allclose(y[i], expected, atol=1e-5)
    assert sosfilt_frequency_sampled(x.bfloat16(), sos).dtype == torch.bfloat16
    assert sosfilt_frequency_sampled(x[..., :0], sos).shape == (2, 3, 0)


def test_gradients_and_transforms():
    x, sos = randn(2, 20), design_peak(9000.0, RATE, gain_db=6.0, q=1.0).repeat(2, 1, 1)
    torch.autograd.gradcheck(
        sosfilt_frequency_sampled,
        (x.clone().requires_grad_(), sos.clone().requires_grad_()),
        check_forward_ad=True,
    )
    y = sosfilt_frequency_sampled(x, sos)
    torch.testing.assert_close(torch.vmap(sosfilt_frequency_sampled)(x, sos), y)
    compiled = torch.compile(sosfilt_frequency_sampled, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, sos), y)
    dx = randn(2, 20)
    _, dy = torch.func.jvp(lambda x: sosfilt_frequency_sampled(x, sos), (x,), (dx,))
    torch.testing.assert_close(dy, sosfilt_frequency_sampled(dx, sos))  # linear
