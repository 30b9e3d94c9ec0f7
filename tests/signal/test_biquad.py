import math

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.signal.biquad import (
    design_all_pass,
    design_band_pass,
    design_butterworth_high_pass,
    design_butterworth_low_pass,
    design_high_pass,
    design_high_shelf,
    design_linkwitz_riley,
    design_low_pass,
    design_low_shelf,
    design_notch,
    design_peak,
    frequency_response,
)

RATE = 48_000
CORNERS = [20.0, 1000.0, 12_000.0, 23_000.0]


def shelf(gain_db, q):
    amplitude = 10 ** (gain_db / 40)
    return amplitude, math.sqrt(amplitude) / q


# The analogue prototypes, (b, a) in falling powers of s, whose bilinear transforms the designs are.
ANALOGUE = {
    design_low_pass: lambda q: ([1], [1, 1 / q, 1]),
    design_high_pass: lambda q: ([1, 0, 0], [1, 1 / q, 1]),
    design_band_pass: lambda q: ([1 / q, 0], [1, 1 / q, 1]),
    design_notch: lambda q: ([1, 0, 1], [1, 1 / q, 1]),
    design_all_pass: lambda q: ([1, -1 / q, 1], [1, 1 / q, 1]),
}


def analogue_peak(gain_db, q):
    amplitude = 10 ** (gain_db / 40)
    return [1, amplitude / q, 1], [1, 1 / (amplitude * q), 1]


def analogue_low_shelf(gain_db, q):
    amplitude, slope = shelf(gain_db, q)
    return [amplitude, amplitude * slope, amplitude**2], [amplitude, slope, 1]


def analogue_high_shelf(gain_db, q):
    amplitude, slope = shelf(gain_db, q)
    return [amplitude**2, amplitude * slope, amplitude], [1, slope, amplitude]


ANALOGUE_WITH_GAIN = {
    design_peak: analogue_peak,
    design_low_shelf: analogue_low_shelf,
    design_high_shelf: analogue_high_shelf,
}
EVERY_DESIGN = [*ANALOGUE, *ANALOGUE_WITH_GAIN]


def digital(b, a, freq_hz):
    """SciPy's bilinear transform, prewarped so that s = j falls on `freq_hz`."""
    b, a = scipy.signal.bilinear(b, a, fs=1 / (2 * math.tan(math.pi * freq_hz / RATE)))
    return np.concatenate((np.pad(b, (3 - len(b), 0)), a))


def level_db(sos, freq_hz):
    response = frequency_response(sos, torch.tensor([freq_hz], dtype=torch.float64), RATE)
    return 20 * math.log10(response.abs().item())


@pytest.mark.parametrize("freq_hz", CORNERS)
@pytest.mark.parametrize("q", [0.1, math.sqrt(0.5), 20.0])
def test_coefficients_are_the_bilinear_transform_of_the_analogue_filter(freq_hz, q):
    for design, analogue in ANALOGUE.items():
        sos = design(freq_hz, RATE, q=q)
        assert sos.shape == (1, 6) and sos.dtype is torch.float64
        np.testing.assert_allclose(sos[0], digital(*analogue(q), freq_hz), rtol=0, atol=1e-10)
    for design, analogue in ANALOGUE_WITH_GAIN.items():
        for gain_db in (-24.0, 0.0, 6.0, 24.0):
            sos = design(freq_hz, RATE, gain_db=gain_db, q=q)
            expected = digital(*analogue(gain_db, q), freq_hz)
            np.testing.assert_allclose(sos[0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("gain_db", [-24.0, -1.0, 0.0, 12.0])
@pytest.mark.parametrize("freq_hz", CORNERS)
@pytest.mark.parametrize("q", [0.3, 1.0, 5.0])
def test_gains_where_they_are_promised(gain_db, freq_hz, q):
    nyquist = RATE / 2
    low = design_low_shelf(freq_hz, RATE, gain_db=gain_db, q=q)
    high = design_high_shelf(freq_hz, RATE, gain_db=gain_db, q=q)
    peak = design_peak(freq_hz, RATE, gain_db=gain_db, q=q)
    for sos, at_dc, at_corner, at_nyquist in (
        (low, gain_db, gain_db / 2, 0.0),
        (high, 0.0, gain_db / 2, gain_db),
        (peak, 0.0, gain_db, 0.0),
    ):
        assert level_db(sos, 0.0) == pytest.approx(at_dc, abs=1e-6)
        assert level_db(sos, freq_hz) == pytest.approx(at_corner, abs=1e-6)
        assert level_db(sos, nyquist) == pytest.approx(at_nyquist, abs=1e-6)


@pytest.mark.parametrize("freq_hz", CORNERS)
@pytest.mark.parametrize("q", [0.3, 5.0])
def test_the_gain_of_a_pass_filter_at_its_corner_is_q(freq_hz, q):
    for design in (design_low_pass, design_high_pass):
        assert level_db(design(freq_hz, RATE, q=q), freq_hz) == pytest.approx(20 * math.log10(q))
    assert level_db(design_band_pass(freq_hz, RATE, q=q), freq_hz) == pytest.approx(0, abs=1e-9)
    notch = frequency_response(
        design_notch(freq_hz, RATE, q=q), torch.tensor([freq_hz], dtype=torch.float64), RATE
    )
    assert notch.abs() < 1e-9


def test_the_band_is_freq_over_q_wide():
    """-3 dB points of an analogue band-pass; far below Nyquist the digital one has them too."""
    freq_hz, q = 100.0, 4.0
    half = freq_hz / (2 * q)
    centre = math.sqrt(freq_hz**2 + half**2)
    for edge_hz in (centre - half, centre + half):
        for design in (design_band_pass, design_notch):
            assert level_db(design(freq_hz, RATE, q=q), edge_hz) == pytest.approx(-3.0103, abs=1e-3)


@pytest.mark.parametrize("q", [0.5, 3.0])
def test_an_all_pass_only_turns_the_phase(q):
    sos = design_all_pass(3000.0, RATE, q=q)
    response = frequency_response(sos, torch.linspace(0, 24_000, 101), RATE)
    torch.testing.assert_close(response.abs(), torch.ones(101, dtype=torch.float64))
    turned = frequency_response(sos, torch.tensor([3000.0]), RATE)
    torch.testing.assert_close(turned, torch.tensor([-1.0], dtype=torch.complex128))


@pytest.mark.parametrize("order", range(1, 9))
@pytest.mark.parametrize("freq_hz", CORNERS)
def test_butterworth_equals_scipy(order, freq_hz):
    grid = torch.linspace(0, 24_000, 500, dtype=torch.float64)
    for kind, design in (
        ("lowpass", design_butterworth_low_pass),
        ("highpass", design_butterworth_high_pass),
    ):
        sos = design(freq_hz, RATE, order=order)
        assert sos.shape == ((order + 1) // 2, 6)
        expected = scipy.signal.butter(order, freq_hz, kind, fs=RATE, output="sos")
        _, response = scipy.signal.sosfreqz(expected, grid.numpy(), fs=RATE)
        np.testing.assert_allclose(
            frequency_response(sos, grid, RATE).numpy(), response, rtol=0, atol=1e-8
        )
        assert level_db(sos, freq_hz) == pytest.approx(-3.0103, abs=1e-4)


@pytest.mark.parametrize("order", [2, 4, 8])
@pytest.mark.parametrize("freq_hz", CORNERS)
def test_linkwitz_riley_sums_flat(order, freq_hz):
    low, high = design_linkwitz_riley(freq_hz, RATE, order=order)
    assert level_db(low, freq_hz) == pytest.approx(-6.0206, abs=1e-4)
    assert level_db(high, freq_hz) == pytest.approx(-6.0206, abs=1e-4)
    grid = torch.linspace(0, 24_000, 500, dtype=torch.float64)
    total = frequency_response(low, grid, RATE) + frequency_response(high, grid, RATE)
    torch.testing.assert_close(total.abs(), torch.ones_like(grid), rtol=0, atol=1e-8)
    # Each slope is that of its order: 6 dB per octave and order.
    low, high = design_linkwitz_riley(1000.0, 192_000, order=order)
    octave = torch.tensor([5.0, 10.0], dtype=torch.float64)
    below = 20 * frequency_response(high, octave, 192_000).abs().log10()
    assert (below[1] - below[0]).item() == pytest.approx(6.02 * order, abs=0.01 * order)


def test_the_response_of_a_cascade_equals_scipy():
    sos = torch.cat([design(500.0 * (i + 1), RATE, q=0.5 + i) for i, design in enumerate(ANALOGUE)])
    grid = np.linspace(0, RATE / 2, 333)
    _, expected = scipy.signal.sosfreqz(sos.numpy(), grid, fs=RATE)
    found = frequency_response(sos, torch.from_numpy(grid), RATE)
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12)


def test_arguments_broadcast():
    freq_hz, q = torch.tensor([[100.0], [200.0], [300.0]]), torch.tensor([0.5, 1, 2, 4])
    sos = design_peak(freq_hz, RATE, gain_db=3.0, q=q)
    assert sos.shape == (3, 4, 1, 6)
    assert torch.equal(sos[2, 1], design_peak(300.0, RATE, gain_db=3.0, q=1.0))
    assert torch.equal(design_low_pass([100.0, 200.0], RATE), design_low_pass(freq_hz[:2, 0], RATE))


@pytest.mark.parametrize("design", EVERY_DESIGN, ids=lambda design: design.__name__)
def test_gradients_of_the_designs(design):
    values = [torch.tensor([100.0, 9000.0]), torch.tensor([0.4, 3.0]), torch.tensor([-9.0, 5.0])]
    freq_hz, q, gain_db = (value.double().requires_grad_() for value in values)
    if design in ANALOGUE:
        torch.autograd.gradcheck(lambda f, q: design(f, RATE, q=q), (freq_hz, q))
    else:
        torch.autograd.gradcheck(
            lambda f, q, g: design(f, RATE, q=q, gain_db=g), (freq_hz, q, gain_db)
        )


@pytest.mark.parametrize("order", [1, 2, 5])
def test_gradients_of_the_cascades(order):
    freq_hz = torch.tensor([100.0, 9000.0], dtype=torch.float64, requires_grad=True)
    for design in (design_butterworth_low_pass, design_butterworth_high_pass):
        torch.autograd.gradcheck(lambda f, d=design: d(f, RATE, order=order), freq_hz)
    if order % 2 == 0:
        torch.autograd.gradcheck(lambda f: design_linkwitz_riley(f, RATE, order=order), freq_hz)


def test_errors_name_the_argument():
    for freq_hz in (0.0, -5.0, 24_000.0, math.nan, torch.tensor([100.0, 30_000.0])):
        with pytest.raises(ValueError, match="freq_hz: expected above 0 and below 24000"):
            design_low_pass(freq_hz, RATE)
        with pytest.raises(ValueError, match="freq_hz: expected above 0 and below 24000"):
            design_butterworth_low_pass(freq_hz, RATE, order=1)
    for q in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="q: expected above 0"):
            design_peak(100.0, RATE, gain_db=0.0, q=q)
    with pytest.raises(ValueError, match="order: expected at least 1, got 0"):
        design_butterworth_low_pass(100.0, RATE, order=0)
    with pytest.raises(ValueError, match="order: expected one of 2, 4, 8, got 3"):
        design_linkwitz_riley(100.0, RATE, order=3)
