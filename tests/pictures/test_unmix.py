"""The picture of an unmixed song: levels of mix, reconstruction and rest."""

import pytest
import torch

pytest.importorskip("matplotlib")

from dasp.pictures import draw_unmix


def test_the_rest_is_what_the_reconstruction_lacks():
    """Of white noise, a reconstruction that is 1 % short of it leaves 40 dB less."""
    mix = torch.randn(2, 48_000)
    for axes in draw_unmix(mix, 0.99 * mix, 48_000).axes:
        whole, _, rest = (torch.as_tensor(line.get_ydata()) for line in axes.lines)
        torch.testing.assert_close(whole - rest, torch.full_like(rest, 40.0), atol=0.01, rtol=0)


def test_silence_has_a_level():
    for axes in draw_unmix(torch.zeros(2, 8000), torch.zeros(2, 8000), 8000).axes:
        assert all(torch.as_tensor(line.get_ydata()).isfinite().all() for line in axes.lines)
