"""A turned knob is another mix: what is changed, what stays, and what is refused."""

import pytest

from dasp.mixing import Channel, Mix, Stage, Track, turn
from dasp.processors.catalogue import COMPRESSOR, GAIN, LIMITER

MOVES = {"time_s": [0.0, 1.0], "gain_db": [0.0, -3.0]}
FADERS = (Stage(GAIN, {"gain_db": 1.0}), Stage(COMPRESSOR), Stage(GAIN, automation=MOVES))
MIX = Mix(
    44_100,
    (Track("kick", strip=FADERS), Track("vocal", strip=FADERS)),
    (Stage(LIMITER, {"ceiling_db": -1.0}),),
    (Channel("drums", FADERS),),
    (Channel("hall", FADERS),),
)


@pytest.mark.parametrize("channel", ["kick", "vocal", "drums", "hall", "master"])
def test_one_strip_is_changed_and_nothing_else(channel):
    key = "limiter.ceiling_db" if channel == "master" else "compressor.threshold_db"
    turned = turn(MIX, channel, {key: -2.0})
    strips, before = (
        {
            **{part.name: part.strip for part in (*mix.tracks, *mix.groups, *mix.buses)},
            "master": mix.master,
        }
        for mix in (turned, MIX)
    )
    assert [name for name in strips if strips[name] != before[name]] == [channel]
    assert [stage.settings.get(key.split(".")[1]) for stage in strips[channel]].count(-2.0) == 1


def test_a_stage_that_comes_again_is_numbered_and_a_fixed_knob_no_longer_moves():
    first, _, second = turn(MIX, "kick", {"gain_2.gain_db": -6.0}, lock=True).tracks[0].strip
    assert first == FADERS[0]
    assert (second.settings, second.automation, second.locked) == ({"gain_db": -6.0}, {}, True)


@pytest.mark.parametrize(
    "channel, settings, why",
    [
        ("kik", {}, "no 'kik'; did you mean 'kick'"),
        ("kick", {"gian.gain_db": 0.0}, "no stage 'gian'; did you mean 'gain.gain_db'"),
        ("kick", {"gain.gain": 0.0}, "no parameter 'gain'; did you mean 'gain_db'"),
        ("kick", {"gain.gain_db": 100.0}, "gain_db: expected .* 24"),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(channel, settings, why):
    with pytest.raises(ValueError, match=why):
        turn(MIX, channel, settings)
