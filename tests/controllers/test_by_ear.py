"""What the networks hear of a recording, and the strip that they set."""

import torch

from dasp.controllers.by_ear import RATE, Encoder, Estimator, Matcher, eq_and_compressor


def test_without_gains_and_at_ratio_1_nothing_is_done():
    x = 0.1 * torch.randn(2, 1, RATE // 2)
    y = eq_and_compressor(
        x, RATE, eq_gain_db=torch.zeros(2, 6), ratio=torch.ones(2), threshold_db=torch.tensor(-20.0)
    )
    torch.testing.assert_close(y, x, atol=1e-6, rtol=0)


def test_the_encoder_hears_a_gain_as_a_gain_and_no_polarity():
    x, encoder = 0.1 * torch.randn(2, 1, RATE // 2), Encoder()
    features, louder = encoder(x), encoder(2 * x)
    assert features.shape == (2, encoder.size)
    torch.testing.assert_close(encoder(-x), features, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        (louder - features)[:, -2:], torch.tensor([[0.301, 0.0]]).expand(2, 2), atol=1e-3, rtol=0
    )


def test_controls_are_within_their_ranges():
    x, reference = torch.randn(2, 3, 1, RATE // 4)
    for controls in (Estimator(8)(x), Matcher(8)(x, reference)):
        assert controls.shape == (3, 8)
        assert controls.min() > 0 and controls.max() < 1
