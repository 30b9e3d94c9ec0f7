import pytest
import torch

import dasp.functional as F
from dasp.mixing.mixdown import mix_down, mix_stems, through_master
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import COMPRESSOR, DELAY, GAIN, STEREO_PANNER, STEREO_WIDENER
from dasp.processors.stage import Stage

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


def test_stems_through_the_master_are_the_mix():
    """Tracks without a group, groups and buses; with a side chain in the master."""
    tracks = [0.3 * torch.randn(1 + i % 2, 4000) for i in range(4)]
    wet = (Stage(DELAY, {"mix": 1.0, "time_ms": 20.0}),)
    pressed = (Stage(COMPRESSOR, {"ratio": 4.0, "threshold_db": -30.0}),)
    mix = Mix(
        RATE,
        (
            Track("a", strip=(Stage(STEREO_PANNER, {"pan": -0.5}),), group="g"),
            Track("b", strip=(Stage(GAIN, {"gain_db": -6.0}),), group="g", sends_db={"r": -3.0}),
            Track("c", strip=pressed, sends_db={"r": -9.0}),
            Track("d"),
        ),
        (pressed[0]._replace(sidechain="a"), Stage(GAIN, {"gain_db": 3.0})),
        (Channel("g", pressed),),
        (Channel("r", wet),),
    )
    stems = mix_stems(tracks, mix)
    assert [(s.kind, s.name, s.to_master) for s in stems] == [
        ("track", "a", False), ("track", "b", False), ("track", "c", True), ("track", "d", True),
        ("group", "g", True), ("bus", "r", True),
    ]  # fmt: skip
    by_name = {stem.name: stem.audio for stem in stems}
    torch.testing.assert_close(by_name["b"], (tracks[1] * 10 ** (-6 / 20)).expand(2, -1))
    grouped = COMPRESSOR(by_name["a"] + by_name["b"], RATE, **pressed[0].settings)
    torch.testing.assert_close(by_name["g"], grouped)
    total = by_name["c"] + by_name["d"] + by_name["g"] + by_name["r"]
    heard = tracks[0].expand(2, -1)
    master = COMPRESSOR(total, RATE, **pressed[0].settings, sidechain=heard) * 10 ** (3 / 20)
    torch.testing.assert_close(mix_down(tracks, mix), master, atol=1e-5, rtol=0)
    torch.testing.assert_close(through_master(stems, tracks, mix), mix_down(tracks, mix))
