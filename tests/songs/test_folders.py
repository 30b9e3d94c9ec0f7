import json

import pytest
import torch

from dasp.songs.folders import load_song, load_songs, read_song_folder
from tests.songs.trees import write


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


@pytest.mark.parametrize(
    ("name", "is_mix"),
    [
        ("mix", True),
        ("Mix 2", True), ("mixdown", True), ("Song_mix", True), ("Song MIX v2", True),
        ("song-master", True), ("Song_mix_final", True), ("Master", True), ("mixture", True),
        ("remix", False), ("the_mixer", False), ("master_keys", False), ("vocal", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [".", "stems"])
def test_what_is_called_a_mix_is_no_track(tmp_path, name, is_mix, place):
    for track in ("kick", name):
        write(tmp_path / place / f"{track}.wav")
    song = load_song(tmp_path)
    assert (name in song.names, name in [mix.name for mix in song.mixes]) == (not is_mix, is_mix)
    assert any(f"{name}.wav: a mix" in note for note in song.notes) == is_mix


def test_what_dasp_has_mixed_is_no_track_whatever_it_is_called(tmp_path):
    """Told by the settings beside it, whose tracks are tracks none the less."""
    for name in ("kick", "bass", "tuesday"):
        write(tmp_path / f"{name}.wav")
    tracks = [{"name": name, "file": f"{name}.wav"} for name in ("kick", "bass")]
    document = {"format": "dasp-mix", "version": 2, "sample_rate": 44_100, "tracks": tracks}
    for name in ("tuesday", "kick"):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    (tmp_path / "bass.json").write_text("{")
    files = read_song_folder(tmp_path)
    assert [file.name for file in files.tracks] == ["bass.wav", "kick.wav"]
    assert [file.name for file in files.mixes] == ["tuesday.wav"]


def test_a_track_whose_settings_write_its_accents_in_another_way_is_no_output(tmp_path):
    write(tmp_path / "e\u0301.wav")
    tracks = [{"name": "\u00e9", "file": "\u00e9.wav"}]
    document = {"format": "dasp-mix", "version": 2, "sample_rate": 44_100, "tracks": tracks}
    (tmp_path / "e\u0301.json").write_text(json.dumps(document))
    assert [file.name for file in read_song_folder(tmp_path).tracks] == ["e\u0301.wav"]


def test_what_is_passed_over_is_named(tmp_path):
    for place in ("Stems/kick.wav", "Stems/drums/snare.wav", "final.wav", "Song_mix.wav"):
        write(tmp_path / place)
    files = read_song_folder(tmp_path)
    assert [file.name for file in files.tracks] == ["kick.wav"]
    named = sorted(remark.split(":")[0].removeprefix(f"{tmp_path}/") for remark in files.remarks)
    assert named == ["Song_mix.wav", "Stems/drums", "final.wav"]
    files = read_song_folder(tmp_path / "Stems", besides=[tmp_path / "Stems" / "kick.wav"])
    assert files.tracks == ()


def test_folders_that_are_not_clear_are_explained(tmp_path):
    for place in ("both/stems/a.wav", "both/tracks/b.wav", "beside/a.wav", "twice/kick.wav",
                  "twice/kick.aiff", "only/mix.wav", "songs/one/stems/a.wav"):  # fmt: skip
        write(tmp_path / place)
    (tmp_path / "beside" / "stems").mkdir()
    for folder, expected in (
        ("both", "has audio in stems/ and in tracks/; name the one that is meant"),
        ("beside", "stems/ has no audio files, and there are some beside it"),
        ("twice", "kick.wav: has the name of kick.aiff"),
        ("only", "mix.wav are mixes by their names"),
        ("songs", "its folders may be songs, which 'dasp batch --mix'"),
        ("nowhere", "nowhere: expected a folder"),
    ):
        with pytest.raises(ValueError) as caught:
            load_song(tmp_path / folder)
        assert expected in str(caught.value)
