"""What an unmix is given, and where it listens."""

import pytest
import torch

from dasp.estimation.unmixing.problem import Problem, Unheard
from dasp.mixing.song import Song

RATE = 1000
OPTIONS = {"files": (), "filter_taps": 0, "room_s": 0.1}


def song_of(tracks):
    return Song.of([f"track {i}" for i in range(len(tracks))], tracks, RATE)


def test_slow_stages_hear_where_most_tracks_play():
    """Two soft tracks play in the third second, and a loud one in the first."""
    tracks = list(torch.zeros(3, 1, 5 * RATE))
    tracks[0][:, : RATE // 2] = 1.0
    tracks[1][:, 2 * RATE : 3 * RATE] = tracks[2][:, 2 * RATE : 3 * RATE] = 0.01
    problem = Problem.of(song_of(tracks), sum(tracks), excerpt_s=1.0, **OPTIONS)
    assert problem.excerpt == slice(2 * RATE, 3 * RATE)


def test_silence_is_refused():
    with pytest.raises(Unheard, match="mix: expected some sound"):
        Problem.of(song_of([torch.ones(1, 9)]), torch.zeros(1, 9), excerpt_s=1.0, **OPTIONS)
