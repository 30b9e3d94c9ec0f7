"""`dasp render --stems`: every track, group and bus behind its strip, for any studio."""

import json

import pytest
import torch

from dasp.audio_io import audio_info, load_audio, save_audio
from dasp.mixing.document import load_mix
from dasp.processors.strip import run_strip

RATE = 22_050


@pytest.fixture
def document(tmp_path):
    tracks = []
    for name, group in (("kick", "drums"), ("snare", "drums"), ("vox/lead", "")):
        file = f"stems/{name.replace('/', '_')}.wav"
        (tmp_path / "stems").mkdir(exist_ok=True)
        save_audio(tmp_path / file, 0.5 * torch.randn(1, 6000), RATE, subtype="FLOAT")
        tracks.append({
            "name": name, "file": file, "group": group, "sends_db": {"echo": -6.0},
            "strip": [{"processor": "gain", "settings": {"gain_db": 12.0}},
                      {"processor": "stereo_panner", "settings": {"pan": 0.3}}],
        })  # fmt: skip
    mix = {
        "format": "dasp-mix", "version": 2, "sample_rate": RATE, "tracks": tracks,
        "groups": [{"name": "drums", "strip": [{"processor": "compressor", "settings": {}}]}],
        "buses": [{"name": "echo", "strip": [{"processor": "delay", "settings": {"mix": 1.0}}]}],
        "master": [{"processor": "limiter", "settings": {"ceiling_db": -1.0}}],
    }  # fmt: skip
    (tmp_path / "mix.json").write_text(json.dumps(mix))
    return tmp_path / "mix.json"


NAMES = ["drums (group)", "echo (bus)", "kick", "snare", "vox-lead"]


def test_stems_add_up_to_the_mix_through_the_master(dasp, document, tmp_path):
    command = ("render", document, "-o", tmp_path / "mix.wav", "--stems", tmp_path / "out")
    status, out, err = dasp(*command, "--subtype", "FLOAT")
    assert status == 0 and out.count("out/") == 5 and "mix.wav" in out
    assert "note: all stems but kick, snare (which are in their groups) add up to" in err
    files = {path.stem: load_audio(path)[0] for path in (tmp_path / "out").iterdir()}
    assert sorted(files) == NAMES
    assert files["kick"].abs().max() > 1, "over full scale, and not clipped"
    total = files["drums (group)"] + files["echo (bus)"] + files["vox-lead"]
    mix, _ = load_audio(tmp_path / "mix.wav")
    master = run_strip(total, RATE, load_mix(document).master)
    torch.testing.assert_close(master, mix, atol=1e-5, rtol=0)


def test_stems_alone_and_in_another_format(dasp, document, tmp_path):
    assert dasp("render", document, "--stems", tmp_path / "float")[0] == 0
    assert audio_info(tmp_path / "float" / "kick.wav").subtype == "FLOAT"
    options = ("--format", "flac", "--clip-mode", "clamp")
    status, _, err = dasp("render", document, "--stems", tmp_path / "flac", *options)
    assert status == 0 and "kick.flac: " in err and "samples were over full scale" in err
    assert sorted(path.name for path in (tmp_path / "flac").iterdir()) == [
        f"{name}.flac" for name in NAMES
    ]
    assert dasp("render", document)[0] == 2
    assert dasp("render", document, "--stems", tmp_path / "x", "--format", "../wav")[0] == 1


def test_no_stem_is_written_over_a_track_or_another_file(dasp, document, tmp_path):
    stems = tmp_path / "stems"
    whole = (stems / "kick.wav").read_bytes()
    status, _, err = dasp("render", document, "--stems", stems, "--force")
    assert status == 1 and "kick.wav: is one of the tracks" in err
    assert (stems / "kick.wav").read_bytes() == whole
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "echo (bus).wav").write_text("precious")
    status, _, err = dasp("render", document, "--stems", tmp_path / "out")
    assert status == 1 and "echo (bus).wav: exists already" in err


@pytest.mark.parametrize("name, noted", [("take.wav", True), ("mix 2.wav", False)])
def test_a_mix_among_its_tracks_is_noted(dasp, document, tmp_path, name, noted):
    status, _, err = dasp("render", document, "-o", tmp_path / "stems" / name)
    assert status == 0 and (f"{name}: stands among the tracks" in err) == noted


def test_two_stems_of_one_name_are_refused(dasp, document, tmp_path):
    text = document.read_text().replace('"kick"', '"vox-lead"')
    document.write_text(text)
    status, _, err = dasp("render", document, "--stems", tmp_path / "out")
    assert status == 1 and "two stems would be called vox-lead.wav" in err
