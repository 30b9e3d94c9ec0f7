"""`dasp mix --first-stage`: stems that are made, written and mixed, and that it is told."""

import json
from dataclasses import asdict

import pytest
import torch

from dasp.audio_io import load_audio, save_audio
from dasp.controllers.dae.network import Networks, Size
from dasp.controllers.dae.system import GROUPS, RECIPE
from dasp.songs.synthetic import synthesise_song
from dasp.training.half_weights import save_half

RATE = 44_100
SIZE = Size(fft_size=64, hidden=8)


@pytest.fixture
def stems(tmp_path):
    folder = tmp_path / "stems"
    folder.mkdir()
    song = synthesise_song(5, seconds=2.0, sample_rate=RATE)
    for name in ("kick", "bass", "pad"):
        save_audio(folder / f"{name}.wav", song[name], RATE)
    return folder


@pytest.fixture
def first_stage(tmp_path):
    """Options with weights that turn every other bin up."""
    networks = Networks(tuple(GROUPS), SIZE)
    for network in networks.each:
        network.output.bias.data[::2] = 1.0
    facts = {"recipe": RECIPE, "config": {"size": asdict(SIZE), "groups": list(GROUPS)}}
    save_half(tmp_path / "w.safetensors", networks, facts)
    return "--first-stage", "dae", "--first-stage-weights", tmp_path / "w.safetensors"


def test_stems_are_made_and_mixed_and_the_settings_are_for_them(dasp, stems, first_stage, tmp_path):
    out = tmp_path / "mix.wav"
    status, _, err = dasp("mix", stems, "-o", out, "--system", "rules", *first_stage)
    assert status == 0
    assert "dae makes audio" in err and "1 of 3 tracks (bass)" in err
    made = tmp_path / "mix - dae"
    assert sorted(path.name for path in made.iterdir()) == ["bass.wav", "kick.wav", "pad.wav"]
    for name in ("bass", "kick", "pad"):
        old, new = load_audio(stems / f"{name}.wav")[0], load_audio(made / f"{name}.wav")[0]
        assert old.shape == new.shape and torch.equal(old, new) == (name != "bass")
    files = [track["file"] for track in json.loads(out.with_suffix(".json").read_text())["tracks"]]
    assert files == ["mix - dae/bass.wav", "mix - dae/kick.wav", "mix - dae/pad.wav"]
    again = tmp_path / "again.wav"
    assert dasp("render", tmp_path / "mix.json", "-o", again)[0] == 0
    assert again.read_bytes() == out.read_bytes()


def test_what_plays_is_told_as_for_a_mix(dasp, stems, first_stage, tmp_path):
    """By an option, or by the session file, which is heeded once the stems are made too."""
    (stems / "session.toml").write_text('[role]\nkick = "bass"\n')
    asked = (
        ((), "bass, kick"),
        (("--role", "pad=keys"), "bass, kick, pad"),
        (("--role", "pad=keys", "--no-prepare"), "bass, kick, pad"),
    )
    for given, told in asked:
        options = ("--system", "rules", "--force", *first_stage, *given)
        status, _, err = dasp("mix", stems, "-o", tmp_path / "m.wav", *options)
        assert status == 0 and f"({told})" in err
        document = json.loads((tmp_path / "m.json").read_text())
        assert document["tracks"][1]["role"] == "bass"


def test_what_is_put_right_is_so_in_the_stems_and_not_again(dasp, stems, first_stage, tmp_path):
    bass, _ = load_audio(stems / "bass.wav")
    save_audio(stems / "bass.wav", 0.5 * bass + 0.1, RATE, overwrite=True)
    status, _, _ = dasp("mix", stems, "-o", tmp_path / "m.wav", "--system", "rules", *first_stage)
    assert status == 0
    made, _ = load_audio(tmp_path / "m - dae" / "bass.wav")
    assert made.mean().abs() < 0.01
    document = json.loads((tmp_path / "m.json").read_text())
    assert not any("prepare" in track for track in document["tracks"])


def test_nothing_is_overwritten_and_what_cannot_go_together_is_refused(
    dasp, stems, first_stage, tmp_path
):
    precious = tmp_path / "mix - dae" / "bass.wav"
    precious.parent.mkdir()
    precious.write_text("precious")
    options = ("-o", tmp_path / "mix.wav", "--system", "rules")
    status, _, err = dasp("mix", stems, *options, *first_stage)
    assert status == 1 and "bass.wav: exists already" in err
    assert precious.read_text() == "precious" and not (tmp_path / "mix.wav").exists()
    assert dasp("mix", stems, *options, *first_stage[2:])[0] == 2
    assert dasp("mix", stems, *options, "--first-stage", "dea")[0] == 2
    assert dasp("mix", stems, *options)[0] == 0
    start = ("--start", tmp_path / "mix.json", "-o", tmp_path / "b.wav")
    assert dasp("mix", *start, *first_stage)[0] == 2
