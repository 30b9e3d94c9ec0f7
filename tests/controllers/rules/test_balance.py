import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.rules.balance import LOUDNESS_BY_ROLE_LU, MOST_DB, balance

RATE = 44_100


def _noise(gain):
    return gain * torch.randn(1, 2 * RATE)


def test_tracks_end_at_the_loudness_of_their_roles():
    tracks = [_noise(0.1), _noise(0.05), _noise(0.08)]
    roles = ["vocal", "guitar", "bass"]
    gains = balance(tracks, roles, RATE)
    after = [
        measure_loudness(track * 10 ** (gain / 20), RATE).item()
        for track, gain in zip(tracks, gains, strict=True)
    ]
    wanted = [LOUDNESS_BY_ROLE_LU[role] for role in roles]
    offsets = [a - w for a, w in zip(after, wanted, strict=True)]
    assert offsets == pytest.approx([offsets[0]] * 3, abs=1e-3)


def test_no_track_moves_more_than_the_bound():
    gains = balance([_noise(1.0), _noise(0.1), _noise(1e-3)], ["other"] * 3, RATE)
    assert gains[0] == pytest.approx(-MOST_DB)
    assert gains[1] == pytest.approx(0.0, abs=1e-6)
    assert gains[2] == pytest.approx(MOST_DB)


def test_silent_tracks_keep_their_gain():
    silence = torch.zeros(1, RATE)
    gains = balance([_noise(0.1), silence, _noise(0.1)], ["other"] * 3, RATE)
    assert gains[1] == 0.0
    assert gains[0] == pytest.approx(-gains[2], abs=0.2)
    assert balance([silence, silence], ["kick", "other"], RATE) == [0.0, 0.0]
