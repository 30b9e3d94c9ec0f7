import functools
from decimal import Decimal, localcontext

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal import backends
from dasp.signal.biquad import (
    design_butterworth_high_pass,
    design_high_shelf,
    design_low_pass,
    design_low_shelf,
    design_peak,
)
from dasp.signal.iir import BLOCK, lfilter, sosfilt

TIMES = (0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, 1000)


@pytest.fixture(params=[pytest.param("compiled", marks=pytest.mark.numba), "by blocks"])
def both_forms(request, monkeypatch):
    """What the filter does wherever it runs."""
    if request.param == "by blocks":
        monkeypatch.setattr(backends, "HAS_NUMBA", False)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def six_bands(rate=44_100):
    """A low shelf, four peaks and a high shelf."""
    return torch.cat(
        (
            design_low_shelf(80.0, rate, gain_db=9.0),
            design_peak(200.0, rate, gain_db=-12.0, q=2.0),
            design_peak(600.0, rate, gain_db=6.0, q=0.7),
            design_peak(2500.0, rate, gain_db=-4.0, q=8.0),
            design_peak(7000.0, rate, gain_db=15.0, q=1.0),
            design_high_shelf(12_000.0, rate, gain_db=-9.0),
        )
    )


def scipy_sosfilt(x, sos, zi=None):
    """SciPy, for signals `(rows, time)` with sections and states of their own or shared."""
    rows, sections = x.shape[0], sos.shape[-2]
    sos = np.broadcast_to(sos, (rows, sections, 6))
    zi = np.broadcast_to(0.0 if zi is None else zi, (rows, sections, 2))
    results = [
        scipy.signal.sosfilt(s.copy(), row, zi=z) if row.size else (row, z)
        for s, row, z in zip(sos, np.asarray(x, np.float64), zi, strict=True)
    ]
    return tuple(np.stack(parts) for parts in zip(*results, strict=True))


def assert_near(y, expected, tolerance=1e-10):
    """Equal, but for a share `tolerance` of the peak: a unit state of a low pole is very loud."""
    peak = max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance * peak)


def error_db(y, expected):
    return 20 * np.log10(np.abs(y.double().numpy() - expected).max() / np.abs(expected).max())


@pytest.mark.usefixtures("both_forms")
@pytest.mark.parametrize("time", TIMES)
def test_sosfilt_equals_scipy(time):
    x, zi = randn(3, time), randn(3, 6, 2)
    y, zf = sosfilt(x, six_bands(), zi)
    expected, expected_zf = scipy_sosfilt(x, six_bands(), zi)
    assert y.shape == x.shape and zf.shape == (3, 6, 2)
    assert_near(y, expected)
    assert_near(zf, expected_zf)


def test_sections_need_not_be_normalised():
    x, sos = randn(2, 200), six_bands()
    scale = torch.rand(6, 1, dtype=torch.float64) + 0.5
    torch.testing.assert_close(sosfilt(x, sos * scale)[0], sosfilt(x, sos)[0], rtol=0, atol=1e-11)


def test_the_impulse_response_of_one_pole_is_a_power():
    x = torch.zeros(1, 500, dtype=torch.float64)
    x[0, 0] = 1.0
    y, _ = lfilter(x, x.new_ones(1), x.new_tensor([1.0, -0.99]))
    torch.testing.assert_close(y[0], 0.99 ** torch.arange(500, dtype=torch.float64))


@pytest.mark.usefixtures("both_forms")
def test_blocks_equal_the_whole():
    x = randn(2, 3000)
    whole, last = sosfilt(x, six_bands())
    generator = np.random.default_rng(0)
    for _ in range(5):
        edges = np.sort(generator.integers(0, 3000, 12))
        blocks, zi = [], None
        for block in np.split(x, edges, axis=1):
            y, zi = sosfilt(block, six_bands(), zi)
            blocks.append(y)
        torch.testing.assert_close(torch.cat(blocks, -1), whole, rtol=0, atol=1e-11)
        torch.testing.assert_close(zi, last, rtol=0, atol=1e-11)


@pytest.mark.usefixtures("both_forms")
def test_six_bands_at_length():
    x = randn(2, 48_000)
    expected, _ = scipy_sosfilt(x, six_bands())
    assert np.abs(sosfilt(x, six_bands())[0].numpy() - expected).max() < 1e-10
    y, zf = sosfilt(x.float(), six_bands())
    assert y.dtype is torch.float32 and zf.dtype is torch.float64
    assert error_db(y, scipy_sosfilt(x.float(), six_bands())[0]) < -100


@pytest.mark.usefixtures("both_forms")
@pytest.mark.parametrize(
    "sos",
    [
        design_low_shelf(20.0, 192_000, gain_db=24.0),
        design_low_shelf(20.0, 192_000, gain_db=-24.0),
        design_peak(20.0, 192_000, gain_db=24.0, q=20.0),
        design_butterworth_high_pass(20.0, 192_000, order=8),
        torch.cat([design_peak(20.0 + i, 192_000, gain_db=6.0, q=20.0) for i in range(6)]),
    ],
    ids=["shelf up", "shelf down", "narrow peak", "steep high-pass", "six narrow peaks"],
)
@pytest.mark.parametrize("sound", ["noise", "20 Hz", "step"])
def test_low_frequencies_at_a_high_rate(sos, sound):
    """The hardest for a state in direct form: poles within 1e-3 of 1, and of each other."""
    n = torch.arange(96_000)
    x = {
        "noise": torch.randn(len(n)),
        "20 Hz": torch.sin(2 * torch.pi * 20 / 192_000 * n),
        "step": torch.ones(len(n)),
    }[sound][None]
    expected, _ = scipy_sosfilt(x, sos)
    assert error_db(sosfilt(x, sos)[0], expected) < -125
    assert error_db(sosfilt(x.double(), sos)[0], expected) < -160


@pytest.mark.usefixtures("both_forms")
@pytest.mark.parametrize("q", [0.1, 0.5, 0.7])
@pytest.mark.parametrize("freq_hz", [20.0, 12_000.0, 23_999.0])
def test_real_double_and_complex_poles(freq_hz, q):
    x, sos, zi = randn(2, 1000), design_low_pass(freq_hz, 48_000, q=q), 1e-3 * randn(1, 2)
    y, zf = sosfilt(x, sos, zi)
    expected, expected_zf = scipy_sosfilt(x, sos, zi)
    assert_near(y, expected, 1e-11)
    assert_near(zf, expected_zf, 1e-11)


@pytest.mark.usefixtures("both_forms")
@pytest.mark.parametrize("q", [0.1, 0.5, 20.0])
def test_no_digits_are_lost(q):
    """Against the recursion in 40 digits, to which SciPy itself is within 1e-9 here."""
    sos, x = design_low_pass(20.0, 192_000, q=q), torch.ones(1, 10_000, dtype=torch.float64)
    b0, b1, b2, _, a1, a2 = (Decimal(c) for c in sos[0].tolist())
    s1 = s2 = Decimal(0)
    expected = np.empty(x.shape)
    with localcontext() as context:
        context.prec = 40
        for n in range(x.shape[-1]):
            y = b0 + s1
            s1, s2 = b1 - a1 * y + s2, b2 - a2 * y
            expected[0, n] = y
    assert np.abs(sosfilt(x, sos)[0].numpy() - expected).max() < 2e-12 * expected.max()


def test_on_and_beyond_the_edge_of_stability():
    """An integrator is a running sum; a pole outside the unit circle grows as it should."""
    x, one = randn(1, 1000), randn(1) * 0 + 1
    y, _ = lfilter(x, one, x.new_tensor([1.0, -1.0]))
    torch.testing.assert_close(y, x.cumsum(-1), rtol=0, atol=1e-11)
    growing = x.new_tensor([1.0, -1.01])
    expected = scipy.signal.lfilter([1.0], growing.numpy(), x.numpy())
    np.testing.assert_allclose(lfilter(x, one, growing)[0], expected, rtol=1e-10)
    # Two poles on the circle: an oscillator that neither grows nor fades.
    w = 0.1
    y, _ = lfilter(x * 0, one, x.new_tensor([1.0, -2 * np.cos(w), 1.0]), x.new_tensor([1.0, 0.0]))
    expected = np.sin(w * (np.arange(1000) + 1)) / np.sin(w)
    np.testing.assert_allclose(y[0], expected, rtol=0, atol=1e-9)


@pytest.mark.usefixtures("both_forms")
def test_thirty_one_sections():
    sos = torch.cat([design_peak(20 * 2 ** (i / 3), 48_000, gain_db=3.0 * (-1) ** i, q=4.3)
                     for i in range(31)])  # fmt: skip
    x = randn(1, 5000)
    expected, expected_zf = scipy_sosfilt(x, sos)
    y, zf = sosfilt(x, sos)
    assert_near(y, expected)
    assert_near(zf, expected_zf)
    assert error_db(sosfilt(x.float(), sos)[0], scipy_sosfilt(x.float(), sos)[0]) < -100


def test_leading_dimensions_broadcast():
    x = randn(4, 2, 300)
    sos = torch.stack([design_low_pass(f, 44_100) for f in (100.0, 500.0, 2000.0, 9000.0)])
    zi = randn(4, 1, 1, 2)
    y, zf = sosfilt(x, sos[:, None], zi)  # a filter and a state an item, shared by its channels
    assert zf.shape == (4, 2, 1, 2)
    for i in range(4):
        expected, expected_zf = scipy_sosfilt(x[i], sos[i], zi[i])
        assert_near(y[i], expected)
        assert_near(zf[i], expected_zf, 1e-9)


@pytest.mark.parametrize("time", [3, BLOCK, BLOCK + 5])
def test_gradients(time):
    sos = torch.cat((design_low_pass(3000.0, 44_100), design_peak(900.0, 44_100, gain_db=6, q=2.0)))
    arguments = tuple(t.requires_grad_() for t in (randn(2, time), sos, randn(2, 2, 2)))
    torch.autograd.gradcheck(sosfilt, arguments, fast_mode=time > 3, check_forward_ad=time == 3)
    torch.autograd.gradgradcheck(sosfilt, arguments, fast_mode=True)


@pytest.mark.usefixtures("both_forms")
def test_the_adjoint_is_the_filter_run_backwards():
    """Over 1000 samples: the gradient to x of <w, y> is w filtered from its end on."""
    x, w = randn(1, 1000).requires_grad_(), randn(1, 1000)
    (sosfilt(x, six_bands())[0] * w).sum().backward()
    expected, _ = scipy_sosfilt(w.flip(-1), six_bands())
    np.testing.assert_allclose(x.grad.flip(-1), expected, rtol=0, atol=1e-10)


@pytest.mark.usefixtures("both_forms")
@pytest.mark.parametrize("time", [5 * BLOCK, 20_001, 17 * BLOCK])
def test_gradients_of_a_section_at_length(time):
    """dy/db_k is z^-k / A applied to x, and dy/da_k the same to -y; dy/dzi_k is an echo of zi_k."""
    x, w, zi = randn(2, time), randn(2, time), torch.zeros(2, 1, 2).double().requires_grad_()
    sos = design_peak(300.0, 44_100, gain_db=6.0, q=3.0).requires_grad_()
    y, _ = sosfilt(x, sos, zi)
    (y * w).sum().backward()
    a = sos.detach()[0, 3:].numpy()
    expected = [
        (scipy.signal.lfilter(np.eye(3)[k], a, signal) * w.numpy()).sum()
        for signal in (x.numpy(), -y.detach().numpy())
        for k in range(3)
    ]
    np.testing.assert_allclose(sos.grad[0], expected, rtol=1e-9)
    for k in range(2):
        echo, _ = scipy_sosfilt(0 * x, sos.detach(), np.eye(2)[k])
        np.testing.assert_allclose(zi.grad[:, 0, k], (echo * w.numpy()).sum(-1), rtol=1e-9)


@pytest.mark.usefixtures("both_forms")
@pytest.mark.parametrize("freq_hz, rate, q", [(20.0, 192_000, 0.7), (20.0, 192_000, 20.0),
                                              (1000.0, 44_100, 2.0)])  # fmt: skip
def test_float32_gradients_are_those_of_float64(freq_hz, rate, q):
    """To a part of the sum's terms, not of the sum.

    The gradient of <w, y> to a parameter p is <w, dy/dp>, a sum whose terms cancel by chance.
    Each carries a rounding or a few of float32 (-144 dB), and together the terms are no larger
    than |w| |dy/dp| (Cauchy and Schwarz): of that a few roundings may be lost, in any order.
    """
    values, signal, w = torch.tensor([freq_hz, 6.0, q]).double(), randn(2, 100_001), randn(2, 1)

    def filtered(x, freq, gain_db, width):
        sections = (
            design_low_shelf(freq, rate, gain_db=gain_db),
            design_peak(freq, rate, gain_db=-gain_db, q=width),
        )
        return sosfilt(x, torch.cat(sections))[0]

    results = []
    for dtype in (torch.float32, torch.float64):
        x = signal.float().to(dtype).requires_grad_()
        parameters = [v.clone().requires_grad_() for v in values]
        weights = (w * signal.flip(-1)).float().to(dtype)
        loss = (filtered(x, *parameters) * weights).sum()
        results.append(torch.autograd.grad(loss, (x, *parameters)))
    (x_grad, *got), (expected_x_grad, *expected) = results
    assert error_db(x_grad, expected_x_grad.numpy()) < -110
    for got_p, expected_p, direction in zip(got, expected, torch.eye(3).double(), strict=True):
        along = functools.partial(filtered, x.detach())
        _, slope = torch.func.jvp(along, tuple(values), tuple(direction))
        terms = weights.norm() * slope.norm()
        assert 20 * torch.log10((got_p - expected_p).abs() / terms) < -130


@pytest.mark.long
def test_an_hour_of_float32():
    """SciPy in float64 goes along minute by minute."""
    rate, minute = 44_100, 44_100 * 60
    x = torch.randn(1, 60 * minute).add_(0.1)
    sos = torch.cat((six_bands(), design_low_shelf(20.0, rate, gain_db=12.0, q=2.0)))
    y, _ = sosfilt(x, sos)
    zi, error, peak = None, 0.0, 0.0
    for part, filtered in zip(x.split(minute, -1), y.split(minute, -1), strict=True):
        expected, zi = scipy_sosfilt(part, sos, zi)
        error = max(error, np.abs(filtered.double().numpy() - expected).max())
        peak = max(peak, np.abs(expected).max())
    assert 20 * np.log10(error / peak) < -100


def test_forward_mode_by_value():
    """A filter is linear in signal and state; in a gain b0 = b1 = b2 of a section as well."""
    x, dx, sos = randn(2, 300), randn(2, 300), six_bands()
    zi, dzi = randn(2, 6, 2), randn(2, 6, 2)
    _, (dy, dzf) = torch.func.jvp(lambda x, zi: sosfilt(x, sos, zi), (x, zi), (dx, dzi))
    y, zf = sosfilt(dx, sos, dzi)
    torch.testing.assert_close(dy, y, rtol=0, atol=1e-11)
    torch.testing.assert_close(dzf, zf, rtol=0, atol=1e-11)
    dsos = torch.zeros_like(sos)
    dsos[0, :3] = sos[0, :3]
    _, dy = torch.func.jvp(lambda sos: sosfilt(x, sos)[0], (sos,), (dsos,))
    torch.testing.assert_close(dy, sosfilt(x, sos)[0], rtol=0, atol=1e-10)


def test_vmap_over_signals_sections_and_states():
    x, zi = randn(3, 2, 200), randn(3, 2, 1, 2)
    sos = torch.stack([design_low_pass(f, 44_100) for f in (100.0, 500.0, 2000.0)])
    y, zf = torch.vmap(sosfilt)(x, sos, zi)
    for i in range(3):
        expected, expected_zf = sosfilt(x[i], sos[i], zi[i])
        torch.testing.assert_close(y[i], expected)
        torch.testing.assert_close(zf[i], expected_zf)


def test_hessians_and_gradients_of_items():
    x, w = randn(2, 150), randn(150)

    def loss(parameters, x):
        freq_hz, gain_db = parameters
        y, _ = sosfilt(x, design_peak(freq_hz, 44_100, gain_db=gain_db, q=2.0))
        return (y.square() * w).sum()

    parameters = torch.tensor([[900.0, 3.0], [4000.0, -6.0]], dtype=torch.float64)
    hessians = torch.vmap(torch.func.hessian(loss))(parameters, x)
    gradients = torch.vmap(torch.func.grad(loss))(parameters, x)
    for i in range(2):
        item = lambda p, i=i: loss(p, x[i])  # noqa: E731
        expected = torch.autograd.functional.hessian(item, parameters[i])
        torch.testing.assert_close(hessians[i], expected)
        expected = torch.autograd.functional.jacobian(item, parameters[i])
        torch.testing.assert_close(gradients[i], expected)


def test_exported_equals_eager():
    class Filter(torch.nn.Module):
        def forward(self, x, sos):
            return sosfilt(x, sos)

    arguments = randn(2, 1500), six_bands()
    exported = torch.export.export(Filter(), arguments).module()
    for got, expected in zip(exported(*arguments), sosfilt(*arguments), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


def test_compiled_equals_eager():
    torch.compiler.reset()
    results = []
    values = randn(2, 200), six_bands()[:2], randn(2, 2, 2)
    for function in (sosfilt, torch.compile(sosfilt, fullgraph=True, backend="aot_eager")):
        arguments = [value.clone().requires_grad_() for value in values]
        y, zf = function(*arguments)
        (y.square().sum() + zf.square().sum()).backward()
        results.append([y.detach(), zf.detach(), *(argument.grad for argument in arguments)])
    for eager, compiled in zip(*results, strict=True):
        torch.testing.assert_close(compiled, eager, rtol=1e-9, atol=1e-9)


def test_errors_name_the_argument():
    x = torch.zeros(2, 100)
    with pytest.raises(ValueError, match=r"sos: expected shape \(..., sections, 6\), got \(6,\)"):
        sosfilt(x, torch.zeros(6))
    with pytest.raises(ValueError, match=r"zi: expected shape \(..., 6, 2\), got \(6, 1\)"):
        sosfilt(x, six_bands(), torch.zeros(6, 1))
