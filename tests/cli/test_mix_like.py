"""`dasp mix --reference` on files."""

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.audio_io import load_audio, save_audio
from dasp.cli.main import main
from dasp.functional import high_pass, low_pass
from dasp.mixing import load_mix

RATE = 16_000


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "song").mkdir()
    low, high = 0.1 * torch.randn(2, 1, RATE, generator=torch.Generator().manual_seed(0))
    bass, hihat = low_pass(low, RATE, freq_hz=300.0), high_pass(high, RATE, freq_hz=3000.0)
    tracks = {"bass": bass, "hihat": hihat}
    for name, audio in tracks.items():
        save_audio(tmp_path / "song" / f"{name}.wav", audio, RATE, subtype="FLOAT")
    bright = 0.1 * tracks["bass"] + tracks["hihat"]
    save_audio(tmp_path / "bright.wav", bright.expand(2, -1), RATE)
    return tmp_path


def test_a_mix_like_a_reference(folder, capsys):
    words = ["mix", str(folder / "song"), "--system", "equal-loudness", "--target-lufs", "-20"]
    assert main([*words, "-o", str(folder / "plain.wav")]) == 0
    like = [*words, "--reference", str(folder / "bright.wav")]
    assert main([*like, "-o", str(folder / "like.wav")]) == 0
    assert "dB from the reference:" in capsys.readouterr().err
    audio, rate = load_audio(folder / "like.wav")
    assert measure_loudness(audio, rate).item() == pytest.approx(-20.0, abs=0.2)
    again = folder / "again.wav"
    assert main(["render", str(folder / "like.json"), "-o", str(again)]) == 0
    assert again.read_bytes() == (folder / "like.wav").read_bytes()
    mixes = [load_mix(folder / f"{name}.json") for name in ("plain", "like")]
    gains = [[t.strip[0].settings["gain_db"] for t in mix.tracks] for mix in mixes]
    assert gains[1][1] - gains[1][0] > gains[0][1] - gains[0][0] + 3


def test_a_network_has_nothing_to_turn(folder, capsys):
    words = ["mix", str(folder / "song"), "--system", "wave-u-net", "-o", str(folder / "x.wav")]
    with pytest.raises(SystemExit):
        main([*words, "--reference", str(folder / "bright.wav")])
    assert "--reference" in capsys.readouterr().err
