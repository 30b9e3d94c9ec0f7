"""How much compressors do, against the law of the compressor."""

import pytest
import torch

from dasp.mixing.at_work import reductions_at_work
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import COMPRESSOR, GAIN
from dasp.processors.stage import Stage

RATE = 8000
SLOW = {"attack_ms": 1.0, "release_ms": 50.0, "knee_db": 0.0}


def compressor(threshold_db, ratio, **more):
    return Stage(COMPRESSOR, {"threshold_db": threshold_db, "ratio": ratio, **SLOW}, **more)


def steady(level_db, share=1.0):
    """A constant for a share of 2 s, and silence for the rest."""
    x = torch.full((1, 2 * RATE), 10 ** (level_db / 20))
    x[:, round(share * 2 * RATE) :] = 0
    return x


def test_the_reduction_is_what_the_ratio_makes_of_what_is_over_the_threshold():
    strips = {
        "a": (compressor(-20.0, 2.0),),
        "b": (Stage(GAIN, {"gain_db": 6.0}), compressor(-20.0, 4.0)),
        "c": (compressor(-20.0, 2.0), compressor(-20.0, 2.0)),
    }
    mix = Mix(RATE, tuple(Track(name, strip=strip) for name, strip in strips.items()))
    found = reductions_at_work([steady(-10.0), steady(-14.0), steady(-8.0)], mix)
    assert found == pytest.approx({
        ("track", "a", 0): 5.0, ("track", "b", 1): 9.0,
        ("track", "c", 0): 6.0, ("track", "c", 1): 3.0,
    }, abs=0.1)  # fmt: skip


def test_pauses_do_not_count():
    mix = Mix(RATE, (Track("a", strip=(compressor(-20.0, 2.0),)),))
    found = reductions_at_work([steady(-10.0, share=0.05)], mix)
    assert found["track", "a", 0] == pytest.approx(5.0, abs=0.1)


def test_groups_and_the_master_hear_their_sums():
    """Two tracks at -20 dB are one at -14 dB; the group takes 3 dB of it, the master hears -17."""
    tracks = (Track("a", group="g"), Track("b", group="g"))
    mix = Mix(RATE, tracks, (compressor(-21.0, 4.0),), (Channel("g", (compressor(-20.0, 2.0),)),))
    found = reductions_at_work([steady(-20.0), steady(-20.0)], mix)
    wanted = {("group", "g", 0): 3.0, ("master", "", 0): 3.0}
    assert found == pytest.approx(wanted, abs=0.1)


def test_a_key_sets_the_reduction():
    strip = (compressor(-20.0, 2.0, sidechain="key"),)
    mix = Mix(RATE, (Track("key"), Track("a", strip=strip)))
    found = reductions_at_work([steady(-10.0), steady(-40.0)], mix)
    assert found == pytest.approx({("track", "a", 0): 5.0}, abs=0.1)


def test_where_settings_move_or_nothing_is_compressed_nothing_is_told():
    moving = Stage(GAIN, {}, {"time_s": [0.0, 1.0], "gain_db": [0.0, -3.0]})
    strip = (moving, compressor(-20.0, 2.0))
    assert reductions_at_work([steady(-10.0)], Mix(RATE, (Track("a", strip=strip),))) == {}
    assert reductions_at_work([steady(-10.0)], Mix(RATE, (Track("a"),))) == {}
    silent = Mix(RATE, (Track("a", strip=(compressor(-20.0, 2.0),)),))
    assert reductions_at_work([torch.zeros(1, 0)], silent) == {}
