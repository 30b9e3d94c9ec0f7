"""Every command reads the folder of a song alike: stems are mixed, mixes are named."""

import json

import pytest
import torch

from dasp.audio_io import load_audio, save_audio

RATE = 22_050
RULES = ("--system", "equal-loudness")


@pytest.fixture
def song(tmp_path):
    """A folder with two stems, and beside them a finished mix that is neither's."""
    folder = tmp_path / "song"
    (folder / "stems").mkdir(parents=True)
    for name in ("kick", "vocal", "mix"):
        place = folder / "mix.wav" if name == "mix" else folder / "stems" / f"{name}.wav"
        save_audio(place, 0.1 * torch.randn(1, RATE), RATE)
    return folder


def _tracks(document):
    return [track["name"] for track in json.loads(document.read_text())["tracks"]]


def test_a_song_folder_mixes_its_stems(dasp, song, tmp_path):
    status, _, err = dasp("mix", song, "-o", tmp_path / "new.wav", *RULES)
    assert status == 0 and _tracks(tmp_path / "new.json") == ["kick", "vocal"]
    assert "note: " in err and "mix.wav: a mix" in err


@pytest.mark.parametrize("name", ["mix.wav", "tuesday.flac"])
def test_a_second_run_does_not_mix_the_first(dasp, song, name):
    stems = song / "stems"
    first = stems / name
    assert dasp("mix", stems, "-o", first, *RULES)[0] == 0
    whole = first.read_bytes()
    status, _, err = dasp("mix", stems, "-o", first, *RULES, "--force")
    assert status == 0 and f"{name}: a mix" in err
    assert _tracks(first.with_suffix(".json")) == ["kick", "vocal"]
    assert first.read_bytes() == whole
    assert dasp("mix", song, "-o", stems / "third.wav", *RULES)[0] == 0
    assert _tracks(stems / "third.json") == ["kick", "vocal"]


def test_no_mix_is_written_over_a_track(dasp, song, tmp_path):
    kick = song / "stems" / "kick.wav"
    whole = kick.read_bytes()
    status, _, err = dasp("mix", song, "-o", kick, *RULES, "--force")
    assert status == 1 and "kick.wav: is one of the tracks" in err
    assert dasp("mix", song, "-o", tmp_path / "new.wav", *RULES)[0] == 0
    for command in (("render", tmp_path / "new.json"), ("mix", "--start", tmp_path / "new.json")):
        status, _, err = dasp(*command, "-o", kick, "--force")
        assert status == 1 and "kick.wav: is one of the tracks" in err
    assert kick.read_bytes() == whole


def test_a_batch_mixes_songs_and_not_their_mixes(dasp, song, tmp_path):
    command = ("batch", tmp_path, "-o", tmp_path / "out", "--mix", *RULES, "-j", 1)
    assert dasp(*command)[:2] == (0, "1 written, 0 whole already, 0 failed\n")
    assert _tracks(tmp_path / "out" / "song.json") == ["kick", "vocal"]
    # Its own mixes, which now stand beneath the input, are no song.
    assert dasp(*command, "--resume")[1] == "0 written, 1 whole already, 0 failed\n"


def test_unmix_and_eval_read_the_stems_of_a_song(dasp, song, tmp_path):
    dasp("mix", song, "-o", song / "final.wav", *RULES, "--subtype", "FLOAT")
    (song / "final.json").unlink()
    status, _, err = dasp("unmix", song, song / "final.wav", "-o", tmp_path / "found.json",
                          "--stages", "gain")  # fmt: skip
    assert status == 0 and _tracks(tmp_path / "found.json") == ["kick", "vocal"]
    assert "mix.wav: a mix" in err and "final.wav" not in err
    status, out, err = dasp("eval", song / "final.wav", "--reference", song / "final.wav",
                            "--stems", song, "--json")  # fmt: skip
    assert status == 0 and "mix.wav: a mix" in err
    # Equal loudness of these very stems is what the mix is, but for its limiter and level.
    assert json.loads(out)["means"]["equal loudness"]["gain_invariant_sdr"]["mean"] > 20


def test_a_folder_of_songs_is_explained(dasp, song, tmp_path):
    status, _, err = dasp("mix", tmp_path, "-o", tmp_path / "new.wav", *RULES)
    assert status == 1 and "its folders may be songs, which 'dasp batch --mix' mixes" in err
    assert load_audio(song / "mix.wav")[1] == RATE
