"""The comparison of automatic mixers: what it counts, and how it keeps what it has counted."""

import json
from dataclasses import replace

import pytest
import torch

from benchmarks import mixing_systems
from benchmarks.mixing_systems import (
    KIT_NETWORKS,
    all_errors,
    brought_song,
    known_mix,
    means_table,
    released_song,
    songs_table,
)
from dasp.analysis import measure_loudness
from dasp.evaluation.tracks import measure_standing
from dasp.mixing.song import Song
from dasp.songs.brought import BroughtSongs
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.synthetic import synthetic_song
from dasp.units import db_to_gain

RATE = 22_050


@pytest.fixture(scope="module")
def song():
    band = ("kick", "bass", "keys", "vocal")
    return with_engineers_mix(synthetic_song(1, seconds=4.0, sample_rate=RATE, ensemble=band), 1)


def test_the_engineer_makes_no_error_and_everybody_else_does(song, monkeypatch):
    def engineer(heard):
        return song.details["mix"]

    def only_sound(heard):
        return torch.randn(2, heard.tracks[0].shape[-1])

    def refuses(heard):
        raise ValueError("expected drums")

    systems = {"engineer": engineer, "tone-deaf": only_sound, "drummer": refuses}
    monkeypatch.setattr(mixing_systems, "SYSTEMS", tuple(systems))
    monkeypatch.setattr(
        mixing_systems, "automatic_mix", lambda heard, start, system: systems[system](heard)
    )
    monkeypatch.setattr(
        mixing_systems, "audio_of",
        lambda heard, system: Song((system,), ("other",), (only_sound(heard),), RATE),
    )  # fmt: skip
    piece = known_mix("songs", song)
    assert list(all_errors(piece._replace(group="drums"), KIT_NETWORKS)) == list(KIT_NETWORKS)
    errors = all_errors(piece, None)
    assert list(errors) == [
        "mono sum", "equal loudness", "random", "rule mix", "anchor", "engineer", "tone-deaf",
        "fxnorm",
    ]  # fmt: skip
    own = errors.pop("engineer")
    assert max(own[name] for name in ("level", "place", "panning", "spectrum")) < 1e-3
    assert own["gain_invariant_sdr"] > 100
    assert "level" not in errors["anchor"] and "level" not in errors["tone-deaf"]
    for name in ("mono sum", "equal loudness", "random", "rule mix"):
        assert errors[name]["level"] > 0.5 and errors[name]["gain_invariant_sdr"] < 20


def test_the_artists_levels_are_the_answer_for_stems_of_one_loudness(song):
    changed = tuple(
        recording._replace(source=recording.source * db_to_gain(gain_db))
        for recording, gain_db in zip(song.recordings, (0.0, 3.0, -6.0, -2.0), strict=True)
    )
    piece = released_song(replace(song, recordings=changed))
    torch.testing.assert_close(piece.reference, sum(r.source.expand(2, -1) for r in changed))
    assert [measure_loudness(track, RATE).item() for track in piece.song.tracks] == pytest.approx(
        [-23.0] * 4, abs=1e-3
    )
    assert piece.standing.loudness.tolist() == pytest.approx(
        [measure_loudness(r.source.expand(2, -1), RATE).item() for r in changed], abs=1e-3
    )


def test_of_a_folder_as_it_is_brought_what_is_none_of_the_song_is_left_out_where_it_is_found():
    """Its click is; the engineer's standing of the others is that of the tracks that are left."""
    songs = BroughtSongs(12, 40, 6.0, RATE)
    i = next(i for i in range(12) if "click" in songs[i].names)
    song = with_engineers_mix(songs[i], 40 + i)
    piece = brought_song(song)
    assert "click" not in piece.song.names and len(piece.standing.loudness) == len(piece.song.names)
    assert [track.name for track in piece.start.tracks] == list(piece.song.names)
    whole = measure_standing(song.details["mix"], song.tracks)
    at = song.names.index(piece.song.names[-1])
    assert piece.standing.loudness[-1] == whole.loudness[at]


ROWS = [
    {"group": "released", "piece": piece, "system": system, "level": level, "gain_invariant_sdr": 9}
    for system, level in (("a", 2.0), ("b", 4.0))
    for piece in ("x", "y")
]


def test_tables_have_means_and_songs():
    assert means_table([*ROWS, {**ROWS[0], "piece": "z", "level": 5.0}]).splitlines()[2:] == [
        "| a | 3 [2, 5] | 9 [9, 9] |",
        "| b | 4 [4, 4] | 9 [9, 9] |",
    ]
    assert songs_table(ROWS[:3]).splitlines()[2:] == ["| a | 2.0 / 9.0 | 2.0 / 9.0 |",
                                                      "| b | 4.0 / 9.0 | - / - |"]  # fmt: skip


def test_the_default_is_held_to_what_it_is_to_reach_and_to_the_best_of_all():
    rows = [
        {"group": "released", "piece": "hydrogen", "system": system, "gain_invariant_sdr": sdr}
        for system, sdr in (("auto", 12.0), ("rule mix", 9.8), ("forest", 12.5))
    ]
    table = mixing_systems.default_table([*rows, {**rows[0], "group": "drums", "lead": 0.2}])
    own, mean, drums, leads = table.splitlines()[2:]
    assert own == ("| hydrogen | SDR, dB | **12** | 9.8 | yes | 9.8 | - | - | forest 12.5 (−) |")
    assert mean.startswith("| released, mean | SDR, dB | **12** | 11.5 | yes |")
    assert drums == "| drums, mean | SDR, dB | **12** | 14.8 | no | - | - | - | - |"
    assert "**0.2** | 0.1 | no" in leads


def test_what_is_measured_again_replaces_what_was_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(mixing_systems, "RESULTS", tmp_path / "results.json")
    drawn = {"songs": 2, "seconds": 1.0}
    assert mixing_systems.with_recorded(ROWS, drawn) == ROWS
    mixing_systems.RESULTS.write_text(json.dumps({**drawn, "rows": ROWS}))
    new = [{**ROWS[2], "level": 1.0}]
    assert mixing_systems.with_recorded(new, drawn) == [*ROWS[:2], *new]
    assert mixing_systems.with_recorded(new, {**drawn, "songs": 3}) == new
