import math

import pytest
import torch

from dasp.controllers.rules.mansbridge_panner import (
    MOST_PAN,
    TOLERANCE,
    balance_bands,
    lean,
    mansbridge_panner,
    pan_by_centroids,
)
from dasp.mixing.song import Song

RATE = 44_100


def _pans(mix):
    return [track.strip[1].settings["pan"] for track in mix.tracks]


def _tone(freq_hz):
    return 0.1 * torch.sin(2 * math.pi * freq_hz * torch.arange(RATE) / RATE)[None]


def test_neighbours_in_centroid_go_to_opposite_sides():
    pans = pan_by_centroids([1000.0, 1100.0, 5000.0, 4800.0], [False] * 4)
    assert [pan < 0 for pan in pans] == [True, False, True, False]


def test_width_grows_with_the_logarithm_of_the_centroid():
    """From the centre at 200 Hz to the edge at 8 kHz: half-way at their geometric mean."""
    for freq_hz, pan in ((201.0, 0.0), (math.sqrt(200 * 8000), MOST_PAN / 2), (9000.0, MOST_PAN)):
        assert pan_by_centroids([freq_hz], [False])[0] == pytest.approx(-pan, abs=0.002)


def test_the_low_end_and_leads_stay_in_the_centre():
    assert pan_by_centroids([150.0, 3000.0], [False, True]) == [0.0, 0.0]


def test_the_mean_does_not_drift_to_one_side():
    for seed in range(20):
        draw = torch.Generator().manual_seed(seed)
        centroids = (200 * 40 ** torch.rand(12, generator=draw)).tolist()
        pans = pan_by_centroids(centroids, [False] * 12)
        assert abs(sum(pans)) / 12 <= 0.2


def test_the_lean_of_a_band_is_the_angle_of_its_sums():
    pans, ones = torch.tensor([-1.0, 1.0]), torch.ones(2)
    assert lean(pans, ones) == 0.0
    assert lean(pans, torch.tensor([1.0, 0.0])) == 0.5
    expected = math.atan(3.0) / (math.pi / 2) - 0.5
    assert lean(pans, torch.tensor([3.0, 1.0])) == pytest.approx(expected)


def test_a_band_that_leans_is_evened_out():
    """Two tracks of one band, of which the left one is twice as loud."""
    bands = torch.tensor([[0.0, 2.0], [0.0, 1.0], [5.0, 0.0]], dtype=torch.float64)
    before = torch.tensor([-0.6, 0.6, 0.0], dtype=torch.float64)
    after = torch.tensor(balance_bands(before.tolist(), bands), dtype=torch.float64)
    assert lean(before, bands[:, 1]) > TOLERANCE >= abs(lean(after, bands[:, 1]))
    assert (after[:2] > before[:2]).all() and after[2] == 0.0


def test_two_alike_stand_opposite_each_other():
    mix = mansbridge_panner(
        Song.of(("gtr a", "gtr b", "vox"), (_tone(3000), _tone(3000), _tone(2900)), RATE)
    )
    left, right, lead = _pans(mix)
    assert left < -0.3 and left == pytest.approx(-right, abs=0.05) and lead == 0.0
