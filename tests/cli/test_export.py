"""`dasp export`."""

import json

import torch

from dasp.audio_io import load_audio, save_audio


def test_a_mix_becomes_a_project(dasp, tmp_path):
    dasp("synthesise", tmp_path / "stems", "--seconds", 1, "--rate", 22_050)
    dasp("mix", tmp_path / "stems", "-o", tmp_path / "mix.wav", "--system", "rules")
    project = tmp_path / "studio" / "mix.rpp"
    status, out, err = dasp("export", tmp_path / "mix.json", "--to", "reaper", "-o", project)
    assert (status, out) == (0, f"{project}\n")
    assert err == (
        "note: master: the limiter keeps its ceiling and gain; its release is ReaLimit's\n"
    )
    text = project.read_text()
    # Eight tracks, and the group of drums.
    assert text.count("<TRACK") == 9 and 'FILE "../stems/kick.wav"' in text
    assert dasp("export", tmp_path / "mix.json", "--to", "reaper", "-o", project)[0] == 1
    status, _, err = dasp("export", tmp_path / "mix.json", "--to", "reaper", "-o", "mix.txt")
    assert status == 2 and "expected a name that ends in .rpp, got 'mix.txt'" in err


def test_the_response_of_a_reverb_comes_beside_the_project(dasp, tmp_path):
    save_audio(tmp_path / "a.flac", 0.1 * torch.randn(1, 4000), 22_050)
    track = {"name": "a", "file": "a.flac", "sends_db": {"room": -6.0}}
    strip = [{"processor": "feedback_delay_network", "settings": {"mix": 1.0, "rt60_low_s": 0.2,
              "rt60_mid_s": 0.2, "rt60_high_s": 0.2}}]  # fmt: skip
    document = {"format": "dasp-mix", "version": 2, "sample_rate": 22_050, "tracks": [track],
                "buses": [{"name": "room", "strip": strip}]}  # fmt: skip
    (tmp_path / "mix.json").write_text(json.dumps(document))
    command = ("export", tmp_path / "mix.json", "--to", "reaper", "-o", tmp_path / "mix.rpp")
    response = tmp_path / "mix - room response.wav"
    status, out, err = dasp(*command)
    assert (status, out) == (0, f"{tmp_path / 'mix.rpp'}\n{response}\n")
    assert "room: feedback_delay_network is ReaVerbate" in err
    x, rate = load_audio(response)
    assert rate == 22_050 and x.shape[0] == 2 and 0.1 < x.shape[1] / rate < 1
    assert "<SOURCE FLAC" in (tmp_path / "mix.rpp").read_text()
    (tmp_path / "mix.rpp").unlink()
    assert dasp(*command)[0] == 1 and not (tmp_path / "mix.rpp").exists()
