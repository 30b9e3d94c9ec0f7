"""Responses of strips, their derivatives, and descents to the least error."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dasp.estimation.unmixing import linear_strips
from dasp.estimation.unmixing.cross_spectra import cross_spectra
from dasp.estimation.unmixing.linear_strips import (
    coordinates,
    fit_strips,
    linear_error,
    plain_strips,
    read_coordinates,
    relative_changes,
    strip_responses,
)

RATE = 22_050
FREQ_HZ = torch.tensor([20.0, 150.0, 700.0, 3000.0, 9000.0], dtype=torch.float64)


@pytest.fixture(scope="module")
def strips():
    """Two of them, in which everything does something."""
    draw = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.rand(*shape, dtype=torch.float64, generator=draw)

    plain = plain_strips(0.5 + random(2, 2))
    return replace(
        plain,
        delay_samples=3 * random(2) - 1,
        high_pass_hz=60 + 100 * random(2),
        high_pass_on=torch.tensor([True, False]),
        eq_gain_db=12 * random(2, 6) - 6,
        eq_freq_hz=plain.eq_freq_hz * (0.6 + 0.6 * random(2, 6)),
        eq_q=0.5 + random(2, 6),
    )


def stereo_responses(theta, strips, freq_hz):
    return theta[:, :2].T[..., None] * read_coordinates(theta, strips).responses(freq_hz, RATE)


def test_responses_are_those_of_the_sections(strips):
    N, D = np.ones((2, 5), complex), np.ones((2, 5), complex)
    z = np.exp(-2j * np.pi * FREQ_HZ.numpy() / RATE)
    for b0, b1, b2, a0, a1, a2 in strips.sections(RATE).permute(1, 2, 0)[..., None].numpy():
        N, D = N * (b0 + b1 * z + b2 * z**2), D * (a0 + a1 * z + a2 * z**2)
    late = z ** strips.delay_samples[:, None].numpy()
    np.testing.assert_allclose(strips.responses(FREQ_HZ, RATE).numpy(), N / D * late, rtol=1e-9)


def test_derivatives_are_those_of_automatic_differentiation(strips):
    theta = coordinates(strips, RATE)[0]

    def responses(theta):
        return torch.view_as_real(read_coordinates(theta, strips).responses(FREQ_HZ, RATE))

    C, logarithmic = relative_changes(theta, strips, FREQ_HZ, RATE)
    torch.testing.assert_close(torch.view_as_real(C), responses(theta))
    J = torch.view_as_real(C[:, None] * logarithmic)
    expected = torch.autograd.functional.jacobian(responses, theta)
    for k in range(2):
        own = expected[k, ..., k, 2:].permute(2, 0, 1)
        torch.testing.assert_close(J[k], own, atol=1e-7, rtol=1e-6)
        assert expected[k, ..., 1 - k, :].abs().max() == 0


@pytest.mark.parametrize("channels", [1, 2])
def test_the_equations_are_those_of_the_written_out_jacobian(strips, channels):
    """Of all settings of both tracks, by automatic differentiation, and products one by one."""
    draw = torch.Generator().manual_seed(2)
    tracks = torch.randn(2, channels, 20_000, dtype=torch.float64, generator=draw)
    mix = torch.randn(2, 20_000, dtype=torch.float64, generator=draw)
    spectra = cross_spectra(tracks, mix, RATE)
    theta = coordinates(strips, RATE)[0]

    def coefficients(theta):
        H = stereo_responses(theta, strips, spectra.freq_hz)
        return torch.view_as_real(spectra.coefficients(H))

    J = torch.autograd.functional.jacobian(coefficients, theta).flatten(-2).movedim(-1, 0)
    J = torch.view_as_complex(J.contiguous())  # (settings, 2, tracks, n)
    c = torch.view_as_complex(coefficients(theta))
    matrix = torch.stack([(J.conj() * spectra.reached(j)).real.sum((1, 2, 3)) for j in J])
    slope = (J.conj() * (spectra.reached(c) - spectra.mix)).real.sum((1, 2, 3))
    handed = []

    def solver(objective, u, **options):
        handed.append(objective.equations(u))
        return u

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear_strips, "levenberg_marquardt", solver)
        fit_strips(spectra, strips, ("gain", "delay", "high_pass", "eq"))
    (found,) = handed
    scale = matrix.diagonal().sqrt()
    torch.testing.assert_close(
        found.matrix * spectra.power / (scale[:, None] * scale).clamp(min=1e-30),
        matrix / (scale[:, None] * scale).clamp(min=1e-30), atol=1e-6, rtol=0,
    )  # fmt: skip
    torch.testing.assert_close(
        found.slope * spectra.power / scale.clamp(min=1e-30), slope / scale.clamp(min=1e-30),
        atol=1e-5 * slope.abs().max().item(), rtol=1e-5,
    )  # fmt: skip


def test_what_is_off_does_not_change(strips):
    _, changes = relative_changes(coordinates(strips, RATE)[0], strips, FREQ_HZ, RATE)
    high_pass = changes[:, 1]
    assert high_pass[0].abs().max() > 0.1 and high_pass[1].abs().max() == 0


def test_a_descent_ends_at_the_answer_and_not_beside_it(strips):
    """The price of settings falls as the error does, so that none is left in the answer."""
    draw = torch.Generator().manual_seed(1)
    tracks = torch.randn(2, 1, 40_000, dtype=torch.float64, generator=draw)
    spectra = cross_spectra(tracks, tracks[0].expand(2, -1), RATE)
    H = spectra.coefficients(strip_responses(strips, spectra))
    reached = spectra.reached(H)
    spectra = spectra._replace(mix=reached, power=(H.conj() * reached).real.sum())
    start = replace(strips, eq_gain_db=0.7 * strips.eq_gain_db)
    found = fit_strips(spectra, start, ("gain", "delay", "high_pass", "eq"), steps=100)
    assert linear_error(spectra, start) > 1e-2 and linear_error(spectra, found) < 1e-11
