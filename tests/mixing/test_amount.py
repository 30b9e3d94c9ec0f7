import math

import pytest
import torch

from dasp.mixing.amount import blend
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import COMPRESSOR, DELAY, GAIN, HIGH_PASS, LIMITER, STEREO_PANNER
from dasp.processors.stage import Stage

RATE = 44_100


def _mix() -> Mix:
    strip = (
        Stage(HIGH_PASS, {"freq_hz": 80.0}),
        Stage(COMPRESSOR, {"ratio": 4.0, "threshold_db": -20.0}),
        Stage(GAIN, {"gain_db": -6.0}),
        Stage(STEREO_PANNER, {"pan": -0.5}),
    )
    locked = (Stage(GAIN, {"gain_db": 3.0}),)
    return Mix(
        RATE,
        (
            Track("a", strip=strip[1:], sends_db={"echo": -12.0}),
            Track("b", strip=strip),
            Track("c", strip=locked, locked=True),
            Track("d", strip=(*locked, Stage(STEREO_PANNER, {"pan": 1.0}, locked=True))),
        ),
        (Stage(GAIN, {"gain_db": 2.0}), Stage(LIMITER, {"ceiling_db": -1.0})),
        buses=(Channel("echo", (Stage(DELAY, {"mix": 1.0}),)),),
    )


def test_nothing_of_a_mix_is_the_plain_sum():
    mono, stereo = 0.1 * torch.randn(1, 900), 0.1 * torch.randn(2, 900)
    mix = _mix()
    mix = Mix(RATE, (mix.tracks[0], mix.tracks[1]), mix.master, buses=mix.buses)
    plain = mix_down([mono, stereo], blend(mix, 0.0, [True, False]))
    torch.testing.assert_close(plain, mono + stereo, atol=1e-6, rtol=1e-5)


def test_all_of_a_mix_is_the_mix():
    assert blend(_mix(), 1.0, [True] * 4) == _mix()


def test_half_of_a_mix_is_half_of_its_settings():
    """A gain is halved in dB, a frequency half-way in octaves, a ratio in its logarithm."""
    half = blend(_mix(), 0.5, [False] * 4)
    high_pass, compressor, gain, panner = (stage.settings for stage in half.tracks[1].strip)
    assert high_pass["freq_hz"] == pytest.approx(math.sqrt(20 * 80), rel=1e-6)
    assert compressor["ratio"] == pytest.approx(2.0)
    assert compressor["threshold_db"] == pytest.approx(-19.0)
    assert (gain["gain_db"], panner["pan"]) == (-3.0, -0.25)
    assert half.tracks[0].sends_db == {"echo": -36.0}
    assert half.master[0].settings["gain_db"] == 1.0
    assert half.master[1] == _mix().master[1] and half.buses == _mix().buses


def test_what_is_locked_stays():
    part = blend(_mix(), 0.25, [False] * 4)
    assert part.tracks[2] == _mix().tracks[2]
    assert part.tracks[3].strip[1] == _mix().tracks[3].strip[1]
    assert part.tracks[3].strip[0].settings["gain_db"] == 0.75
