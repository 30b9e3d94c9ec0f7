"""The Dirichlet distribution with absent tracks, beside torch's own without."""

import pytest
import torch

from dasp.controllers.deep_mixing.dirichlet import Dirichlet, draw, mean

SHARE = torch.tensor([[0.5, 0.0, 0.3, 0.2]]).double()
PRESENT = SHARE > 0


def of(concentration, share=SHARE):
    return Dirichlet(share, torch.full((len(share),), concentration).double(), share > 0)


def test_the_density_is_that_of_the_tracks_that_there_are():
    drawn = torch.tensor([[0.25, 0.0, 0.25, 0.5]]).double()
    other = torch.distributions.Dirichlet(12 * SHARE[PRESENT])
    torch.testing.assert_close(of(12.0).log_density(drawn), other.log_prob(drawn[PRESENT])[None])


def test_draws_have_the_mean_and_the_variance_of_the_distribution():
    torch.manual_seed(0)
    drawn = draw(of(9.0, SHARE.expand(20_000, -1)))
    assert drawn.sum(-1).sub(1).abs().max() < 1e-9
    assert (drawn[:, 1] == 0).all() and (drawn[:, [0, 2, 3]] > 0).all()
    torch.testing.assert_close(drawn.mean(0), SHARE[0], atol=0.005, rtol=0)
    expected = SHARE[0] * (1 - SHARE[0]) / (9 + 1)
    torch.testing.assert_close(drawn.var(0), expected, atol=0.001, rtol=0)


def test_the_gradient_through_draws_is_that_of_their_mean():
    """E[a] = share: the gradient of the mean of a share to itself is one, to the others none."""
    torch.manual_seed(0)
    alpha = torch.tensor([3.0, 2.0]).double().requires_grad_()
    total = alpha.sum()
    many = Dirichlet((alpha / total).expand(40_000, 2), total.expand(40_000), PRESENT[:1, :1])
    (gradient,) = torch.autograd.grad(draw(many)[:, 0].mean(), alpha)
    (expected,) = torch.autograd.grad((alpha / alpha.sum())[0], alpha)
    torch.testing.assert_close(gradient, expected, atol=0.003, rtol=0)


def test_the_mean_is_the_share():
    assert mean(of(3.0)) is SHARE


@pytest.mark.parametrize("concentration", [1.0, 30.0])
def test_a_draw_is_as_if_of_so_many_equal_tracks(concentration):
    """1 / E[sum a^2] of 8 equal tracks: 1.8 where the parameters sum to 1, as those of a softmax
    alone do, and 6.5 where they sum to 30."""
    torch.manual_seed(0)
    drawn = draw(of(concentration, torch.full((20_000, 8), 1 / 8).double()))
    expected = (concentration / 8 + 1) / (concentration + 1)
    assert drawn.square().sum(-1).mean().item() == pytest.approx(expected, rel=0.02)
