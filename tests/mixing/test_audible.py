"""Mute, solo and bypass: what is heard, against sums that are written out."""

import pytest
import torch

from dasp.mixing import Channel, Mix, Stage, Track, mix_down, mix_stems, switch
from dasp.mixing.audible import is_heard
from dasp.processors.catalogue import COMPRESSOR, GAIN

RATE = 8000
ROOM = (Stage(GAIN, {"gain_db": -20.0}),)
MIX = Mix(
    RATE,
    (
        Track("kick", group="drums", sends_db={"room": 0.0}),
        Track("snare", group="drums"),
        Track("voice", sends_db={"room": 0.0}),
    ),
    (),
    (Channel("drums"),),
    (Channel("room", ROOM),),
)


@pytest.fixture
def tracks():
    return list(torch.randn(3, 1, 50))


@pytest.mark.parametrize(
    ("muted", "soloed", "dry", "wet"),
    [
        ([], [], (1, 1, 1), (1, 0, 1)),
        (["kick"], [], (0, 1, 1), (0, 0, 1)),
        (["drums"], [], (0, 0, 1), (0, 0, 1)),
        (["room"], [], (1, 1, 1), (0, 0, 0)),
        ([], ["voice"], (0, 0, 1), (0, 0, 1)),
        ([], ["drums"], (1, 1, 0), (1, 0, 0)),
        ([], ["snare", "voice"], (0, 1, 1), (0, 0, 1)),
        ([], ["room"], (0, 0, 0), (1, 0, 1)),
        (["kick"], ["drums"], (0, 1, 0), (0, 0, 0)),
        (["kick"], ["kick"], (0, 0, 0), (0, 0, 0)),
        (["kick"], ["room"], (0, 0, 0), (0, 0, 1)),
    ],
)
def test_a_mix_is_the_sum_of_what_is_heard(tracks, muted, soloed, dry, wet):
    mix = MIX
    for name in muted:
        mix = switch(mix, name, mute=True)
    for name in soloed:
        mix = switch(mix, name, solo=True)
    expected = sum((d + 0.1 * w) * x for d, w, x in zip(dry, wet, tracks, strict=True))
    torch.testing.assert_close(mix_down(tracks, mix), expected.expand(2, -1))
    assert [is_heard(mix, track) for track in mix.tracks] == list(map(bool, dry))


def test_a_track_that_is_not_heard_is_a_silent_stem_of_its_name(tracks):
    stems = mix_stems(tracks, switch(MIX, "voice", mute=True))
    assert [stem.name for stem in stems] == ["kick", "snare", "voice", "drums", "room"]
    assert [bool(stem.audio.any()) for stem in stems] == [True, True, False, True, True]


def test_a_side_chain_listens_to_a_track_that_is_muted():
    key, pad = torch.ones(1, 4000), 0.1 * torch.ones(1, 4000)
    pumps = Stage(COMPRESSOR, {"threshold_db": -30.0, "ratio": 10.0}, sidechain="key")
    mix = Mix(RATE, (Track("key", mute=True), Track("pad", strip=(pumps,))))
    quieter = mix_down([key, pad], mix)[:, -1]
    assert (quieter > 0).all() and (quieter < 0.02).all()


def test_a_stage_that_is_bypassed_does_nothing(tracks):
    louder = (Stage(GAIN, {"gain_db": 12.0}), Stage(GAIN, {"gain_db": -20.0}))
    mix = Mix(RATE, tuple(Track(t.name, strip=louder) for t in MIX.tracks), louder)
    mix = switch(switch(mix, "kick", bypass={"gain_2": True}), "master", bypass={"gain": True})
    kick, snare, voice = tracks
    gain = 10 ** (12 / 20)
    expected = 0.1 * (gain * kick + 0.1 * gain * (snare + voice))
    torch.testing.assert_close(mix_down(tracks, mix), expected.expand(2, -1))
    back = switch(mix, "kick", bypass={"gain_2": False})
    assert [stage.on for stage in back.tracks[0].strip] == [True, True]


def test_what_is_not_there_is_not_switched():
    with pytest.raises(ValueError, match="channel: the mix has no 'kik'; did you mean 'kick'"):
        switch(MIX, "kik", mute=True)
    with pytest.raises(ValueError, match="bypass: room has no stage 'gian'; did you mean 'gain'"):
        switch(MIX, "room", bypass={"gian": True})
    with pytest.raises(ValueError, match="the master is not muted or soloed"):
        switch(MIX, "master", solo=True)
