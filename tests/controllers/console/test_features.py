"""What is heard of a track: at any level and rate, in its pauses and not."""

import math

import pytest
import torch

from dasp.controllers.console.features import (
    BANDS,
    FRAMES,
    busiest_part,
    hear,
    mel_filterbank,
)

RATE = 22_050


def tone(hz: float, seconds: float, rate: int = RATE) -> torch.Tensor:
    return 0.1 * torch.sin(2 * math.pi * hz * torch.arange(round(seconds * rate)) / rate)[None]


def test_the_level_of_a_recording_is_not_heard():
    draw = torch.Generator().manual_seed(0)
    x = 0.1 * torch.randn(1, 3 * RATE, generator=draw).cumsum(-1).diff(
        n=1, prepend=torch.zeros(1, 1)
    )
    loud, faint = hear([x, 0.003 * x], RATE).pictures
    torch.testing.assert_close(loud, faint, atol=1e-3, rtol=0)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_tone_is_in_the_band_of_its_mel_at_every_rate(rate):
    """O'Shaughnessy's mel is 2595 log10(1 + f / 700); bands are evenly spaced on it."""
    (picture,) = hear([tone(1000, 3.0, rate)], rate, windows=1).pictures
    low, high, own = (2595 * math.log10(1 + f / 700) for f in (30, 16_000, 1000))
    expected = (own - low) / (high - low) * (BANDS + 1) - 1
    assert abs(picture[0, :, 20:100].mean(-1).argmax().item() - expected) <= 0.6


def test_bands_above_the_nyquist_frequency_are_empty():
    noise = torch.randn(1, 3 * 16_000, generator=torch.Generator().manual_seed(0))
    (picture,) = hear([noise], 16_000, windows=1).pictures
    empty = mel_filterbank(513, 16_000).sum(0) == 0
    assert 5 < empty.sum() < 20
    assert (picture[0, empty] == -1).all() and (picture[0, ~empty, :100] > 0).all()


def test_pauses_are_known_and_the_busiest_seconds_are_taken():
    """Ten seconds of nothing, four of a tone, and noise 60 dB under it, which is a pause."""
    noise = 1e-4 * torch.randn(1, 10 * RATE, generator=torch.Generator().manual_seed(0))
    x = torch.cat((torch.zeros(1, 10 * RATE), tone(440, 4.0), noise), -1)
    heard = hear([x, torch.zeros_like(x)], RATE, windows=2)
    assert heard.pictures.shape == (2, 2, BANDS, FRAMES)
    assert heard.audible.tolist() == [True, False]
    torch.testing.assert_close(heard.numbers[0, 1].item(), 4 / 24, atol=0.01, rtol=0)
    seconds = FRAMES * 0.0232
    assert heard.playing[0].sum() > 0.8 * 4 / seconds * FRAMES, "both windows with the tone"
    assert (heard.pictures[1] == -1).all()


def test_width_is_the_share_of_the_side():
    left, right = torch.randn(2, 1, RATE, generator=torch.Generator().manual_seed(0))
    stereo = torch.cat((left, right))
    widths = hear([left, stereo, torch.cat((left, left))], RATE).numbers[:, 0]
    torch.testing.assert_close(widths, torch.tensor([0.0, 0.5, 0.0]), atol=0.02, rtol=0)


@pytest.mark.parametrize("samples", [0, 1, 700])
def test_tracks_may_be_short(samples):
    heard = hear([torch.full((1, samples), 0.1)], RATE)
    assert heard.pictures.shape == (1, 4, BANDS, FRAMES)
    assert heard.audible.tolist() == [samples > 0]


def test_of_a_long_track_the_part_is_heard_in_which_it_plays():
    """A tone of eight seconds in the second minute, before which another sounds 60 dB softer."""
    x = torch.cat((1e-3 * tone(3000, 70.0), tone(400, 8.0), torch.zeros(1, 20 * RATE)), -1)
    part = busiest_part(x, RATE)
    assert 27 * RATE < part.shape[-1] <= 30 * RATE
    assert part.square().sum() > 0.98 * x.square().sum()
    picture = hear([x], RATE, windows=2).pictures[0]
    assert (picture.mean(-1).argmax(-1) < 20).all()
    share = hear([x], RATE).numbers[0, 1].item()
    torch.testing.assert_close(share, 8 / 98, atol=0.005, rtol=0)
