import pytest
import torch

import dasp.functional as F
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Stage, Track
from dasp.processors.catalogue import COMPRESSOR, GAIN, STEREO_PANNER, STEREO_WIDENER

RATE = 44_100


def test_a_mix_is_the_sum_of_its_strips_through_the_master():
    mono, stereo, plain = torch.randn(1, 900), torch.randn(2, 900), torch.randn(1, 900)
    mix = Mix(
        RATE,
        (
            Track("mono", strip=(Stage(GAIN, {"gain_db": -6}), Stage(STEREO_PANNER, {"pan": -1}))),
            Track("stereo", strip=(Stage(STEREO_WIDENER, {"width": 0.5}),)),
            Track("plain"),
        ),
        (Stage(COMPRESSOR, {"ratio": 3.0}), Stage(GAIN, {"gain_db": 2.0})),
    )
    left = torch.cat((mono, torch.zeros_like(mono))) * 10 ** (-6 / 20)
    bus = left + F.stereo_widener(stereo, RATE, width=0.5) + plain
    expected = COMPRESSOR(bus, RATE, ratio=3.0) * 10 ** (2 / 20)
    torch.testing.assert_close(mix_down([mono, stereo, plain], mix), expected)


def test_gradients_reach_settings_and_tracks():
    gain_db = torch.tensor(0.0, requires_grad=True)
    track = torch.randn(1, 100, requires_grad=True)
    mix = Mix(RATE, (Track("a", strip=(Stage(GAIN, {"gain_db": gain_db}),)), Track("b")))
    mix_down([track, torch.randn(1, 100)], mix).square().sum().backward()
    assert gain_db.grad != 0 and (track.grad != 0).any()


def test_the_tracks_must_be_those_of_the_mix():
    with pytest.raises(ValueError, match="expected the 1 of the mix, got 2"):
        mix_down([torch.zeros(1, 9)] * 2, Mix(RATE, (Track("a"),)))
