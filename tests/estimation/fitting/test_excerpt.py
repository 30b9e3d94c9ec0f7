"""What a fit hears."""

import torch

from dasp.estimation.fitting.excerpt import Excerpt

RATE = 1000


def test_the_first_loud_part_with_what_comes_before_it():
    dry = torch.randn(1, 10 * RATE)
    processed = 0.01 * dry
    processed[:, 6000:] *= 100
    excerpt = Excerpt(dry[None], processed, RATE, seconds=1.0)
    start = 5500  # half of the second from there on is loud
    assert excerpt.lead_in == 250
    found = [n for n in (start, start + 125) if excerpt.target.equal(processed[:, n : n + RATE])]
    assert len(found) == 1
    torch.testing.assert_close(excerpt.heard(excerpt.dry)[0], dry[:, found[0] : found[0] + RATE])


def test_the_squares_of_the_residual_are_the_error_to_signal_ratio():
    dry = torch.randn(2, 500)
    excerpt = Excerpt(dry[None], dry, RATE, seconds=2.0)
    assert excerpt.lead_in == 0 and excerpt.target.shape == dry.shape
    error = excerpt.residual(torch.stack((1.1 * dry, 0 * dry))).square().sum(-1)
    torch.testing.assert_close(error, torch.tensor([0.01, 1.0]))
    torch.testing.assert_close(
        excerpt.error(torch.stack((1.1 * dry, 0 * dry))), torch.tensor([0.01, 1.0]).double()
    )
