import pytest
import torch

from dasp.data.folders import load_song, load_songs
from tests.data.trees import write


def test_stems_tracks_or_files_beside_and_mixes_that_are_no_tracks(tmp_path):
    for place in ("one/stems", "two/tracks", "three"):
        write(tmp_path / place / "Kick Drum.wav")
        write(tmp_path / place / "voz é.flac", subtype="PCM_16", frames=300)
    for song in ("one", "two", "three"):
        write(tmp_path / song / "mix final.wav", channels=2)
        write(tmp_path / song / "human_dry_mix.wav", channels=2)
    (tmp_path / "empty").mkdir()
    songs = load_songs(tmp_path)
    assert [song.name for song in songs] == ["one", "three", "two"]
    for song in songs:
        assert song.names == ("Kick Drum", "voz é") and song.roles[0] == "kick"
        assert [mix.name for mix in song.mixes] == ["human_dry_mix", "mix final"]
        assert {track.shape for track in song.tracks} == {torch.Size((1, 400))}


def test_a_song_takes_the_highest_rate_of_its_tracks(tmp_path):
    write(tmp_path / "stems" / "a.wav", rate=22_050)
    write(tmp_path / "stems" / "b.wav", rate=32_000)
    write(tmp_path / "mix.wav", rate=48_000)
    assert load_song(tmp_path).sample_rate == 32_000
    assert load_song(tmp_path, sample_rate=8_000).sample_rate == 8_000


def test_folders_without_songs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no songs found"):
        load_songs(tmp_path)
    with pytest.raises(ValueError, match="expected audio files in stems/"):
        load_song(tmp_path)
