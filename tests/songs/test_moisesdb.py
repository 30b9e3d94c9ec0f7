import json

import pytest
import torch

from dasp.songs.moisesdb import load_moisesdb
from tests.songs.trees import write


def _track(identity, kind, **more):
    return {"id": identity, "trackType": kind, "extension": "wav", "has_bleed": False, **more}


@pytest.fixture
def root(tmp_path):
    song = tmp_path / "moisesdb_v0.1" / "0a-1b"
    stems = {
        "vocals": [
            _track("a", "lead female singer", has_bleed=True), _track("b", "background vocals")
        ],
        "drums": [_track("c", "kick_drum"), _track("d", "full_acoustic_drumkit")],
        "guitar": [_track("e", "clean_electric_guitar"), _track("f", "clean_electric_guitar")],
        "wind": [_track("g", "bassoon"), _track("gone", "flutes")],
    }  # fmt: skip
    for stem, tracks in stems.items():
        for i, track in enumerate(tracks):
            if track["id"] != "gone":
                write(song / stem / f"{track['id']}.wav", channels=2, frames=400 - 10 * i)
    data = {
        "song": "Señor", "artist": "X", "genre": "rock",
        "stems": [{"stemName": stem, "tracks": tracks} for stem, tracks in stems.items()],
    }  # fmt: skip
    (song / "data.json").write_text(json.dumps(data), encoding="utf-8")
    return tmp_path


def test_tracks_of_stems(root):
    (song,) = load_moisesdb(root)
    assert song.name == "0a-1b"
    assert song.names == (
        "vocals/lead female singer", "vocals/background vocals", "drums/kick_drum",
        "drums/full_acoustic_drumkit", "guitar/clean_electric_guitar",
        "guitar/clean_electric_guitar 2", "wind/bassoon",
    )  # fmt: skip
    assert song.roles == (
        "vocal", "backing vocal", "kick", "drums", "guitar", "guitar", "brass"
    )  # fmt: skip
    assert song.details["song"] == "Señor"
    assert song.details["bleed"] == ("vocals/lead female singer",)
    assert song.remarks == ("wind/flutes: listed in data.json, but not there",)


def test_unequal_lengths_end_in_silence(root):
    (song,) = load_moisesdb(root)
    assert {track.shape for track in song.tracks} == {torch.Size((2, 400))}
    assert song.tracks[1][:, :390].any() and not song.tracks[1][:, 390:].any()


def test_damaged_json_is_named(root):
    (root / "moisesdb_v0.1" / "0a-1b" / "data.json").write_text("{")
    with pytest.raises(ValueError, match=r"data\.json: not a JSON text"):
        load_moisesdb(root)
