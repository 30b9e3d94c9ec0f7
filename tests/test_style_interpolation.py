"""What the benchmark of interpolated styles interpolates, and what it takes for monotone."""

import torch

from benchmarks.style_interpolation import JUST_TOLD, RATE, _mean, monotone, with_the_same_stages
from dasp.processors.catalogue import GAIN, LIMITER, STEREO_WIDENER
from dasp.processors.stage import Stage

QUIET, LOUD = Stage(GAIN, {"gain_db": -6.0}), Stage(GAIN, {"gain_db": 2.0})
WIDE, LIMITED = Stage(STEREO_WIDENER, {"width": 1.5}), Stage(LIMITER, {"ceiling_db": -1.0})


def test_what_only_one_strip_has_stands_at_rest_in_the_other():
    one, two = with_the_same_stages((WIDE, QUIET, LIMITED), (LOUD, LIMITED))
    names = ["stereo_widener", "gain", "limiter"]
    assert [s.processor.name for s in one] == [s.processor.name for s in two] == names
    assert two[0].settings["width"] == 1.0 and one[0] == WIDE
    middle = [_mean(a, b, 0.25) for a, b in zip(one, two, strict=True)]
    assert abs(middle[0].settings["width"] - 1.375) < 1e-5
    assert abs(middle[1].settings["gain_db"] + 4.0) < 1e-5


def test_a_step_that_leads_back_is_not_monotone():
    x = 0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(0))
    gains = [1.0, 1.5, 2.0, 3.0]
    found = monotone([gain * x for gain in gains])
    assert found["rms"] and found["bark_spectrum"]
    assert "stereo_width" not in found  # it is alike at both ends
    back = monotone([gain * x for gain in (1.0, 2.0, 1.5, 3.0)])
    assert not back["rms"] and not back["bark_spectrum"]
    assert set(found) <= set(JUST_TOLD)
