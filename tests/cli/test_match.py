"""`dasp match` on files."""

import json

import pytest
import torch

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.audio_io import load_audio, save_audio
from dasp.cli.main import main
from dasp.functional import low_pass

RATE = 16_000


def _noise(seed, seconds=1.0, rate=RATE):
    draw = torch.Generator().manual_seed(seed)
    noise = 0.1 * torch.randn(2, round(seconds * rate), generator=draw)
    return low_pass(noise, rate, freq_hz=2000.0)  # as loud at any rate


@pytest.fixture
def files(tmp_path):
    save_audio(tmp_path / "mix.wav", _noise(0), RATE)
    save_audio(tmp_path / "ref.wav", 2 * _noise(1, rate=22_050), 22_050)
    return tmp_path


def _match(files, *words):
    return main([
        "match", str(files / "mix.wav"), "--reference", str(files / "ref.wav"),
        "-o", str(files / "out.wav"), "--dynamics", "none", *words,
    ])  # fmt: skip


def test_the_master_is_as_loud_as_a_reference_of_another_rate(files, capsys):
    assert _match(files, "--report", str(files / "report.json")) == 0
    master, rate = load_audio(files / "out.wav")
    reference, own = load_audio(files / "ref.wav")
    wanted = measure_loudness(reference, own).item()
    assert rate == RATE
    assert measure_loudness(master, rate).item() == pytest.approx(wanted, abs=0.3)
    report = json.loads((files / "report.json").read_text(encoding="utf-8"))
    assert report["true_peak_dbtp"] == pytest.approx(measure_true_peak(master, rate).max().item())
    assert report["true_peak_dbtp"] <= -0.95
    assert report["distance"][1] < report["distance"][0]
    out = capsys.readouterr().out
    assert "loudness" in out and str(files / "out.json") in out


def test_the_chain_makes_the_same_master(files):
    assert _match(files, "--chain", str(files / "chain.json")) == 0
    again = files / "again.wav"
    words = ["process", str(files / "mix.wav"), "--chain", str(files / "chain.json")]
    assert main([*words, "-o", str(again)]) == 0
    assert again.read_bytes() == (files / "out.wav").read_bytes()
    assert not (files / "out.json").exists()


def test_parts_of_the_style_are_weighed(files, capsys):
    assert _match(files, "--weight", "encoder=1", "--weight", "width=0") == 0
    assert "encoder" in capsys.readouterr().out
    for wrong, why in (("colour=1", "colour"), ("crest=-1", "at least 0"), ("crest", "--weight")):
        with pytest.raises(SystemExit):
            _match(files, "--force", "--weight", wrong)
        assert why in capsys.readouterr().err


def test_several_references_and_an_amount(files):
    save_audio(files / "quiet.wav", 0.5 * _noise(2), RATE)
    words = ["match", str(files / "mix.wav"), "--dynamics", "none", "-o", str(files / "out.wav")]
    references = [str(files / "ref.wav"), str(files / "quiet.wav")]
    assert main([*words, "--reference", *references, "--amount", "50%"]) == 0
    mix, ref, quiet, out = (
        measure_loudness(*load_audio(files / f"{name}.wav")).item()
        for name in ("mix", "ref", "quiet", "out")
    )
    assert out == pytest.approx(mix + ((ref + quiet) / 2 - mix) / 2, abs=0.3)


def test_what_is_there_is_not_overwritten(files, capsys):
    (files / "out.json").write_text("mine", encoding="utf-8")
    assert _match(files) == 1
    assert "exists already" in capsys.readouterr().err
    assert not (files / "out.wav").exists()
    assert _match(files, "--force") == 0


def test_a_silent_reference_is_an_error(files, capsys):
    save_audio(files / "ref.wav", torch.zeros(2, RATE), RATE, overwrite=True)
    assert _match(files) == 1
    assert "reference: expected sound, got silence" in capsys.readouterr().err
    assert not (files / "out.wav").exists()


def test_a_picture(files):
    pytest.importorskip("matplotlib")
    assert _match(files, "--plot", str(files / "match.png")) == 0
    assert (files / "match.png").stat().st_size > 1000
