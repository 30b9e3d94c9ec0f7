"""Every command on names that the terminal cannot show, that are no text, or that mean syntax."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dasp.audio_io import load_audio, save_audio
from dasp.cli.main import main
from dasp.mixing.document import load_mix

ROOT = str(Path(__file__).parents[2])
RATE = 44_100
NOISE = 0.1 * torch.rand(1, RATE, generator=torch.Generator().manual_seed(0))
NAMES = ("a.wav", "\u30ab\u30d5\u30a7 \u00fc.wav", os.fsdecode(b"k\xffck.wav"), "z.wav")

SCRIPT = """
import sys
from dasp.cli.main import main
for line in sys.argv[1].split(";"):
    status = main([word.replace("+", " ") for word in line.split()])
    print("status", status)
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")


@pytest.fixture
def folder(tmp_path):
    """Four stems, the second with a name of many scripts, the third with one that is no text."""
    (tmp_path / "in").mkdir()
    for name in NAMES:
        save_audio(tmp_path / "in" / name, NOISE, RATE)
    return tmp_path


@linux
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_name_that_the_terminal_does_not_have(folder, monkeypatch, encoding):
    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, encoding, errors="strict"))
    files = [str(folder / "in" / name) for name in NAMES]
    assert main(["process", *files, "-o", str(folder / "out"), "-e", "gain"]) == 0
    assert main(["info", *files]) == 0
    assert main(["info", "--json", *files]) == 0
    sys.stdout.flush()
    lines = terminal.getvalue().split(b"\n")
    new = [folder / "out" / name for name in NAMES]
    assert lines[2] == os.fsencode(new[2])  # for the next program, as it is
    assert [lines[1].decode(encoding) == str(new[1])] == [encoding == "utf-8"]
    assert [facts["file"] for facts in json.loads(b"\n".join(lines[9:]))] == files
    for name in NAMES:
        x, y = (load_audio(folder / place / name)[0] for place in ("in", "out"))
        assert torch.equal(x, y)


@linux
def test_a_locale_that_knows_ascii_only(folder):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, b";".join([
            b"batch in -o out -j 1 -e gain",
            b"batch in -o out -e gain --dry-run --resume",
            *[b"process in/" + os.fsencode(name).replace(b" ", b"+") + b" -o one/ -e gain"
              for name in NAMES[1:3]],
            b"mix in -o mix.wav --system rules",
            b"render mix.json -o again.wav",
            b"export mix.json --to reaper -o mix.rpp",
        ])],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ROOT, "LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines.count(b"status 0") == 7, done.stderr
    assert sum(line.endswith(b"(whole already)") for line in lines) == 4
    assert {b"one/" + os.fsencode(name) for name in NAMES[1:3]} <= set(lines)
    # What is written there is read in any other place.
    mix = load_mix(folder / "mix.json", with_files=True)
    assert [track.file for track in mix.tracks] == [str(folder / "in" / n) for n in sorted(NAMES)]
    assert {track.name for track in mix.tracks} == {name[:-4] for name in NAMES}
    project = (folder / "mix.rpp").read_bytes()
    assert all(os.fsencode(name) in project for name in NAMES)


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize(
    "name", ["a,b=c: d.wav", " it's.wav", 'say "a, b".wav', "1/2.wav", "x''y.wav"]
)
def test_a_file_of_any_name_within_an_effect(dasp, tmp_path, stereo, name, quote):
    room, out, chain, again = (tmp_path / n for n in (name, "out.wav", "chain.json", "again.wav"))
    room.parent.mkdir(exist_ok=True)
    save_audio(room, torch.tensor([[0.5, 0.25]]), RATE)
    text = str(room).replace(quote, 2 * quote)
    effect = f"convolution_reverb:mix=1,impulse_response={quote}{text}{quote},wet_gain_db=-6"
    status, _, err = dasp(
        "process", stereo[1], "-o", out, "-e", effect, "--save-chain", chain
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert json.loads(chain.read_text())["chain"][0]["settings"]["impulse_response"] == name
    assert dasp("process", stereo[1], "-o", again, "--chain", chain)[0] == 0
    assert out.read_bytes() == again.read_bytes()


def test_a_comma_without_quotes_is_explained(dasp, tmp_path, stereo):
    effect = "convolution_reverb:mix=1,impulse_response=a, b.wav"
    status, _, err = dasp("process", stereo[1], "-o", tmp_path / "o.wav", "-e", effect)
    assert status == 2 and "stands in quotes" in err


def test_settings_are_kept_between_drives(dasp, tmp_path, stereo, monkeypatch):
    """On Windows no relative name leads from one drive to another."""
    room, out, chain = (tmp_path / name for name in ("room.wav", "out.wav", "chain.json"))
    save_audio(room, torch.tensor([[0.5]]), RATE)

    def no_way(*_):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", no_way)
    effect = f"convolution_reverb:mix=1,impulse_response={room}"
    assert dasp("process", stereo[1], "-o", out, "-e", effect, "--save-chain", chain)[0] == 0
    named = json.loads(chain.read_text())["chain"][0]["settings"]["impulse_response"]
    assert named == room.as_posix()


def test_a_table_lines_up_under_wide_signs(capsys):
    from dasp.cli.printing import print_table

    print_table(("file", "n"), [("\u30ab\u30d5", "1"), ("e\u0301", "2"), ("abcd", "3")])
    assert capsys.readouterr().out.splitlines() == [
        "file  n", "\u30ab\u30d5  1", "e\u0301     2", "abcd  3"
    ]  # fmt: skip
