"""`session.toml` beside the stems: where it is looked for, and what it may hold."""

import pytest
import torch

import dasp
from dasp.batch.job import Job
from dasp.batch.mix_song import MixSong
from dasp.mixing import Wishes, setting
from dasp.songs.session import find_session, read_session

RATE = 16_000


@pytest.fixture
def folder(tmp_path):
    draw = torch.Generator().manual_seed(0)
    (tmp_path / "stems").mkdir()
    for name in ("Voix", "Gitarre", "BD"):
        audio = 0.1 * torch.randn(1, RATE, generator=draw)
        dasp.save_audio(tmp_path / "stems" / f"{name}.wav", audio, RATE)
    return tmp_path


def mixed(folder, **options):
    mix = dasp.mix(folder, system="equal-loudness", **options)
    return {track.name: track for track in mix.tracks}


def write(folder, text, where="."):
    (folder / where / "session.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("where", [".", "stems"])
def test_the_file_beside_the_stems_is_heeded_and_what_is_said_wins(folder, where):
    write(folder, '[pan]\nVoix = "left"\nGitarre = 0.5\n[role]\nGitarre = "keys"\n', where)
    tracks = mixed(folder)
    assert [setting(tracks[n].strip, "pan") for n in ("Voix", "Gitarre", "BD")] == [-1.0, 0.5, 0.0]
    assert tracks["Gitarre"].role == "keys"
    tracks = mixed(folder, wishes=Wishes(pan={"vocal": "right"}, role={"Gitarre": "synth"}))
    assert setting(tracks["Voix"].strip, "pan") == 1.0  # a role said wins over a track in the file
    assert setting(tracks["Gitarre"].strip, "pan") == 0.5
    assert tracks["Gitarre"].role == "synth"


def test_more_reverb_is_not_heeded_twice(folder):
    write(folder, '[reverb]\nVoix = "more"\n')
    first = dasp.mix(folder, system="equal-loudness")
    again = dasp.mix(folder, system="equal-loudness", start=first)
    assert [track.sends_db for track in first.tracks] == [track.sends_db for track in again.tracks]
    assert len(first.buses) == 1


def test_a_batch_is_made_again_where_the_session_file_has_changed(folder):
    job = Job(folder, (folder / "mix.wav", folder / "mix.json"))
    assert len(MixSong().reads(job)) == 3
    write(folder, 'genre = "jazz"')
    assert MixSong().reads(job)[-1] == folder / "session.toml"


def test_a_song_without_files_has_no_session_file():
    assert find_session([]) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gerne = 'rock'", "unknown key 'gerne'; did you mean 'genre'"),
        ("[priority]\nVoix = 'hihg'", "priority of Voix: .*did you mean 'high'"),
        ("[priority]\nVoix = 3", "priority of Voix: expected one of"),
        ("genre = 3", "genre: expected one of"),
        ("genre = ['rock']", "genre: expected one of"),
        ("priority = 'high'", "priority: expected values by the names of tracks"),
        ("= 3", "not a TOML text"),
        ("role = {Voix = ['a']}", "role of Voix: expected one of"),
    ],
)
def test_what_has_no_meaning_is_named_with_the_file(tmp_path, text, message):
    write(tmp_path, text)
    with pytest.raises(ValueError, match=f"session.toml: {message}"):
        read_session(tmp_path / "session.toml")


def test_a_track_that_is_not_there_is_named_with_the_file(folder):
    write(folder, '[priority]\nVoxi = "high"\n')
    with pytest.raises(ValueError, match=r"session.toml: priority: no track.*did you mean 'Voix'"):
        dasp.mix(folder, system="equal-loudness")
