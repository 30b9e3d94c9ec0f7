import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.rules.equal_loudness import equal_loudness, equal_loudness_gains
from dasp.mixing.song import Song

RATE = 16_000


def test_all_that_is_heard_ends_at_the_mean_loudness():
    tracks = [g * torch.randn(1, RATE) for g in (0.5, 0.02, 0.1)] + [torch.zeros(1, RATE)]
    before = torch.stack([measure_loudness(track, RATE) for track in tracks[:3]])
    gains_db = equal_loudness_gains(tracks, RATE)
    assert gains_db[3] == 0 and gains_db.sum().item() == pytest.approx(0, abs=1e-5)
    for track, gain_db in zip(tracks[:3], gains_db, strict=False):
        after = measure_loudness(track * 10 ** (gain_db.item() / 20), RATE)
        assert after.item() == pytest.approx(before.mean().item(), abs=1e-4)


def test_the_mix_has_these_gains_in_the_centre():
    tracks = [g * torch.randn(1, RATE) for g in (0.5, 0.05)]
    mix = equal_loudness(Song.of(("a", "b"), tracks, RATE))
    gains = [track.strip[0].settings["gain_db"] for track in mix.tracks]
    assert gains == pytest.approx(equal_loudness_gains(tracks, RATE).tolist(), abs=6e-4)
    assert [track.strip[1].settings["pan"] for track in mix.tracks] == [0.0, 0.0]
