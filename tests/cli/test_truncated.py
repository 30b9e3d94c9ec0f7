"""`--allow-truncated`: files that are cut off, and what is said of them."""

import pytest

from dasp.audio_io import audio_info
from dasp.cli.main import main
from tests.broken_audio import wav

CUT = wav(bytes(48_000), size=96_000)


@pytest.mark.parametrize("how", ["process", "batch", "segments"])
def test_processed_when_it_is_allowed(tmp_path, capsys, how):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_bytes(CUT)
    target = tmp_path / "out" / "a.wav"
    command = {
        "process": ["process", str(tmp_path / "in" / "a.wav"), "-o", f"{target.parent}/"],
        "batch": ["batch", str(tmp_path / "in"), "-o", str(target.parent), "-j", "1"],
    }.get(how) or ["process", str(tmp_path / "in/a.wav"), "-o", f"{target.parent}/"]
    command += ["-e", "gain:gain_db=-1", *(["--segment", "0.1"] if how == "segments" else [])]
    assert main(command) == 1
    assert "is cut off" in capsys.readouterr().err and not target.exists()
    more = ["--force"] if how == "batch" else []
    assert main([*command, "--allow-truncated", *more]) == 0
    note = "0.500 s are read, 0.500 s are missing"
    assert capsys.readouterr().err.count(note) == 1
    assert audio_info(target).frames == 24_000


def test_measured_and_mixed_when_it_is_allowed(tmp_path, capsys):
    (tmp_path / "stems").mkdir()
    for name in ("bass.wav", "voice.wav"):
        (tmp_path / "stems" / name).write_bytes(wav(bytes(range(256)) * 400, size=204_800))
    stem = str(tmp_path / "stems" / "bass.wav")
    assert main(["info", stem]) == 1
    assert main(["info", stem, "--allow-truncated"]) == 0
    assert "are missing" in capsys.readouterr().err
    mix = ["mix", str(tmp_path / "stems"), "-o", str(tmp_path / "mix.wav"), "--system", "dugan"]
    assert main(mix) == 1
    assert "is cut off" in capsys.readouterr().err
    assert main([*mix, "--allow-truncated"]) == 0
    assert "are missing" in capsys.readouterr().err
    assert audio_info(tmp_path / "mix.wav").frames == 51_200
