"""`dasp normalise`: files at a loudness, and what is said where it cannot be."""

import io
import json
import sys

import pytest
import torch

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.audio_io import audio_info, load_audio, save_audio
from tests.cli.test_pipes import Standard

RATE = 16_000


@pytest.fixture
def songs(tmp_path):
    """A soft file, a loud one, and one with peaks that allow little."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    files = {
        "soft.wav": 0.01 * torch.randn(2, 2 * RATE),
        "loud.flac": 0.2 * torch.randn(1, 2 * RATE).clamp(-3, 3),
        "deep/peaks.wav": 0.02 * torch.randn(2, 2 * RATE),
    }
    files["deep/peaks.wav"][:, 5000::9000] = 0.7
    for name, x in files.items():
        save_audio(folder / name, x, RATE)
    return folder


def lufs(path):
    x, rate = load_audio(path)
    return measure_loudness(x, rate).item()


def dbtp(path):
    x, rate = load_audio(path)
    return measure_true_peak(x, rate).max().item()


@pytest.mark.parametrize("command", ["normalise", "normalize"])
def test_one_file(dasp, tmp_path, songs, command):
    out = tmp_path / "out.wav"
    status, text, err = dasp(command, songs / "soft.wav", "-o", out, "--lufs", "-20")
    assert (status, err) == (0, "")
    assert lufs(out) == pytest.approx(-20.0, abs=0.01)
    head, row = text.splitlines()
    assert head.split() == ["file", "LUFS", "dBTP", "gain", "LUFS", "after", "dBTP", "after"]
    assert row.split()[-2] == "-20.0"
    x, y = load_audio(songs / "soft.wav")[0], load_audio(out)[0]
    gain = (x * y).sum() / x.square().sum()
    torch.testing.assert_close(y, gain * x, rtol=0, atol=1e-6)  # and nothing else


def test_folders_keep_their_tree_and_files_their_format(dasp, tmp_path, songs):
    out = tmp_path / "out"
    status, _, _ = dasp("normalise", songs, "-o", out, "--lufs", "-30", "-j", "2")
    assert status == 0
    for name in ("soft.wav", "loud.flac", "deep/peaks.wav"):
        assert lufs(out / name) == pytest.approx(-30.0, abs=0.05)
        assert audio_info(out / name).subtype == audio_info(songs / name).subtype


def test_what_peaks_forbid_is_said_and_can_be_limited(dasp, tmp_path, songs):
    short, whole = tmp_path / "short.wav", tmp_path / "whole.wav"
    arguments = (
        "normalise",
        songs / "deep/peaks.wav",
        "--lufs",
        "-20",
        "--true-peak",
        "-1dB",
        "-o",
    )
    status, _, err = dasp(*arguments, short)
    assert status == 0
    assert "a true peak of -1 dBTP allows" in err and "--limit" in err
    assert lufs(short) < -22 and dbtp(short) == pytest.approx(-1.0, abs=0.05)
    status, out, err = dasp(*arguments, whole, "--limit")
    assert (status, err) == (0, "") and ", limited" in out
    assert lufs(whole) == pytest.approx(-20.0, abs=0.15) and dbtp(whole) < -0.9


def test_an_album_has_one_gain(dasp, tmp_path, songs):
    """Together they have the loudness; apart they stay as far from each other as they were."""
    names = ("soft.wav", "deep/peaks.wav")
    files = [songs / name for name in names]
    status, out, _ = dasp(
        "normalise", *files, "-o", tmp_path / "out", "--album", "--lufs", "-30", "--json"
    )
    assert status == 0
    first, second = json.loads(out)
    assert first["gain_db"] == second["gain_db"]
    new = [tmp_path / "out" / file.name for file in files]
    assert lufs(new[0]) - lufs(new[1]) == pytest.approx(lufs(files[0]) - lufs(files[1]), abs=0.02)
    together = torch.cat([load_audio(file)[0] for file in new], -1)
    assert measure_loudness(together, RATE).item() == pytest.approx(-30.0, abs=0.1)


def test_an_album_needs_all_of_its_files(dasp, tmp_path, songs):
    (songs / "broken.wav").write_bytes(b"RIFF and no more")
    arguments = ("normalise", songs, "-o", tmp_path / "out")
    status, _, err = dasp(*arguments, "--album")
    assert status == 1 and "an album needs all of its files" in err
    assert not (tmp_path / "out").exists()
    status, out, err = dasp(*arguments, "--lufs", "-30")
    assert status == 1 and f"dasp normalise: {songs / 'broken.wav'}: " in err
    assert len(out.splitlines()) == 4


def test_silence_is_named_and_left_as_it_is(dasp, tmp_path, songs):
    save_audio(songs / "silent.wav", torch.zeros(1, RATE), RATE)
    save_audio(songs / "empty.wav", torch.zeros(1, 0), RATE)
    status, out, err = dasp("normalise", songs, "-o", tmp_path / "out", "--lufs", "-30")
    assert status == 0
    assert f"note: {songs / 'silent.wav'}: is silent: left as it is" in err
    assert f"note: {songs / 'empty.wav'}: has no loudness: left as it is" in err
    assert (tmp_path / "out" / "silent.wav").read_bytes() == (songs / "silent.wav").read_bytes()
    (row,) = [line for line in out.splitlines() if "silent.wav" in line]
    assert row.split()[1:] == ["silent", "silent", "+0.0", "dB", "silent", "silent"]


def test_nothing_is_written_over(dasp, songs):
    path = songs / "soft.wav"
    before = path.read_bytes()
    status, _, err = dasp("normalise", path, "-o", path)
    assert status == 1 and "--force replaces it" in err and path.read_bytes() == before
    assert dasp("normalise", path, "-o", path, "--lufs", "-25", "--force")[0] == 0
    assert lufs(path) == pytest.approx(-25.0, abs=0.01)


def test_new_names_beside_the_old(dasp, songs):
    status, _, _ = dasp("normalise", songs, "--suffix", "_r128", "--lufs", "-23", "--limit")
    assert status == 0
    new = sorted(path.relative_to(songs).as_posix() for path in songs.rglob("*_r128.*"))
    assert new == ["deep/peaks_r128.wav", "loud_r128.flac", "soft_r128.wav"]
    status, _, err = dasp("normalise", songs, "--suffix", "_r128", "--lufs", "-23", "--force")
    assert status == 0 and err.count("is an earlier result by its name, and passed over") == 3
    assert sorted(path.relative_to(songs).as_posix() for path in songs.rglob("*_r128*")) == new
    status, _, _ = dasp(
        "normalise",
        songs / "soft.wav",
        "-o",
        f"{songs}/x/",
        "--name",
        "{stem}2",
        "--format",
        "flac",
    )
    assert status == 0 and (songs / "x" / "soft2.flac").exists()


def test_a_dry_run_measures_and_writes_nothing(dasp, songs):
    before = sorted(songs.rglob("*"))
    status, out, _ = dasp("normalise", songs, "--dry-run")
    assert status == 0 and len(out.splitlines()) == 4 and sorted(songs.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((), "expected -o OUT, --suffix TEXT, or --dry-run"),
        (("-o", "x", "--lufs", "16"), "did you mean -16?"),
        (("-o", "x", "--true-peak", "3"), "got 3"),
    ],
)
def test_wrong_usage(dasp, songs, arguments, expected):
    status, _, err = dasp("normalise", songs, *arguments)
    assert status == 2 and expected in err


def test_mono_on_two_loudspeakers(dasp, tmp_path, songs):
    out = tmp_path / "out.flac"
    assert dasp("normalise", songs / "loud.flac", "-o", out, "--lufs", "-23", "--dual-mono")[0] == 0
    assert lufs(out) == pytest.approx(-26.01, abs=0.02)


def test_through_a_pipe(dasp, songs, monkeypatch, capsys):
    from dasp.cli.main import main

    out = Standard()
    monkeypatch.setattr(sys, "stdin", Standard((songs / "soft.wav").read_bytes()))
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["normalise", "-", "-o", "-", "--lufs", "-25"]) == 0
    monkeypatch.undo()
    assert out.text == "" and "-25.0" in capsys.readouterr().err
    path = songs / "piped.wav"
    path.write_bytes(out.buffer.getvalue())
    assert lufs(path) == pytest.approx(-25.0, abs=0.01)
    assert io.BytesIO(out.buffer.getvalue()).read(4) == b"RIFF"


def test_a_file_that_is_cut_off_is_refused_or_taken_as_it_is(dasp, tmp_path, songs):
    cut, out = songs / "soft.wav", tmp_path / "out.wav"
    cut.write_bytes(cut.read_bytes()[:-6000])
    status, _, err = dasp("normalise", cut, "-o", out)
    assert status == 1 and "is cut off" in err and not out.exists()
    status, _, err = dasp("normalise", cut, "-o", out, "--lufs", "-25", "--allow-truncated")
    assert status == 0 and f"note: {cut}: is cut off" in err
    assert lufs(out) == pytest.approx(-25.0, abs=0.01)
