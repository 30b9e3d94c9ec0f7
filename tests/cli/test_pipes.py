"""`-` in the place of a file: WAV from one program and to the next."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch

from dasp.audio_io import load_audio, save_audio

ROOT = str(Path(__file__).parents[2])
RATE = 44_100


class Standard:
    """Standard input or output of another program, as a text file over bytes."""

    def __init__(self, content=b""):
        self.buffer = io.BytesIO(content)
        self.text = ""

    def isatty(self):
        return False

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.fixture
def pipe(monkeypatch):
    """Run a command with bytes on standard input: the status, and the bytes on standard output."""
    from dasp.cli.main import main

    def run(content, *arguments):
        out = Standard()
        monkeypatch.setattr(sys, "stdin", Standard(content))
        monkeypatch.setattr(sys, "stdout", out)
        status = main([str(argument) for argument in arguments])
        monkeypatch.undo()
        return status, out.buffer.getvalue(), out.text

    return run


def test_from_one_program_to_the_next(pipe, stereo):
    x, path = stereo
    status, sound, text = pipe(
        path.read_bytes(), "process", "-", "-o", "-", "-e", "gain:gain_db=-6"
    )
    assert (status, text) == (0, "")
    y, rate = soundfile.read(io.BytesIO(sound), always_2d=True)
    assert rate == RATE
    torch.testing.assert_close(torch.from_numpy(y.T).float(), 10 ** (-6 / 20) * x)


@pytest.mark.parametrize("more", [(), ("--segment", "0.05"), ("--subtype", "PCM_16")])
def test_a_pipe_gives_what_files_give(pipe, dasp, tmp_path, stereo, more):
    file, sound = tmp_path / "file.wav", tmp_path / "sound.wav"
    effects = ("-e", "compressor:threshold_db=-20", *more)
    assert dasp("process", stereo[1], "-o", file, *effects)[0] == 0
    _, content, _ = pipe(stereo[1].read_bytes(), "process", "-", "-o", "-", *effects)
    assert content == file.read_bytes()
    assert pipe(stereo[1].read_bytes(), "process", "-", "-o", sound, *effects)[1:] == (
        b"", f"{sound}\n"
    )  # fmt: skip
    assert sound.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF - 36, 0xFFFF_FFFF, 0x7FFF_F000])
def test_lengths_that_the_writer_could_not_know(pipe, tmp_path, size):
    """As SoX, ffmpeg and others leave them in the head of what they write into a pipe."""
    x = torch.rand(1, 1000) - 0.5
    save_audio(tmp_path / "in.wav", x, RATE, subtype="PCM_16")
    content = bytearray((tmp_path / "in.wav").read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = size.to_bytes(4, "little")
    content[4:8] = min(size + 36, 0xFFFF_FFFF).to_bytes(4, "little")
    status, sound, _ = pipe(bytes(content), "process", "-", "-o", "-", "-e", "gain")
    assert status == 0
    y, _ = soundfile.read(io.BytesIO(sound), always_2d=True)
    torch.testing.assert_close(torch.from_numpy(y.T).float(), x, rtol=0, atol=1e-4)


def test_info_of_a_pipe(pipe, stereo):
    status, _, text = pipe(stereo[1].read_bytes(), "info", "--json", "-")
    (facts,) = json.loads(text)
    assert status == 0
    assert (facts["file"], facts["frames"]) == ("-", stereo[0].shape[-1])


def test_what_is_no_audio_is_named_after_the_pipe(pipe, capsys):
    for arguments in (("info", "-"), ("process", "-", "-o", "-", "-e", "gain")):
        assert pipe(b"nothing to hear", *arguments)[:2] == (1, b"")
        assert f"dasp {arguments[0]}: -: is" in capsys.readouterr().err


def test_one_file_goes_into_a_pipe(pipe, stereo, capsys):
    assert pipe(b"", "process", stereo[1], stereo[1], "-o", "-", "-e", "gain")[0] == 1
    assert "one file goes into a pipe" in capsys.readouterr().err


def test_samples_are_not_written_on_a_screen(pipe, stereo, capsys, monkeypatch):
    monkeypatch.setattr(Standard, "isatty", lambda _: True)
    assert pipe(b"", "process", stereo[1], "-o", "-", "-e", "gain")[0] == 1
    assert "not on the screen" in capsys.readouterr().err


needs = pytest.mark.skipif(
    not (shutil.which("sox") and shutil.which("ffmpeg")), reason="SoX and ffmpeg are not installed"
)


@needs
def test_between_sox_and_ffmpeg(tmp_path):
    """In one pipeline; and whoever reads no further ends it quietly."""
    program = f"{sys.executable} -m dasp"
    script = f"""
        set -o pipefail
        sox -n -r 44100 -b 16 -c 2 -t wav - synth 0.5 sine 440 gain -6 |
        {program} process - -o - -e gain:gain_db=-6 |
        ffmpeg -v error -i - -f wav - | sox -t wav - out.wav || exit 9
        {program} process out.wav -o - -e gain | head -c 10 >head
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )  # fmt: skip
    assert b"Traceback" not in done.stderr and b"dasp" not in done.stderr, done.stderr
    assert done.returncode != 9 and len((tmp_path / "head").read_bytes()) == 10
    y, rate = load_audio(tmp_path / "out.wav")
    assert (rate, y.shape) == (44_100, (2, 22_050))
    assert y.abs().max().item() == pytest.approx(0.25, rel=0.02)
