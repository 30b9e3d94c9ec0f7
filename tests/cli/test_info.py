"""`dasp info`."""

import json

import numpy as np
import pyloudnorm
import pytest
import torch

from dasp.audio_io import save_audio


@pytest.fixture
def tone(tmp_path):
    """The sine of BS.1770: 997 Hz at 0 dB in one channel is -3.01 LUFS; here both, at -20 dB."""
    t = torch.arange(2 * 48_000, dtype=torch.float64) / 48_000
    path = tmp_path / "tone.flac"
    save_audio(path, 0.1 * torch.sin(2 * torch.pi * 997 * t).expand(2, -1), 48_000)
    return path


def test_a_table(dasp, tone):
    status, out, err = dasp("info", tone)
    assert status == 0 and err == ""
    head, row = out.splitlines()
    assert head.split() == ["file", "rate", "length", "channels", "format", "LUFS", "dBTP"]
    assert row.split()[1:] == [
        "48000", "Hz", "2.00", "s", "2", "FLAC", "PCM_24", "-20.0", "-20.0"
    ]  # fmt: skip


def test_json(dasp, stereo):
    x, path = stereo
    x = np.tile(x.numpy(), 8)
    long = path.with_name("long.wav")
    save_audio(long, torch.from_numpy(x), 44_100, subtype="FLOAT")
    status, out, _ = dasp("info", "--json", path, long)
    short_facts, facts = json.loads(out)
    assert status == 0
    assert short_facts["frames"] == 11_025 and short_facts["duration_s"] == 0.25
    expected = pyloudnorm.Meter(44_100, filter_class="DeMan").integrated_loudness(x.T)
    assert facts["loudness_lufs"] == pytest.approx(expected, abs=0.01)
    assert 20 * np.log10(np.abs(x).max()) <= facts["true_peak_dbtp"] < 0
    assert (facts["file"], facts["format"], facts["subtype"]) == (str(long), "WAV", "FLOAT")


def test_a_bad_file_does_not_hide_the_others(dasp, tmp_path, tone):
    cut = tmp_path / "cut.wav"
    save_audio(cut, torch.zeros(1, 1000), 48_000)
    cut.write_bytes(cut.read_bytes()[:-10])
    status, out, err = dasp("info", cut, tone, tmp_path / "none.wav")
    assert status == 1
    assert str(tone) in out and len(out.splitlines()) == 2
    first, second = err.splitlines()
    assert first.startswith(f"dasp info: {cut}: is cut off")
    assert second == f"dasp info: {tmp_path / 'none.wav'}: does not exist"


def test_silence_and_no_samples(dasp, tmp_path):
    save_audio(tmp_path / "silence.wav", torch.zeros(1, 48_000), 48_000)
    save_audio(tmp_path / "nothing.wav", torch.zeros(1, 0), 48_000)
    status, out, err = dasp("info", tmp_path / "silence.wav", tmp_path / "nothing.wav")
    assert status == 0 and err == ""
    _, silence, nothing = out.splitlines()
    assert silence.split()[-2:] == ["silent", "silent"]
    assert nothing.split()[-2:] == ["-", "-"]
    _, out, _ = dasp("info", "--json", tmp_path / "nothing.wav")
    assert json.loads(out)[0]["loudness_lufs"] is None
