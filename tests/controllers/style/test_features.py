"""What the effect encoder hears: known levels, widths and sides of known signals."""

import pytest
import torch

from dasp.controllers.console.features import BANDS
from dasp.controllers.style.features import CHANNELS, effect_features
from dasp.signal.resample import resample

RATE = 44_100
MID, WIDTH, TO_LEFT = (slice(i * BANDS, (i + 1) * BANDS) for i in range(3))


@pytest.fixture
def noise():
    return 0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(0))


def test_six_decibels_are_three_tenths_of_a_unit(noise):
    change = effect_features(noise * 10 ** (6 / 20), RATE) - effect_features(noise, RATE)
    torch.testing.assert_close(change[MID], torch.full_like(change[MID], 0.3), atol=1e-3, rtol=0)
    assert change[WIDTH].abs().max() < 1e-3 and change[TO_LEFT].abs().max() < 1e-3
    assert change[-2].mean() == pytest.approx(0.3, abs=1e-4)
    assert change[-1].abs().max() < 1e-4  # the crest factor


def test_a_mono_signal_has_no_width_and_no_side(noise):
    heard = effect_features(noise[:1].expand(2, -1), RATE)
    assert (heard[WIDTH] + 2).abs().max() < 0.01  # -40 dB
    assert heard[TO_LEFT].abs().max() < 1e-4


def test_left_alone_is_thirty_decibels_to_the_left_and_as_wide_as_the_mid(noise):
    left = effect_features(noise * torch.tensor([[1.0], [0.0]]), RATE)
    assert (left[TO_LEFT] - 1.5).abs().max() < 0.01
    assert left[WIDTH].abs().max() < 0.01
    right = effect_features(noise * torch.tensor([[0.0], [1.0]]), RATE)
    torch.testing.assert_close(right[TO_LEFT], -left[TO_LEFT], atol=0.2, rtol=0)


def test_the_crest_of_a_sine_is_three_decibels():
    sine = torch.sin(torch.arange(RATE) * 0.31).expand(2, -1)
    crest = effect_features(sine, RATE)[-1]
    assert (crest - 0.301).abs().max() < 0.01


def test_another_rate_has_the_same_bands(noise):
    smooth = resample(resample(noise, RATE, 22_050), 22_050, RATE)
    here, there = (
        effect_features(smooth, RATE),
        effect_features(resample(smooth, RATE, 48_000), 48_000),
    )
    means = [x[MID][:40].mean(-1) for x in (here, there)]
    torch.testing.assert_close(*means, atol=0.05, rtol=0)


def test_silence_and_one_sample_are_finite_and_have_finite_gradients():
    for x in (torch.zeros(2, RATE), torch.ones(2, 1), torch.zeros(3, 2, 10)):
        x.requires_grad_()
        heard = effect_features(x, RATE)
        assert heard.shape[-2] == CHANNELS and heard.isfinite().all()
        assert torch.autograd.grad(heard.sum(), x)[0].isfinite().all()


def test_one_channel_is_refused():
    with pytest.raises(ValueError, match="x: expected 2 channels"):
        effect_features(torch.zeros(1, RATE), RATE)
