"""`dasp fit`: a chain that another command then runs, and gives the target."""

import json

import pytest
import torch

from dasp.audio_io import load_audio, save_audio
from dasp.cli.effects import chain_file
from dasp.functional import distortion, gain
from dasp.grad import GRADIENTS
from dasp.grad import GRADIENTS as ALL_GRADIENTS
from dasp.processors.catalogue import COMPRESSOR

RATE = 16_000
EFFECTS = ("-e", "gain:gain_db=0", "-e", "distortion:drive_db=12,tone_hz=1000")


@pytest.fixture
def pair(tmp_path):
    dry = 0.5 * torch.rand(1, RATE // 2) - 0.25
    wet = distortion(gain(dry, RATE, gain_db=-5.0), RATE, drive_db=18.0, tone_hz=4000.0)
    paths = tmp_path / "dry.wav", tmp_path / "wet.wav"
    for path, x in zip(paths, (dry, wet), strict=True):
        save_audio(path, x, RATE, subtype="FLOAT")
    return paths


def test_the_fitted_chain_makes_the_target(dasp, tmp_path, pair):
    chain, report, picture = (tmp_path / name for name in ("fitted.json", "report.json", "fit.png"))
    status, out, err = dasp(
        "fit",
        *pair,
        *EFFECTS,
        "-o",
        chain,
        "--hold",
        "*.mix",
        "--report",
        report,
        "--plot",
        picture,
    )
    assert (status, err) == (0, "")
    assert "distortion.tone_hz" in out and "lag: 0.00 samples" in out
    assert json.loads(report.read_text())["error_db"]["polish"] < -45
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = tmp_path / "again.wav"
    assert dasp("process", pair[0], "-o", again, "--chain", chain, "--subtype", "FLOAT")[0] == 0
    target, made = load_audio(pair[1])[0], load_audio(again)[0]
    assert (made - target).square().sum() < 1e-4 * target.square().sum()
    assert dasp("fit", *pair, *EFFECTS, "-o", chain)[:2] == (1, "")  # exists already


def test_an_option_is_found_and_kept(dasp, tmp_path):
    time = torch.arange(RATE) / RATE
    dry = (0.2 + 0.6 * (time % 0.4 < 0.1)) * (torch.rand(1, RATE) - 0.5)
    settings = {"threshold_db": -40.0, "slow_attack_ms": 50.0, "slow_release_ms": 600.0}
    wet = COMPRESSOR(dry, RATE, **settings, slow_mix=0.5)
    for name, x in (("dry.wav", dry), ("wet.wav", wet)):
        save_audio(tmp_path / name, x, RATE, subtype="FLOAT")
    held = [f"--hold={name}" for name in ("threshold_db", "*ratio", "*knee_db", "*_ms", "*gain_db")]
    start = "compressor:" + ",".join(f"{name}={value}" for name, value in settings.items())
    files = (tmp_path / "dry.wav", tmp_path / "wet.wav")
    chain = tmp_path / "fitted.json"
    arguments = ("-e", start, "--also", "slow_mix", *held, "--hold=mix", "-o", chain)
    status, out, err = dasp("fit", *files, *arguments)
    assert (status, err) == (0, "") and "slow_mix" in out
    found = chain_file(chain)
    assert found.settings["compressor.slow_mix"] == pytest.approx(0.5, abs=0.01)


def test_recordings_that_do_not_belong_together(dasp, tmp_path, pair):
    x = load_audio(pair[0])[0]
    other = tmp_path / "other.wav"
    save_audio(other, x, 2 * RATE)
    status, _, err = dasp("fit", pair[0], other, "-e", "gain", "-o", tmp_path / "o.json")
    assert status == 1 and "has 32000 Hz" in err and "16000 Hz" in err
    save_audio(other, x[:, 1:], RATE, overwrite=True)
    status, _, err = dasp("fit", pair[0], other, "-e", "gain", "-o", tmp_path / "o.json")
    assert status == 1 and "1 channel(s) of 7999 samples" in err
    save_audio(other, 0 * x, RATE, overwrite=True)
    status, _, err = dasp("fit", pair[0], other, "-e", "gain", "-o", tmp_path / "o.json")
    assert status == 1 and "expected sound, got silence" in err


def test_wrong_usage(dasp, tmp_path, pair):
    arguments = ("fit", *pair, "-e", "gain", "-o", tmp_path / "o.json")
    status, _, err = dasp(*arguments, "--gradient", "auto")
    assert status == 2 and "invalid choice: 'auto'" in err
    status, _, err = dasp(*arguments, "--hold", "gain_dB")
    assert status == 1 and "did you mean 'gain_db'" in err
    assert GRADIENTS == ALL_GRADIENTS
