"""What is put right before a strip, against arithmetic that is written out."""

import math

import pytest
import torch

from dasp.mixing import Mix, Preparation, Stage, Track, mix_down
from dasp.processors.catalogue import COMPRESSOR, STEREO_PANNER

RATE = 44_100


def test_offset_mono_polarity_and_delay_come_in_this_order():
    t = torch.arange(4000) / RATE
    left, right = torch.sin(2 * math.pi * 500 * t) + 0.25, torch.sin(2 * math.pi * 500 * t) - 0.5
    prepare = Preparation((0.25, -0.5), mono=True, inverted=True, delay_samples=2.5)
    y = prepare.run(torch.stack((left, right)), RATE)
    expected = -torch.sin(2 * math.pi * 500 * (t - 2.5 / RATE))
    assert y.shape == (1, 4000)
    torch.testing.assert_close(y[0, 100:-100], expected[100:-100], atol=1e-4, rtol=0)


def test_a_track_is_prepared_before_its_strip_and_for_those_that_listen_to_it():
    """Two channels of one are panned as one; a side chain hears no offset."""
    strip = (Stage(STEREO_PANNER, {"pan": 1.0}),)
    listens = (Stage(COMPRESSOR, {"threshold_db": -40.0, "ratio": 10.0}, sidechain="a"),)
    key, other = torch.full((2, 3000), 0.9), 0.1 * torch.ones(1, 3000)
    prepare = Preparation((0.9, 0.9), mono=True)
    mix = Mix(RATE, (Track("a", strip=strip, prepare=prepare), Track("b", strip=listens)))
    torch.testing.assert_close(mix_down([key, other], mix), other.expand(2, -1))
    panned = Mix(RATE, (Track("a", strip=strip, prepare=Preparation(mono=True)),))
    y = mix_down([key], panned)
    torch.testing.assert_close(y[1], key[0])
    assert y[0].abs().max() < 1e-6


def test_each_correction_is_taken_back_alone():
    because = {"offset": "a", "mono": "b", "polarity": "c", "delay": "d", "mute": "e"}
    whole = Preparation((0.5,), True, True, 3.0, because)
    left = whole
    for name, plain in (
        ("polarity", {"inverted": False}), ("delay", {"delay_samples": 0.0}), ("mono", {"mono": 0}),
        ("offset", {"offset": ()}), ("mute", {}),
    ):  # fmt: skip
        left = left.without(name)
        assert name not in left.because
        assert all(getattr(left, key) == value for key, value in plain.items())
    assert left == Preparation() and not left and whole
    with pytest.raises(ValueError, match="correction: expected"):
        whole.without("pan")


def test_as_many_offsets_as_channels():
    mix = Mix(RATE, (Track("a"), Track("b", prepare=Preparation((0.1, 0.1)))))
    with pytest.raises(ValueError, match=r"tracks\[1\].prepare: offset: expected one"):
        mix_down([torch.zeros(1, 9)] * 2, mix)
