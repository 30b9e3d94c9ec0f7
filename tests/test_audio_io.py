"""Audio files: what goes in comes out, and what is broken is refused with the reason."""

import gc
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import soundfile
import torch

import dasp
from dasp.audio_io import (
    AudioFileError,
    AudioInfo,
    Saved,
    audio_info,
    dither_source,
    formats,
    has_subtype,
    load_audio,
    reading,
    save_audio,
    writing,
)
from tests.broken_audio import flac_that_declares


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
    assert info == AudioInfo(44_100, 3, 22_050, "FLAC", "PCM_16", ("FL", "FR", "FC"))
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


def test_the_same_samples_are_the_same_file(tmp_path, noise):
    """In every format and subtype, at another time of day."""
    endings = ("wav", "aiff", "flac", "ogg", "opus", "mp3", "w64", "rf64", "au")
    kinds = [(f"a.{ending}", subtype) for ending in endings for subtype in (None, "FLOAT")]
    contents = []
    for seconds in (0.0, 1.1):
        time.sleep(seconds)
        for name, subtype in kinds:
            if subtype is None or has_subtype(tmp_path / name, subtype):
                save_audio(tmp_path / name, noise, 48_000, subtype=subtype, overwrite=True)
                contents.append((name, subtype, (tmp_path / name).read_bytes()))
    half = len(contents) // 2
    assert contents[:half] == contents[half:]


@pytest.mark.parametrize("channels", [1, 2, 6, 8, 16])
@pytest.mark.parametrize("name", ["a.wav", "a.rf64", "a.flac", "a.ogg", "a.mp3", "a.aiff", "a.caf"])
def test_many_channels(tmp_path, name, channels):
    """Each comes back in its place, and is not one of the others."""
    x = 0.5 * torch.sin(torch.arange(9600) * 0.02 * torch.arange(1, channels + 1)[:, None])
    most = {"a.flac": 8, "a.mp3": 2}.get(name, 16)
    if channels > most:
        with pytest.raises(AudioFileError, match=f"holds {most} channels, got {channels}"):
            save_audio(tmp_path / name, x, 48_000)
        return
    save_audio(tmp_path / name, x, 48_000)
    y, _ = load_audio(tmp_path / name)
    assert y.shape[0] == channels
    likeness = torch.corrcoef(torch.cat([x, y[:, :9600]]))[:channels, channels:]
    if name == "a.mp3":  # Which begins later.
        likeness = likeness.abs() + 0.5 * torch.eye(channels)
    assert likeness.argmax(1).tolist() == list(range(channels))


@pytest.mark.parametrize("sample_rate", [8000, 37_800, 192_000, 768_000])
def test_any_rate(tmp_path, noise, sample_rate):
    for name in ("a.wav", "a.w64", "a.aiff"):
        save_audio(tmp_path / name, noise, sample_rate)
        assert load_audio(tmp_path / name)[1] == sample_rate


def test_sixty_four_bits_are_kept(tmp_path, noise):
    for subtype in ("PCM_32", "DOUBLE"):
        save_audio(tmp_path / "a.wav", noise, 48_000, subtype=subtype, overwrite=True)
        assert audio_info(tmp_path / "a.wav").dtype is torch.float64
    y, _ = load_audio(tmp_path / "a.wav", dtype=torch.float64)
    assert torch.equal(y, noise)
    save_audio(tmp_path / "b.wav", noise, 48_000)
    assert audio_info(tmp_path / "b.wav").dtype is torch.float32


def test_a_wav_beyond_its_limit_is_rf64(tmp_path, noise, monkeypatch):
    monkeypatch.setattr(writing, "LARGEST_WAV", noise.numel() * 3 - 1)
    save_audio(tmp_path / "a.wav", noise, 48_000)
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    y, _ = load_audio(tmp_path / "a.wav", dtype=torch.float64)
    torch.testing.assert_close(y, noise, atol=2**-24, rtol=0)
    monkeypatch.setattr(writing, "LARGEST_WAV", noise.numel() * 3)
    save_audio(tmp_path / "b.wav", noise, 48_000)
    assert (tmp_path / "b.wav").read_bytes()[:4] == b"RIFF"


# Dither


def _errors(tmp_path, x, dither):
    save_audio(tmp_path / "d.wav", x, 48_000, subtype="PCM_16", dither=dither, overwrite=True)
    return load_audio(tmp_path / "d.wav", dtype=torch.float64)[0] * 2**15 - x * 2**15


@pytest.mark.parametrize("offset", [0.0, 0.1, 0.25, 0.5, 0.9])
def test_dithered_errors_do_not_depend_on_the_signal(tmp_path, offset):
    """Between any two steps: mean 0 and variance 1/4 step^2, of the noise 1/6 and 1/12."""
    x = torch.full((1, 200_000), (1000 + offset) / 2**15, dtype=torch.float64)
    x[0, 0] = 0.3 / 2**15  # Or a level on a step would be left as it is.
    error = _errors(tmp_path, x, torch.Generator().manual_seed(1))
    assert abs(error.mean().item()) < 5 * (0.25 / 200_000) ** 0.5
    assert abs(error.var().item() - 0.25) < 0.005
    assert error.abs().max() <= 1.5


def test_a_sine_below_a_step_survives_in_dither_alone(tmp_path):
    """The reason for it: without, the file is silent."""
    t = torch.arange(480_000, dtype=torch.float64)
    x = 0.4 / 2**15 * torch.sin(2 * torch.pi * 1000 / 48_000 * t)[None]
    for dither, level in ((None, 0.0), (torch.Generator().manual_seed(0), 0.4)):
        save_audio(tmp_path / "a.wav", x, 48_000, subtype="PCM_16", dither=dither, overwrite=True)
        y = load_audio(tmp_path / "a.wav", dtype=torch.float64)[0] * 2**15
        correlation = 2 * (y * torch.sin(2 * torch.pi * 1000 / 48_000 * t)).mean().item()
        assert correlation == pytest.approx(level, abs=0.01)


def test_what_lies_on_the_steps_is_not_dithered(tmp_path, noise):
    save_audio(tmp_path / "a.wav", noise, 48_000, subtype="PCM_16")
    x, _ = load_audio(tmp_path / "a.wav")
    save_audio(tmp_path / "b.wav", x, 48_000, subtype="PCM_16", dither=torch.Generator())
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_dither_has_a_seed_and_depends_on_the_samples(noise):
    def drawn(seed, x):
        return torch.rand(4, generator=dither_source(seed, x)).tolist()

    assert drawn(0, noise) == drawn(0, noise.clone())
    assert len({tuple(drawn(*case)) for case in ((0, noise), (1, noise), (0, -noise))}) == 3


def test_dither_does_not_wrap_at_full_scale(tmp_path):
    x = torch.tensor([[1.0, -1.0, 0.99999]]).repeat(1, 1000)
    error = _errors(tmp_path, x.double(), torch.Generator())
    assert error.abs().max() < 4


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


def test_sizes_are_checked_before_memory_is_taken(tmp_path, noise, monkeypatch):
    save_audio(tmp_path / "a.flac", noise, 48_000)
    content = flac_that_declares(2**36 - 1, (tmp_path / "a.flac").read_bytes())
    (tmp_path / "a.flac").write_bytes(content)
    assert "promises 68719476735 frames, 4410 are there" in _reason(tmp_path / "a.flac")
    save_audio(tmp_path / "a.wav", noise, 48_000)
    monkeypatch.setattr(reading, "_SMALL", 0)
    monkeypatch.setattr(reading, "_free_memory", lambda: 4 * 2 * noise.numel() - 1)
    assert "4410 frames of 2 channels need" in _reason(tmp_path / "a.wav")


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    assert _reason(tmp_path / "a.wav") == "is a device or a pipe, not a file"


def test_a_nul_in_a_name():
    with pytest.raises(AudioFileError, match="no name of a file"):
        load_audio("a\0b.wav")


def test_a_film_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(1000))
    assert "is MPEG-4; install ffmpeg and convert it first" in _reason(tmp_path / "a.wav")


def test_a_format_that_this_libsndfile_lacks(tmp_path, noise, monkeypatch):
    (tmp_path / "a.mp3").write_text("not audio at all " * 100)
    known = set(soundfile.available_formats()) - {"MP3"}
    for module in (formats, reading):
        monkeypatch.setattr(module, "known_formats", lambda: known)
    assert "MP3 needs a newer libsndfile: pip install --upgrade" in _reason(tmp_path / "a.mp3")
    assert not formats.readable_formats()["MP3"]


# Refusals to write


def test_clipping_is_clamped_or_rescaled_when_asked(tmp_path):
    x = torch.tensor([[0.0, 2.0, -1.5, 1.0, 0.5]])
    saved = save_audio(tmp_path / "a.wav", x, 48_000, subtype="PCM_16", clip_mode="clamp")
    assert saved == Saved("PCM_16", 2, 0.0)
    _, data = scipy.io.wavfile.read(tmp_path / "a.wav")
    assert data.tolist() == [0, 32767, -32768, 32767, 16384]
    saved = save_audio(tmp_path / "b.wav", x, 48_000, subtype="PCM_16", clip_mode="rescale")
    assert saved.over == 2 and saved.gain_db == pytest.approx(20 * np.log10(0.5))
    _, data = scipy.io.wavfile.read(tmp_path / "b.wav")
    assert data.tolist() == [0, 32767, -24576, 16384, 8192]
    saved = save_audio(tmp_path / "c.wav", x, 48_000, subtype="FLOAT", clip_mode="clamp")
    assert saved == Saved("FLOAT", 0, 0.0)
    assert torch.equal(load_audio(tmp_path / "c.wav")[0], x)
    with pytest.raises(ValueError, match="clip_mode: expected one of 'error', 'clamp'"):
        save_audio(tmp_path / "d.wav", x, 48_000, clip_mode="wrap")


def test_a_full_disk(tmp_path):
    """A limit on the size of files stands in for it: the error of the write is told."""
    code = """
import os, resource, signal, torch
from dasp.audio_io import AudioFileError, save_audio
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
for name in ("a.wav", "a.flac", "a.ogg"):
    try:
        save_audio(name, torch.rand(2, 48_000) - 0.5, 48_000)
    except AudioFileError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(dasp.__file__).parents[1])},
    )
    reason = "cannot be written (File too large)"
    assert done.stdout.splitlines() == [
        f"a.{ending}: {reason}" for ending in ("wav", "flac", "ogg")
    ]
    assert done.stderr == "" and os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)  # The administrator may write anywhere.
    with pytest.raises(AudioFileError, match="Permission denied"):
        save_audio(tmp_path / "a.wav", torch.zeros(1, 10), 48_000)
    assert os.listdir(tmp_path) == []


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


@pytest.mark.skipif(os.name != "posix", reason="where a process can limit the size of its files")
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.aiff"])
def test_a_disk_that_fills_is_one_error_and_nothing_beside_it(tmp_path, monkeypatch, name):
    """No error that Python could only print: of a buffer that is still looked at, say."""
    import resource

    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: ignored.append(found.exc_value))
    save_audio(tmp_path / name, torch.zeros(2, 100), 48_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(AudioFileError, match="cannot be written"):
            save_audio(tmp_path / name, 0.1 * torch.randn(2, 100_000), 48_000, overwrite=True)
        gc.collect()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not ignored
    assert os.listdir(tmp_path) == [name]


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
