"""Least squares, beside closed forms and SciPy."""

import numpy as np
import pytest
import scipy.optimize
import torch

from dasp.fitting.levenberg_marquardt import differences, forward_mode, levenberg_marquardt

T = torch.linspace(0, 4, 50, dtype=torch.float64)


def decay(u: torch.Tensor) -> torch.Tensor:
    """Two decays, which share their unknowns: a classic of curve fitting."""
    a, b, c = (u[..., i, None] for i in range(3))
    return a * torch.exp(-b * T) + c * torch.exp(-3 * b * T)


TRUE = torch.tensor([2.0, 0.7, -1.2], dtype=torch.float64)
START = torch.tensor([[1.0, 0.3, 0.0], [0.5, 1.5, 0.2]], dtype=torch.float64)


@pytest.mark.parametrize("derivative", [forward_mode, differences])
def test_every_start_finds_a_known_answer(derivative):
    target = decay(TRUE)
    found = levenberg_marquardt(
        lambda u: decay(u) - target, START, derivative, steps=60, goal=1e-24
    )
    assert (found - TRUE).abs().max(-1).values.min() < 1e-8
    torch.testing.assert_close(found, TRUE.expand(2, 3), atol=1e-3, rtol=0)


def test_the_residual_that_remains_is_scipys():
    """With noise there is no perfect answer, and the pull towards the start must be small."""
    noise = 1e-3 * torch.randn(50, dtype=torch.float64)
    target = decay(TRUE) + noise
    found = levenberg_marquardt(lambda u: decay(u) - target, START[:1], forward_mode, steps=60)
    reference = scipy.optimize.least_squares(
        lambda u: (decay(torch.from_numpy(u)) - target).numpy(), START[0].numpy()
    )
    np.testing.assert_allclose(found[0].numpy(), reference.x, atol=1e-4)


def test_forward_mode_and_differences_agree_along_any_direction():
    directions = torch.randn(4, 3, dtype=torch.float64)
    exact, estimated = (f(decay, START, directions) for f in (forward_mode, differences))
    assert exact.shape == (4, 2, 50)
    torch.testing.assert_close(exact, estimated, atol=1e-4, rtol=1e-4)
    a, b, c = START[0]
    along_a = torch.exp(-b * T)
    along_b = -T * (a * torch.exp(-b * T) + 3 * c * torch.exp(-3 * b * T))
    along_c = torch.exp(-3 * b * T)
    by_hand = directions @ torch.stack((along_a, along_b, along_c))
    torch.testing.assert_close(exact[:, 0], by_hand)


def test_a_few_random_directions_at_a_time_arrive_too():
    target = decay(TRUE)
    generator = torch.Generator().manual_seed(0)

    def signs():
        return 2 * torch.randint(2, (2, 3), generator=generator).double() - 1

    found = levenberg_marquardt(
        lambda u: decay(u) - target, START, differences, steps=300, goal=1e-16, directions=signs
    )
    assert (found - TRUE).abs().max(-1).values.min() < 1e-5


def test_a_residual_that_is_not_a_number_is_not_stepped_to():
    def residual(u):
        return torch.where(u > 0.5, u - 1, torch.nan)

    found = levenberg_marquardt(
        residual, torch.full((1, 1), 3.0, dtype=torch.float64), forward_mode, steps=30
    )
    assert found.item() == pytest.approx(1.0, abs=1e-6)
