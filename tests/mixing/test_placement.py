"""Levels and pans, from the gains that a panner made of them."""

import pytest
import torch

from dasp.functional import stereo_panner
from dasp.mixing.placement import gain_and_balance, gain_and_pan


@pytest.mark.parametrize("pan", [-1.0, -0.4, 0.0, 0.7, 1.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_gain_and_pan_are_what_the_panner_was_set_to(pan, channels):
    x = torch.ones(channels, 1, dtype=torch.float64)
    gains = 0.3 * stereo_panner(x, 44_100, pan=pan)[:, 0]
    gain, found = (gain_and_pan if channels == 1 else gain_and_balance)(gains)
    assert gain.item() == pytest.approx(0.3, rel=1e-6)
    assert found.item() == pytest.approx(pan, abs=1e-5)
