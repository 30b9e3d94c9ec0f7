import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.rules.mansbridge_fader import LEARNT_LUFS, gate, mansbridge_fader, ride
from dasp.mixing.song import Song

RATE = 16_000


def test_active_tracks_meet_at_their_mean():
    loudness = torch.tensor([[-18.0], [-24.0], [-21.0]])
    assert ride(loudness).flatten().tolist() == [-3.0, 3.0, 0.0]


def test_a_lead_stands_above_the_mean_by_its_boost():
    loudness = torch.tensor([[-18.0], [-24.0]])
    assert ride(loudness, [4.0, 0.0]).flatten().tolist() == [1.0, 3.0]


def test_who_rests_keeps_the_fader_and_does_not_count():
    loudness = torch.tensor([[-18.0, -18.0, -20.0], [-24.0, -60.0, -60.0]])
    assert ride(loudness).tolist() == [[-3.0, 0.0, 0.0], [3.0, 3.0, 3.0]]


def test_the_gate_has_hysteresis_as_a_loop_has():
    loudness = -27.5 + 6 * torch.randn(4, 200)
    active = torch.zeros(4, 200, dtype=torch.bool)
    for row in range(4):
        state = False
        for k, level in enumerate(loudness[row]):
            state = True if level >= -25 else False if level < -30 else state
            active[row, k] = state
    assert torch.equal(gate(loudness), active)


def test_tracks_of_any_level_are_brought_together():
    """In the end each has the loudness that all are learnt to, but for the boost of the lead."""
    tracks = [g * torch.randn(1, 20 * RATE) for g in (0.3, 0.01)]
    tracks.append(0.05 * torch.randn(2, 20 * RATE))
    mix = mansbridge_fader(Song.of(("gtr", "keys", "vox"), tracks, RATE), lead_boost_db=2.0)
    for track, settings, boost in zip(tracks, mix.tracks, (0, 0, 2), strict=True):
        gain_db = settings.strip[0].automation["gain_db"][-1]
        after = measure_loudness(track[:, -5 * RATE :], RATE).item() + gain_db
        assert after == pytest.approx(LEARNT_LUFS + boost, abs=0.3)


def test_faders_cover_two_thirds_of_the_way_in_three_seconds():
    """The lead's fader starts at 0 dB and has 1 - 1/e of its boost after 3 s."""
    track = 0.1 * torch.randn(1, 6 * RATE)
    mix = mansbridge_fader(Song.of(("vox",), (track,), RATE), lead_boost_db=6.0)
    moving = mix.tracks[0].strip[0].automation
    at = [round(t, 2) for t in moving["time_s"]].index(2.95)
    moved_db = moving["gain_db"][at] - moving["gain_db"][0]
    assert moved_db == pytest.approx(6 * (1 - 2.718281828**-1), abs=0.2)
