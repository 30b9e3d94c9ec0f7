import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal.fir import design_linear_phase_fir, fir_filter


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("taps", [1, 5, 31, 101, 1001])
@pytest.mark.parametrize("points", [2, 17, 100])
def test_design_equals_scipy(taps, points):
    gain = torch.rand(points, dtype=torch.float64)
    bins = 1 + 2 ** int(np.ceil(np.log2(max(taps, points))))
    expected = scipy.signal.firwin2(taps, np.linspace(0, 1, points), gain.numpy(), nfreqs=bins)
    np.testing.assert_allclose(design_linear_phase_fir(gain, taps), expected, rtol=0, atol=1e-12)


def test_the_design_is_symmetric_and_reaches_the_gains():
    gain = 1 + 0.5 * torch.cos(torch.linspace(0, 2 * torch.pi, 65, dtype=torch.float64))
    h = design_linear_phase_fir(gain, 201)
    torch.testing.assert_close(h, h.flip(-1), rtol=0, atol=1e-15)
    # The delay of 100 samples taken back, the response is real: the wanted gain.
    bins = torch.arange(513, dtype=torch.float64)
    response = torch.fft.rfft(h, 1024) * torch.exp(2j * torch.pi * bins / 1024 * 100)
    assert response.imag.abs().max() < 1e-12
    torch.testing.assert_close(response.real[::8], gain, rtol=0, atol=2e-3)


def test_filtering_equals_scipy_with_state():
    x, h, zi = randn(2, 100), randn(9), randn(2, 8)
    y, zf = fir_filter(x, h, zi)
    # The state is past input, so SciPy is given that input too.
    expected = scipy.signal.lfilter(h.numpy(), [1.0], torch.cat((zi, x), -1).numpy())[:, 8:]
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    assert torch.equal(zf, x[:, -8:])
    np.testing.assert_allclose(
        fir_filter(x, h)[0], scipy.signal.lfilter(h.numpy(), [1.0], x.numpy()), atol=1e-12
    )


@pytest.mark.parametrize("taps", [1, 2, 30])
def test_blocks_equal_the_whole(taps):
    x, h = randn(2, 200), randn(2, taps)
    whole, last = fir_filter(x, h)
    blocks, zi = [], None
    for block in x.split((13, 1, 0, 100, 86), -1):
        y, zi = fir_filter(block, h, zi)
        blocks.append(y)
    torch.testing.assert_close(torch.cat(blocks, -1), whole, rtol=0, atol=1e-12)
    assert torch.equal(zi, last)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="taps: expected an odd number, got 10"):
        design_linear_phase_fir(torch.ones(5), 10)
    with pytest.raises(ValueError, match=r"gain: expected shape .* got \(1,\)"):
        design_linear_phase_fir(torch.ones(1), 5)
    with pytest.raises(ValueError, match=r"zi: expected shape \(..., 4\), got \(3,\)"):
        fir_filter(torch.zeros(10), torch.ones(5), torch.zeros(3))


def test_gradients():
    gain = torch.rand(2, 5, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda g: design_linear_phase_fir(g, 7), gain, check_forward_ad=True)
    arguments = tuple(t.requires_grad_() for t in (randn(2, 9), randn(4), randn(2, 3)))
    torch.autograd.gradcheck(fir_filter, arguments, check_forward_ad=True)


def test_transforms():
    def shaped(x, gain):
        return fir_filter(x, design_linear_phase_fir(gain, 7))[0]

    x, gain = randn(3, 20), torch.rand(3, 5, dtype=torch.float64)
    y = shaped(x, gain)
    torch.testing.assert_close(torch.vmap(shaped)(x, gain), y)
    torch.testing.assert_close(
        torch.compile(shaped, fullgraph=True, backend="aot_eager")(x, gain), y
    )
    dx, dgain = randn(3, 20), randn(3, 5)
    _, tangent = torch.func.jvp(shaped, (x, gain), (dx, dgain))
    # Bilinear: the tangent is the product rule, exactly.
    torch.testing.assert_close(tangent, shaped(dx, gain) + shaped(x, dgain))
