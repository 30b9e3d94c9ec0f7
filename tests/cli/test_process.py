"""`dasp process`: the file is what the function gives, and nothing is lost on the way."""

import json

import pytest
import torch
import torch.nn.functional as nnf

from dasp import functional as F
from dasp.audio_io import audio_info, load_audio, save_audio
from dasp.processors.catalogue import COMPRESSOR, PARAMETRIC_EQ
from dasp.signal.resample import resample

RATE = 44_100


def test_one_effect(dasp, tmp_path, stereo):
    x, path = stereo
    out = tmp_path / "out.wav"
    assert dasp("process", path, "-o", out, "-e", "gain:gain_db=-6", "--subtype", "FLOAT") == (
        0, f"{out}\n", ""
    )  # fmt: skip
    y, sample_rate = load_audio(out)
    assert sample_rate == RATE
    assert torch.equal(y, F.gain(x, RATE, gain_db=-6.0))


def test_effects_in_series_and_the_chain_that_keeps_them(dasp, tmp_path, stereo):
    x, path = stereo
    effects = [
        "-e", "compressor:threshold_db=-18,ratio=4,detector=rms,linked=false",
        "-e", "parametric_eq:peak_gain_db=3/0/0/-2",
        "-e", "low_pass:order=4",
    ]  # fmt: skip
    first, second, chain = (tmp_path / name for name in ("1.wav", "2.wav", "chain.json"))
    status, _, err = dasp(
        "process", path, "-o", first, *effects, "--save-chain", chain, "--subtype", "FLOAT"
    )
    assert (status, err) == (0, "")
    y = COMPRESSOR(x, RATE, threshold_db=-18.0, ratio=4.0, detector="rms", linked=False)
    y = PARAMETRIC_EQ(y, RATE, peak_gain_db=[3.0, 0.0, 0.0, -2.0])
    y = F.low_pass(y, RATE, freq_hz=10_000.0, order=4)
    assert torch.equal(load_audio(first)[0], y)
    assert json.loads(chain.read_text())["format"] == "dasp-chain"
    assert dasp("process", path, "-o", second, "--chain", chain, "--subtype", "FLOAT")[0] == 0
    assert first.read_bytes() == second.read_bytes()


def test_bands_by_their_numbers(dasp, tmp_path, stereo):
    def made(settings):
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.wav"
        assert dasp("process", stereo[1], "-o", out, "-e", f"parametric_eq:{settings}")[0] == 0
        return out.read_bytes()

    assert made("peak_gain_db[all]=-3dB") == made("peak_gain_db=-3/-3/-3/-3")
    one = made("peak_gain_db[2]=6dB,peak_freq_hz[2]=1.2kHz")
    assert one == made("peak_gain_db=0/6/0/0,peak_freq_hz=200/1200/2000/6000")
    assert one != made("peak_gain_db[3]=6dB")


def test_mono_panned_is_stereo_with_24_bits(dasp, tmp_path):
    save_audio(tmp_path / "mono.flac", 0.1 * torch.ones(1, 100), 48_000)
    out = tmp_path / "out.flac"
    assert dasp("process", tmp_path / "mono.flac", "-o", out, "-e", "stereo_panner:pan=-1")[0] == 0
    info = audio_info(out)
    assert (info.channels, info.format, info.subtype) == (2, "FLAC", "PCM_24")
    left, right = load_audio(out)[0]
    assert left.min() > 0.09 and right.abs().max() < 1e-6


def test_a_tail_of_silence(dasp, tmp_path, stereo):
    x, path = stereo
    out = tmp_path / "out.wav"
    dasp("process", path, "-o", out, "-e", "gain", "--tail", "0.5", "--subtype", "FLOAT")
    assert torch.equal(load_audio(out)[0], nnf.pad(x, (0, RATE // 2)))


def test_a_side_chain_from_a_file(dasp, tmp_path, stereo):
    """At another rate and shorter than the audio: resampled, and completed with silence."""
    x, path = stereo
    key = 0.9 * torch.ones(1, 4000)
    folder = tmp_path / "keys"
    folder.mkdir()
    save_audio(folder / "key.wav", key, 48_000, subtype="FLOAT")
    out, again, chain = (tmp_path / name for name in ("out.wav", "again.wav", "keys/chain.json"))
    settings = f"compressor:threshold_db=-30,attack_ms=1,sidechain={folder / 'key.wav'}"
    output = ("--subtype", "FLOAT")
    status, _, err = dasp(
        "process", path, "-o", out, "-e", settings, *output, "--save-chain", chain
    )
    assert (status, err) == (0, "")
    key = resample(key, 48_000, RATE)
    key = nnf.pad(key, (0, x.shape[-1] - key.shape[-1]))
    expected = COMPRESSOR(x, RATE, threshold_db=-30.0, attack_ms=1.0, sidechain=key)
    assert torch.equal(load_audio(out)[0], expected)
    assert expected[:, 2000].abs().max() < 0.1 * x[:, 2000].abs().max()
    # The chain names the file relative to its own folder, which may move.
    assert json.loads(chain.read_text())["chain"][0]["settings"]["sidechain"] == "key.wav"
    folder.rename(tmp_path / "moved")
    chain = tmp_path / "moved" / "chain.json"
    assert dasp("process", path, "-o", again, "--chain", chain, *output)[0] == 0
    assert out.read_bytes() == again.read_bytes()


def test_an_impulse_response_from_a_file(dasp, tmp_path, stereo):
    x, path = stereo
    response = nnf.pad(torch.tensor([[0.5]]), (100, 0))
    save_audio(tmp_path / "room.wav", response, RATE)
    out = tmp_path / "out.wav"
    effect = f"convolution_reverb:mix=1,impulse_response={tmp_path / 'room.wav'},normalise=none"
    assert dasp("process", path, "-o", out, "-e", effect, "--subtype", "FLOAT")[0] == 0
    echo = nnf.pad(0.5 * x, (100, -100))
    torch.testing.assert_close(load_audio(out)[0], echo, atol=1e-6, rtol=0)


def test_an_impulse_response_is_needed(dasp, tmp_path, stereo):
    out = tmp_path / "out.wav"
    status, _, err = dasp("process", stereo[1], "-o", out, "-e", "convolution_reverb:mix=1")
    assert status == 2
    assert "convolution_reverb needs an audio file, impulse_response=FILE" in err


def test_several_files_into_a_folder(dasp, tmp_path, stereo):
    x, path = stereo
    other = tmp_path / "other.flac"
    save_audio(other, 0.5 * x, 48_000)
    folder = tmp_path / "new" / "folder"
    status, out, _ = dasp("process", path, other, "-o", folder, "-e", "gain:gain_db=0")
    assert status == 0
    assert out.splitlines() == [str(folder / "stereo.wav"), str(folder / "other.flac")]
    assert audio_info(folder / "other.flac").sample_rate == 48_000
    status, _, err = dasp("process", path, path, "-o", tmp_path / "twice", "-e", "gain")
    assert status == 1 and "two inputs would be written to this file" in err


def test_a_bad_file_does_not_stop_the_others(dasp, tmp_path, stereo):
    _, path = stereo
    bad = tmp_path / "bad.wav"
    bad.write_bytes(path.read_bytes()[:-99])
    folder = tmp_path / "folder"
    status, out, err = dasp("process", bad, path, "-o", folder, "-e", "gain")
    assert status == 1
    assert err.startswith(f"dasp process: {bad}: is cut off") and len(err.splitlines()) == 1
    assert out == f"{folder / 'stereo.wav'}\n"
    assert not (folder / "bad.wav").exists()


def test_an_existing_output_is_kept(dasp, tmp_path, stereo):
    _, path = stereo
    out = tmp_path / "out.wav"
    out.write_text("precious")
    status, _, err = dasp("process", path, "-o", out, "-e", "gain")
    assert status == 1
    assert err == f"dasp process: {out}: exists already; --force replaces it\n"
    assert out.read_text() == "precious"
    assert dasp("process", path, "-o", out, "-e", "gain", "--force")[0] == 0
    assert audio_info(out).channels == 2


def test_clipping_is_refused(dasp, tmp_path, stereo):
    _, path = stereo
    out = tmp_path / "out.wav"
    arguments = ("process", path, "-o", out, "-e", "gain:gain_db=24")
    status, _, err = dasp(*arguments, "--subtype", "PCM_24")
    assert status == 1 and "over full scale" in err and not out.exists()
    assert dasp(*arguments, "--subtype", "FLOAT")[0] == 0


@pytest.mark.parametrize("mode, cure", [("clamp", "clipped"), ("rescale", "lowered by ")])
def test_clipping_is_reported(dasp, tmp_path, mode, cure):
    x = torch.tensor([[0.0, 0.25, -0.5, 0.75]])
    save_audio(tmp_path / "in.wav", x, RATE)
    out = tmp_path / "out.wav"
    status, _, err = dasp(
        "process", tmp_path / "in.wav", "-o", out, "-e", "gain:gain_db=12", "--clip-mode", mode
    )
    assert status == 0 and err.startswith(f"note: {out}: 2 samples were over full scale: {cure}")
    expected = (4 * x).clamp(-1, 1) if mode == "clamp" else x / 0.75
    torch.testing.assert_close(load_audio(out)[0], expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_rate_and_subtype_are_kept_and_nothing_is_lost(dasp, tmp_path, subtype):
    x = torch.rand(3, 1000, dtype=torch.float64) - 0.5
    path, out = tmp_path / "in.wav", tmp_path / "out.wav"
    save_audio(path, x, 37_800, subtype=subtype)
    assert dasp("process", path, "-o", out, "-e", "gain:gain_db=0")[0] == 0
    assert out.read_bytes() == path.read_bytes()


def test_another_rate(dasp, tmp_path, stereo):
    x, path = stereo
    out = tmp_path / "out.wav"
    assert dasp("process", path, "-o", out, "-e", "gain:gain_db=-6", "--rate", "22050")[0] == 0
    y, sample_rate = load_audio(out)
    assert sample_rate == 22_050
    assert torch.equal(y, F.gain(resample(x, RATE, 22_050), 22_050, gain_db=-6.0))


def test_a_frequency_out_of_reach_names_the_file(dasp, tmp_path):
    path = tmp_path / "telephone.wav"
    save_audio(path, torch.zeros(1, 100), 8000)
    status, _, err = dasp("process", path, "-o", tmp_path / "out.wav", "-e", "low_pass")
    assert status == 1
    assert err.startswith(f"dasp process: {path}: freq_hz: ") and "Nyquist at 8000 Hz" in err


@pytest.mark.parametrize(
    "effect, expected",
    [
        ("compresor:ratio=4", "did you mean 'compressor'?"),
        ("compressor:treshold_db=-18", "did you mean 'threshold_db'?"),
        ("compressor:ratio=40", "ratio: expected at least 1 and at most 20, got 40"),
        ("compressor:ratio=high", "ratio: expected a number, got 'high'"),
        ("compressor:ratio", "expected key=value"),
        ("compressor:detector=pek", "did you mean 'peak'?"),
        ("parametric_eq:peak_gain_db=1/2", "peak_gain_db: expected 4 bands, got 2"),
        ("parametric_eq:peak_gain_db=3", "which of its 4 bands is to be 3? peak_gain_db[2]=3 sets"),
        ("compressor:attack_ms=1kHz", "attack_ms: expected a time in ms, such as 10, 10ms or 0.5s"),
        ("compressor:sidechian=a.wav", "did you mean 'sidechain'?"),
        ("eq:peak_gain_db=3", "did you mean 'parametric_eq'?"),
        ("low_pass:order=12", "order: expected one of"),
    ],
)
def test_wrong_effects(dasp, tmp_path, stereo, effect, expected):
    status, out, err = dasp("process", stereo[1], "-o", tmp_path / "out.wav", "-e", effect)
    assert status == 2 and out == "" and not (tmp_path / "out.wav").exists()
    assert expected in err and "Traceback" not in err


@pytest.mark.parametrize(
    "text, expected",
    [
        ("{}", '"format": "dasp-chain"'),
        ("not json", "not a JSON text"),
        (
            '{"format": "dasp-chain", "version": 1, "chain": [{"processor": "gian"}]}',
            "did you mean 'gain'?",
        ),
    ],
)
def test_wrong_chains(dasp, tmp_path, stereo, text, expected):
    chain = tmp_path / "chain.json"
    chain.write_text(text)
    status, _, err = dasp("process", stereo[1], "-o", tmp_path / "o.wav", "--chain", chain)
    assert status == 2 and str(chain) in err and expected in err
    chain.unlink()
    status, _, err = dasp("process", stereo[1], "-o", tmp_path / "o.wav", "--chain", chain)
    assert status == 2 and "does not exist" in err


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((), "one of the arguments -e/--effect --chain is required"),
        (("-e", "gain", "--tail", "-1"), "expected 0 seconds or more"),
        (("-e", "gain", "--subtype", "PCM_12"), "invalid choice"),
        (("-e", "gain", "--device", "abacus"), "'abacus' cannot be used here"),
    ],
)
def test_wrong_usage(dasp, tmp_path, stereo, arguments, expected):
    status, _, err = dasp("process", stereo[1], "-o", tmp_path / "out.wav", *arguments)
    assert status == 2 and expected in err


def test_segments_are_the_whole(dasp, tmp_path, stereo):
    """For files that do not fit in memory; the new file has the same samples."""
    _, path = stereo
    effects = ["-e", "limiter:gain_db=20", "-e", "delay:time_ms=30", "--tail", "0.1"]
    files = [tmp_path / "whole.wav", tmp_path / "segments.wav"]
    for file, more in zip(files, ([], ["--segment", "0.03"]), strict=True):
        assert dasp("process", path, "-o", file, *effects, *more)[::2] == (0, "")
    whole, y = (load_audio(file)[0] for file in files)
    torch.testing.assert_close(y, whole, rtol=0, atol=1e-6)
    for seconds in ("0", "-1", "inf"):
        status, _, err = dasp("process", path, "-o", files[0], *effects, "--segment", seconds)
        assert status == 2 and "more than 0 seconds" in err


@pytest.mark.parametrize("more", [[], ["--segment", "0.05"]])
@pytest.mark.parametrize(
    "processor, key", [("convolution_reverb", "impulse_response"), ("fir", "taps")]
)
@pytest.mark.parametrize("rate", [22_050, 88_200, 48_000])
def test_a_response_of_another_rate_keeps_its_level(dasp, tmp_path, rate, processor, key, more):
    """It is an integral: as a signal it would have twice the gain at twice the rate."""
    room, path, out = (tmp_path / name for name in ("room.wav", "tone.wav", "out.wav"))
    save_audio(room, torch.tensor([[0.5]]), rate, subtype="FLOAT")
    tone = 0.5 * torch.sin(2 * torch.pi * 1000 / RATE * torch.arange(RATE // 4))[None]
    save_audio(path, tone, RATE, subtype="FLOAT")
    effect = f"{processor}:mix=1,{key}={room}"
    effect += ",normalise=none" if key == "impulse_response" else ""
    assert dasp("process", path, "-o", out, "-e", effect, *more)[0] == 0
    y, _ = load_audio(out)
    level = y[0, 2000:].abs().max().item() / tone.abs().max().item()
    assert level == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("more", [[], ["--segment", "0.05"]])
def test_a_stored_response_is_brought_to_the_level_of_the_dry_signal(dasp, tmp_path, more):
    """And a stereo one makes mono stereo."""
    room, path, out, chain = (tmp_path / n for n in ("room.wav", "x.wav", "out.wav", "c.json"))
    save_audio(room, torch.tensor([[0.0, 20.0], [20.0, 0.0]]), RATE, subtype="FLOAT")
    x = 0.1 * torch.randn(1, RATE)
    save_audio(path, x, RATE, subtype="FLOAT")
    effect = f"convolution_reverb:mix=1,impulse_response={room}"
    arguments = ("process", path, "-o", out, "-e", effect, *more)
    assert dasp(*arguments, "--save-chain", chain)[::2] == (0, "")
    y, _ = load_audio(out)
    assert y.shape == (2, RATE)
    assert y.std().item() == pytest.approx(0.1, rel=0.05)
    assert json.loads(chain.read_text())["chain"][0]["settings"]["normalise"] == "energy"
