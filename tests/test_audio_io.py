"""Audio files: what goes in comes out, and what is broken is refused with the reason."""

import os
import struct

import numpy as np
import pytest
import scipy.io.wavfile
import torch

import dasp
from dasp.audio_io import AudioFileError, AudioInfo, audio_info, load_audio, save_audio


@pytest.fixture
def noise():
    return torch.rand(2, 4410, dtype=torch.float64) * 2 - 1


def _wav_head(*, channels: int = 1, frames: int = 0) -> bytes:
    """The 44 bytes of a 16-bit WAV at 48 kHz, written by hand."""
    size = 2 * channels * frames
    form = (16, 1, channels, 48_000, 96_000 * channels, 2 * channels, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE"
        + b"fmt " + struct.pack("<IHHIIHH", *form) + b"data" + struct.pack("<I", size)
    )  # fmt: skip


def _reason(path) -> str:
    with pytest.raises(AudioFileError) as caught:
        load_audio(path)
    assert str(path) in str(caught.value)
    assert caught.value.path == path
    return caught.value.reason


# What comes back


@pytest.mark.parametrize(
    "subtype, bits", [("PCM_U8", 8), ("PCM_16", 16), ("PCM_24", 24), ("PCM_32", 32)]
)
def test_integers_are_the_nearest_step(tmp_path, noise, subtype, bits):
    save_audio(tmp_path / "a.wav", noise, 44_100, subtype=subtype)
    y, sample_rate = load_audio(tmp_path / "a.wav", dtype=torch.float64)
    steps = 2 ** (bits - 1)
    expected = np.clip(np.rint(noise.numpy() * steps), None, steps - 1) / steps
    assert sample_rate == 44_100
    np.testing.assert_array_equal(y.numpy(), expected)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff"])
def test_loading_and_saving_24_bits_changes_nothing(tmp_path, noise, name):
    save_audio(tmp_path / name, noise, 48_000)
    x, _ = load_audio(tmp_path / name)
    save_audio(tmp_path / f"again_{name}", x, 48_000)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"again_{name}").read_bytes()
    assert audio_info(tmp_path / name).subtype == "PCM_24"


def test_full_scale_is_the_largest_step(tmp_path):
    save_audio(tmp_path / "a.wav", torch.tensor([[1.0, -1.0]]), 48_000, subtype="PCM_16")
    _, data = scipy.io.wavfile.read(tmp_path / "a.wav")
    assert data.tolist() == [32767, -32768]


@pytest.mark.parametrize("subtype, dtype", [("FLOAT", torch.float32), ("DOUBLE", torch.float64)])
def test_floats_are_kept_beyond_full_scale(tmp_path, noise, subtype, dtype):
    x = (3 * noise).to(dtype)
    save_audio(tmp_path / "a.wav", x, 96_000, subtype=subtype)
    y, _ = load_audio(tmp_path / "a.wav", dtype=dtype)
    assert y.dtype is dtype and y.is_contiguous()
    assert torch.equal(x, y)
    assert audio_info(tmp_path / "a.wav").subtype == subtype


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "DOUBLE"])
def test_no_time_of_day_is_in_the_file(tmp_path, noise, subtype):
    """Nothing but the format and the samples, so that the same samples are the same file."""
    save_audio(tmp_path / "a.wav", noise, 48_000, subtype=subtype)
    content = (tmp_path / "a.wav").read_bytes()
    assert b"PEAK" not in content
    assert len(content) < noise.numel() * {"P": 3, "F": 4, "D": 8}[subtype[0]] + 100


def test_half_types_and_gradients_are_no_obstacle(tmp_path):
    x = torch.tensor([[0.5, -0.25]], dtype=torch.bfloat16, requires_grad=True)
    save_audio(tmp_path / "a.wav", x, 48_000)
    y, _ = load_audio(tmp_path / "a.wav")
    assert y.tolist() == [[0.5, -0.25]]


def test_info(tmp_path):
    save_audio(tmp_path / "a.flac", torch.zeros(3, 22_050), 44_100, subtype="PCM_16")
    info = audio_info(tmp_path / "a.flac")
    assert info == AudioInfo(44_100, 3, 22_050, "FLAC", "PCM_16")
    assert info.duration_s == 0.5


def test_no_samples_are_valid(tmp_path):
    (tmp_path / "a.wav").write_bytes(_wav_head())
    x, sample_rate = load_audio(tmp_path / "a.wav")
    assert x.shape == (1, 0) and sample_rate == 48_000


def test_an_unknown_length_reads_to_the_end(tmp_path):
    """Programs that write into a pipe put 2^32 - 1 for the length."""
    head = bytearray(_wav_head(frames=3))
    head[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(bytes(head) + struct.pack("<3h", 1, 2, 3))
    x, _ = load_audio(tmp_path / "a.wav")
    assert (x * 32768).tolist() == [[1, 2, 3]]


# Broken files


def test_missing_folder_and_empty(tmp_path):
    (tmp_path / "a.wav").touch()
    assert _reason(tmp_path / "no.wav") == "does not exist"
    assert "directory" in _reason(tmp_path)
    assert _reason(tmp_path / "a.wav") == "is empty"


def test_the_package_offers_the_error():
    with pytest.raises(dasp.AudioFileError):
        dasp.load_audio("there-is-no-such-file.wav")


def test_text_is_no_audio(tmp_path):
    (tmp_path / "a.wav").write_text("not audio at all " * 100)
    assert "is not audio" in _reason(tmp_path / "a.wav")
    (tmp_path / "a.m4a").write_text("not audio at all " * 100)
    assert "ffmpeg" in _reason(tmp_path / "a.m4a")


def test_no_channels(tmp_path):
    (tmp_path / "a.wav").write_bytes(_wav_head(channels=0))
    assert "Channel count is zero" in _reason(tmp_path / "a.wav")


@pytest.mark.parametrize("kept", [3, 12, 20, 30, 40])
def test_a_wav_cut_off_in_its_head(tmp_path, kept):
    (tmp_path / "a.wav").write_bytes(_wav_head(frames=100)[:kept])
    assert "is not audio, or is damaged" in _reason(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.rf64", "a.flac", "a.ogg"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99, -1])
def test_cut_off_samples(tmp_path, noise, name, kept):
    save_audio(tmp_path / name, noise.repeat(1, 10), 48_000)
    content = (tmp_path / name).read_bytes()
    load_audio(tmp_path / name)
    (tmp_path / name).write_bytes(content[: int(kept * len(content)) if kept > 0 else kept])
    assert "cut off" in _reason(tmp_path / name)


def test_the_head_of_a_cut_off_file_is_told_too(tmp_path, noise):
    save_audio(tmp_path / "a.wav", noise, 48_000, subtype="PCM_16")
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[:-1000])
    expected = "its head promises 17640 bytes of samples, 16640 are there"
    assert expected in _reason(tmp_path / "a.wav")
    with pytest.raises(AudioFileError, match=expected):
        audio_info(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_not_a_number(tmp_path, value):
    data = np.zeros((48_000, 2), np.float32)
    data[12_000, 1] = data[12_001, 0] = value
    scipy.io.wavfile.write(tmp_path / "a.wav", 48_000, data)
    expected = f"holds {value} at sample 12000 (0.250 s) of channel 2"
    assert _reason(tmp_path / "a.wav") == expected
    with pytest.raises(AudioFileError) as caught:
        save_audio(tmp_path / "b.wav", torch.from_numpy(data.T), 48_000)
    assert caught.value.reason == expected
    assert os.listdir(tmp_path) == ["a.wav"]


# Refusals to write


def test_clipping_is_refused_by_how_much(tmp_path):
    x = torch.tensor([[0.0, 2.0, -1.5, 1.0]])
    expected = "2 samples are over full scale, by up to 6.02 dB"
    for name in ("a.wav", "a.flac"):
        with pytest.raises(AudioFileError, match=expected):
            save_audio(tmp_path / name, x, 48_000)
    assert os.listdir(tmp_path) == []


def test_an_existing_file_is_kept(tmp_path):
    save_audio(tmp_path / "a.wav", torch.zeros(1, 10), 48_000)
    before = (tmp_path / "a.wav").read_bytes()
    with pytest.raises(AudioFileError, match="exists already; pass overwrite=True"):
        save_audio(tmp_path / "a.wav", torch.ones(1, 10), 48_000)
    assert (tmp_path / "a.wav").read_bytes() == before
    save_audio(tmp_path / "a.wav", torch.ones(1, 10), 48_000, overwrite=True)
    assert load_audio(tmp_path / "a.wav")[0][0, 0] > 0.99


def test_a_failure_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    save_audio(tmp_path / "a.wav", torch.zeros(1, 10), 48_000)
    before = (tmp_path / "a.wav").read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(AudioFileError, match="No space left on device"):
        save_audio(tmp_path / "a.wav", torch.ones(1, 10), 48_000, overwrite=True)
    assert (tmp_path / "a.wav").read_bytes() == before
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize(
    "name, sample_rate, subtype, expected",
    [
        ("a.xyz", 48_000, None, "cannot tell the format"),
        ("a", 48_000, None, "cannot tell the format"),
        ("a.flac", 48_000, "FLOAT", "FLAC has no subtype FLOAT .it has .*PCM_24"),
        ("a.wav", 44_100.5, None, "a whole sample rate, got 44100.5"),
        ("no/a.wav", 48_000, None, "the folder .*no does not exist"),
        ("a.mp3", 96_000, None, "cannot be written"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, sample_rate, subtype, expected):
    with pytest.raises(AudioFileError, match=expected):
        save_audio(tmp_path / name, torch.zeros(1, 10), sample_rate, subtype=subtype)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("shape", [(10,), (2, 2, 10), (0, 10)])
def test_what_is_no_single_signal(tmp_path, shape):
    with pytest.raises(ValueError, match=r"x: expected shape"):
        save_audio(tmp_path / "a.wav", torch.zeros(shape), 48_000)
