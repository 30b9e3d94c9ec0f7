"""Responses of strips, their derivatives, and descents to the least error."""

from dataclasses import replace

import pytest
import torch

from dasp.estimation.unmixing.cross_spectra import cross_spectra
from dasp.estimation.unmixing.linear_strips import (
    coordinates,
    fit_strips,
    jacobian,
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


def test_derivatives_are_those_of_automatic_differentiation(strips):
    theta = coordinates(strips, RATE)[0]

    def responses(theta):
        moved = read_coordinates(theta, strips)
        return torch.view_as_real(theta[:, :2].T[..., None] * moved.responses(FREQ_HZ, RATE))

    H, J = jacobian(theta, strips, FREQ_HZ, RATE)
    torch.testing.assert_close(torch.view_as_real(H), responses(theta))
    expected = torch.autograd.functional.jacobian(responses, theta)
    for k in range(2):
        own = expected[:, k, :, :, k].permute(0, 3, 1, 2).contiguous()
        torch.testing.assert_close(J[:, k], torch.view_as_complex(own), atol=1e-7, rtol=1e-6)
        others = expected[:, k, :, :, 1 - k]
        assert others.abs().max() == 0


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
