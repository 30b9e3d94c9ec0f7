import math

import pytest
import torch

from dasp.evaluation.tracks import Standing, measure_standing, measure_track_errors
from dasp.mixing.settings import Mix, Track
from dasp.processors.catalogue import GAIN, STEREO_PANNER
from dasp.processors.stage import Stage

RATE = 44_100


def _sine(seconds=1.0):
    t = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return torch.sin(2 * math.pi * 997 * t)[None]


def _mix(*strips):
    return Mix(RATE, tuple(Track(str(i), strip=strip) for i, strip in enumerate(strips)))


def test_levels_and_places_are_those_behind_the_strip():
    half_right = 2 / math.pi * math.atan(math.sqrt(3))  # Three times the energy on the right.
    mix = _mix(
        (Stage(GAIN, {"gain_db": -20.0}),),
        (Stage(STEREO_PANNER, {"pan": -1.0}),),
        (Stage(GAIN, {"gain_db": -6.0}), Stage(STEREO_PANNER, {"pan": 2 * half_right - 1})),
    )
    standing = measure_standing(mix, [_sine()] * 3)
    # A sine of 997 Hz at full scale on both sides has 0 LUFS, on one side -3.01.
    torch.testing.assert_close(
        standing.loudness, torch.tensor([-20.0, -3.01, -9.01]).double(), rtol=0, atol=0.02
    )
    torch.testing.assert_close(
        standing.place, torch.tensor([0.0, -1.0, 0.5]).double(), rtol=0, atol=1e-3
    )


def test_a_gain_of_the_whole_mix_is_no_error_and_one_track_is():
    wanted = Standing(torch.tensor([-20.0, -25.0, -31.0, -22.0]), torch.zeros(4))
    assert measure_track_errors(wanted._replace(loudness=wanted.loudness + 7), wanted) == (0, 0)
    one_off = torch.tensor([0.0, 0.0, 6.0, 0.0])
    found = Standing(wanted.loudness - 3 + one_off, torch.tensor([0.0, 0.4, -0.4, 0.0]))
    errors = measure_track_errors(found, wanted)
    assert errors.level == pytest.approx(6 / 4) and errors.place == pytest.approx(0.2)


def test_silence_is_an_error_only_where_something_should_be_heard():
    wanted = Standing(torch.tensor([-20.0, -20.0, -20.0, -160.0]), torch.zeros(4))
    found = wanted._replace(loudness=torch.tensor([-20.0, -20.0, -160.0, -20.0]))
    assert measure_track_errors(found, wanted).level == pytest.approx(50 / 3)
    nothing = wanted._replace(loudness=torch.full((4,), -160.0))
    assert measure_track_errors(found, nothing) == (0, 0)
