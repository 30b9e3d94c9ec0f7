"""A mix by the policy: gains that move, whatever the recording levels; what is silent."""

import pytest
import torch

from dasp.controllers.deep_mixing.hearing import chunk_times_s
from dasp.controllers.deep_mixing.system import WEIGHTS, deep_mixing, load_trained, shipped
from dasp.controllers.systems import automatic_mix
from dasp.evaluation.tracks import measure_standing, measure_track_errors
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song
from dasp.processors.catalogue import GAIN
from dasp.songs.engineer import engineers_mix
from dasp.songs.synthetic import synthetic_song

RATE = 22_050


@pytest.fixture(scope="module")
def made():
    return synthetic_song(1_000_003, seconds=6.0, sample_rate=RATE)


def fader(track):
    return next(stage for stage in track.strip if stage.processor is GAIN)


def test_gains_move_at_the_middles_of_chunks_and_are_part_of_the_document(made):
    mix = automatic_mix(made.song, system="deep-mixing")
    for track in mix.tracks:
        moving = fader(track).automation
        assert len(moving["gain_db"]) == len(moving["time_s"]) == 7
        assert moving["time_s"] == chunk_times_s(7, RATE).round(decimals=4).tolist()
    assert any(len(set(fader(t).automation["gain_db"])) > 1 for t in mix.tracks)


def test_recording_levels_change_nothing(made):
    """Above the gate of the loudness meter, which is absolute."""
    song = made.song
    loud = [30.0 * track for track in song.tracks]
    other = [factor * track for factor, track in enumerate(song.tracks, start=20)]
    first, second = (
        mix_down(tracks, deep_mixing(Song(song.names, song.roles, tuple(tracks), RATE)))
        for tracks in (loud, other)
    )
    torch.testing.assert_close(first, second, atol=1e-3, rtol=0)


def test_levels_are_nearer_to_the_engineers_than_equal_loudness(made):
    wanted = measure_standing(engineers_mix(made, 1_000_003), made.tracks)
    found, equal = (
        measure_track_errors(
            measure_standing(automatic_mix(made.song, system=system), made.tracks), wanted
        ).level
        for system in ("deep-mixing", "equal-loudness")
    )
    assert found < 0.6 * equal


def test_silent_tracks_stay_and_a_song_of_nothing_is_a_mix(made):
    names, tracks = ("kick", "none", "vocal"), (made.tracks[0], torch.zeros(1, 9), made.tracks[-1])
    padded = torch.nn.functional.pad(tracks[1], (0, made.frames - 9))
    song = Song(names, ("kick", "other", "vocal"), (tracks[0], padded, tracks[2]), RATE)
    assert set(fader(deep_mixing(song).tracks[1]).automation["gain_db"]) == {0.0}
    nothing = Song(("a",), ("other",), (torch.zeros(1, 100),), RATE)
    assert fader(deep_mixing(nothing).tracks[0]).settings == {"gain_db": 0.0}


def test_the_weights_of_the_package_are_small_and_read_once():
    assert WEIGHTS.stat().st_size < 1e6
    assert shipped() is shipped()


def test_weights_of_another_recipe_are_refused():
    with pytest.raises(ValueError, match="deep_mixing"):
        load_trained(WEIGHTS.with_name("console.safetensors"))
