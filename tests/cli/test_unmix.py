"""`dasp unmix` on files: what it writes is what it says."""

import json

import torch

from dasp.audio_io import save_audio
from dasp.cli.main import main

RATE = 8000


def _write(folder, seconds=1.0):
    stems = folder / "stems"
    stems.mkdir()
    draw = torch.Generator().manual_seed(0)
    tracks = 0.1 * torch.randn(3, 1, int(RATE * seconds), generator=draw)
    for name, track in zip(("bass", "keys", "vox"), tracks, strict=True):
        save_audio(stems / f"{name}.wav", track, RATE, subtype="FLOAT")
    mix = torch.cat((tracks[0] + 0.5 * tracks[1], tracks[0]))
    save_audio(folder / "mix.wav", mix, RATE, subtype="FLOAT")
    return stems, folder / "mix.wav"


def test_levels_come_out_and_the_absent_track_is_named(tmp_path, capsys):
    stems, mix = _write(tmp_path)
    out = tmp_path / "mix.json"
    assert main(["unmix", str(stems), str(mix), "-o", str(out), "--stages", "gain"]) == 0
    printed = capsys.readouterr()
    assert "note: vox: not in the mix" in printed.err
    assert "SDR" in printed.out and str(out) in printed.out
    document = json.loads(out.read_text())
    bass = {node["processor"]: node["settings"] for node in document["tracks"][0]["strip"]}
    assert abs(bass["gain"]["gain_db"] - 3.01) < 0.01
    assert abs(bass["stereo_panner"]["pan"]) < 1e-3


def test_lengths_that_differ_and_a_mono_mix_are_noted(tmp_path, capsys):
    stems, _ = _write(tmp_path)
    save_audio(tmp_path / "mono.wav", 0.1 * torch.ones(1, RATE // 2), RATE)
    out = tmp_path / "mix.json"
    arguments = ["unmix", str(stems), str(tmp_path / "mono.wav"), "-o", str(out)]
    assert main([*arguments, "--stages", "gain"]) == 0
    notes = capsys.readouterr().err
    assert "the mix is mono" in notes and "0.500 s of the tracks are left out" in notes
    assert "may belong to another" in notes


def test_silence_and_unknown_stages_are_errors(tmp_path, capsys):
    stems, _ = _write(tmp_path)
    save_audio(tmp_path / "silent.wav", torch.zeros(2, RATE), RATE)
    arguments = ["unmix", str(stems), str(tmp_path / "silent.wav"), "-o", str(tmp_path / "a.json")]
    assert main(arguments) == 1
    assert "mix: expected some sound" in capsys.readouterr().err
    assert not (tmp_path / "a.json").exists()
