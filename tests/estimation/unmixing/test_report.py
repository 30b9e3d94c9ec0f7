"""What is left of a mix, shared out among octaves and tracks."""

import math

import pytest
import torch

from dasp.estimation.unmixing import report
from dasp.estimation.unmixing.report import measure_unexplained
from dasp.mixing.settings import Mix, Track

RATE, TIME = 44_100, 100_000


@pytest.mark.parametrize("block", [2**20, 40_000, 33_000])
def test_an_error_belongs_to_its_octave_and_its_track(block, monkeypatch):
    """A tenth of the high track is missing, and nothing of the low one; blocks do not matter."""
    monkeypatch.setattr(report, "BLOCK", block)
    angle = 2 * math.pi / RATE * torch.arange(TIME).double()
    tracks = [torch.sin(hz * angle)[None] for hz in (250.0, 4000.0)]
    mix = Mix(RATE, (Track("low"), Track("high")))
    target, output = ((tracks[0] + gain * tracks[1]).expand(2, -1) for gain in (1.0, 0.9))
    found = measure_unexplained(mix, tracks, target, output, RATE)
    (low, low_share, low_db), (high, high_share, high_db) = found.tracks
    assert (low, high) == ("low", "high")
    assert [low_share, high_share] == pytest.approx([10 * math.log10(0.5)] * 2, abs=0.1)
    assert high_db == pytest.approx(20, abs=0.1) and low_db > 50
    octaves = dict(found.octaves)
    assert octaves[4000.0] == pytest.approx(20, abs=0.1) and octaves[250.0] > 50
    assert found.sdr_db == pytest.approx(10 * math.log10(2 / 0.01), abs=0.1)
