"""`dasp info`."""

import json

import numpy as np
import pyloudnorm
import pytest
import scipy.io.wavfile
import torch

from dasp.analysis import PeakMeter
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
    titles = "file rate length channels format LUFS LRA max M max S dBTP"
    assert head.split() == titles.split()
    assert row.split()[1:-2] == [
        "48000", "Hz", "2.00", "s", "2", "FLAC", "PCM_24", "-20.0", "0.0", "-20.0"
    ]  # fmt: skip
    assert row.split()[-1] == "-20.0"


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
    assert silence.split()[-5:] == ["silent", "0.0", "silent", "silent", "silent"]
    assert nothing.split()[-5:] == ["-"] * 5
    _, out, _ = dasp("info", "--json", tmp_path / "nothing.wav")
    assert json.loads(out)[0]["loudness_lufs"] is None


def test_all_measures(dasp, tmp_path):
    """Tones of 20 s at -20 and -30 dB: a range of 10 LU, and the maxima of the louder.

    At 8 kHz the filter passes 1 kHz 0.2 dB lower.
    """
    t = torch.arange(20 * 8000, dtype=torch.float64) / 8000
    tone = torch.sin(2 * torch.pi * 1000 * t).expand(2, -1)
    save_audio(tmp_path / "tones.wav", torch.cat((0.1 * tone, 10**-1.5 * tone), -1), 8000)
    facts = json.loads(dasp("info", "--json", tmp_path / "tones.wav")[1])[0]
    assert facts["loudness_range_lu"] == pytest.approx(10.0, abs=0.1)
    assert facts["max_momentary_lufs"] == pytest.approx(-20.2, abs=0.1)
    assert facts["max_short_term_lufs"] == pytest.approx(-20.2, abs=0.1)
    assert facts["sample_peak_dbfs"] == pytest.approx(-20.0, abs=0.01)


def test_a_mono_file_on_two_loudspeakers(dasp, tmp_path):
    save_audio(tmp_path / "mono.wav", 0.1 * torch.randn(1, 48_000), 48_000)
    one, two = (json.loads(dasp("info", "--json", tmp_path / "mono.wav", *more)[1])[0]
                for more in ((), ("--dual-mono",)))  # fmt: skip
    assert two["loudness_lufs"] - one["loudness_lufs"] == pytest.approx(3.01, abs=0.01)


def test_the_head_is_there_in_any_case(dasp, tmp_path):
    """Of more channels than have a loudness, of a low rate, and of samples that are no numbers."""
    many, low, wrong = (tmp_path / name for name in ("many.wav", "low.wav", "wrong.wav"))
    save_audio(many, 0.1 * torch.randn(12, 48_000), 48_000)
    save_audio(low, 0.1 * torch.randn(1, 1000), 1000)
    scipy.io.wavfile.write(wrong, 8000, np.float32([0, np.nan, 0]))
    status, out, err = dasp("info", many, low, wrong)
    assert status == 1
    many_row, low_row, wrong_row = (line.split()[1:] for line in out.splitlines()[1:])
    assert many_row[:5] == ["48000", "Hz", "1.00", "s", "12"] and many_row[-5] == "-"
    assert low_row[:4] == ["1000", "Hz", "1.00", "s"] and float(low_row[-1]) > -30
    assert wrong_row[:2] == ["8000", "Hz"] and wrong_row[-5:] == ["-"] * 5
    assert err == f"dasp info: {wrong}: holds nan at sample 1 (0.000 s) of channel 1\n"


def test_memory_does_not_depend_on_the_length(dasp, tmp_path, monkeypatch):
    """No block is longer than a few seconds, and the whole is never read."""
    save_audio(tmp_path / "long.wav", 0.1 * torch.randn(1, 30 * 8000), 8000)
    longest = []
    hear = PeakMeter.hear
    monkeypatch.setattr(
        PeakMeter, "hear", lambda meter, x: (longest.append(x.shape[-1]), hear(meter, x))[1]
    )
    assert dasp("info", tmp_path / "long.wav")[0] == 0
    assert max(longest) <= 5 * 8000 and sum(longest) == 30 * 8000
