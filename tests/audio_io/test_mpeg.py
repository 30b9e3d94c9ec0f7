"""MP3 of every origin is heard to its end: what counts is the frames that are there."""

import struct
import warnings

import numpy as np
import pytest
import torch

from dasp.audio_io import (
    AudioFileError,
    AudioFileWarning,
    audio_info,
    load_audio,
    load_blocks,
)
from tests.mpeg_frames import frames_of, mp3

ID3 = b"ID3\x04\0\0\0\0\2\1" + bytes(257)
ID3_1 = b"TAG" + b"A title".ljust(125, b"\0")
_APE = b"APETAGEX" + (2000).to_bytes(4, "little") + (132).to_bytes(4, "little") + bytes(4)
APE = _APE + b"\0\0\0\xa0" + bytes(108) + _APE + b"\0\0\0\x80" + bytes(8)
RATE = 44_100


def _tone(seconds: float, hz: float, channels: int = 2, rate: int = RATE) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return np.tile(0.5 * np.sin(2 * np.pi * hz * t)[:, None], channels)


def _loud_then_silent() -> np.ndarray:
    """What makes a file of variable rate seem short: its first frames are its largest."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE, 1))
    return np.concatenate([noise, np.zeros((4 * RATE, 1))])


def _write(path, *parts):
    path.write_bytes(b"".join(part for part in parts))
    return path


def test_without_a_table_every_frame_is_heard(tmp_path):
    frames = frames_of(mp3(_loud_then_silent(), vbr=True))
    path = _write(tmp_path / "a.mp3", *frames)
    assert len({len(frame) for frame in frames}) > 1
    expected = 1152 * len(frames)
    assert expected >= 5 * RATE
    assert audio_info(path).frames == expected
    x, _ = load_audio(path)
    assert x.shape == (1, expected)
    assert x[0, :40_000].abs().max() > 0.3 and x[0, 2 * RATE :].abs().max() < 1e-3


def test_a_table_with_the_length_keeps_it(tmp_path):
    """An encoder tells its delay, so that the length is that of what went in."""
    x = _tone(1.0, 440)
    path = _write(tmp_path / "a.mp3", mp3(x))
    y, _ = load_audio(path)
    assert y.shape == (2, RATE) == (2, audio_info(path).frames)
    assert np.abs(y.numpy().T - x)[2000:-2000].max() < 0.05


@pytest.mark.parametrize("channels, rate", [(1, 44_100), (2, 48_000), (1, 22_050), (2, 8000)])
@pytest.mark.parametrize("vbr", [False, True])
def test_joined_files_are_as_long_as_their_parts(tmp_path, channels, rate, vbr):
    first = mp3(_tone(0.5, 440, channels, rate), rate, vbr=vbr)
    second = mp3(_tone(1.0, 880, channels, rate), rate, vbr=vbr)
    path = _write(tmp_path / "a.mp3", first, second)
    assert audio_info(path).frames == round(1.5 * rate)
    x, _ = load_audio(path)
    assert x.shape == (channels, round(1.5 * rate))
    spectra = [np.abs(np.fft.rfft(part)) for part in np.split(x[0].numpy(), [round(0.5 * rate)])]
    assert [round(np.argmax(s) / s.size * rate / 2, -1) for s in spectra] == [440, 880]


@pytest.mark.parametrize(
    "between", [b"", ID3, ID3_1, APE, ID3_1 + ID3, bytes(3000), APE + ID3_1 + bytes(10) + ID3]
)
@pytest.mark.parametrize("has_table", [True, False])
def test_tags_between_the_parts_and_at_both_ends(tmp_path, between, has_table):
    first, second = mp3(_tone(0.5, 440)), mp3(_tone(1.0, 880))
    expected = round(1.5 * RATE)
    if not has_table:
        expected = 1152 * (len(frames_of(first)) + len(frames_of(second)))
        first, second = (b"".join(frames_of(part)) for part in (first, second))
    path = _write(tmp_path / "a.mp3", ID3, first, between, second, APE, ID3_1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_audio(path)[0].shape[-1] == audio_info(path).frames == expected


def test_what_is_nothing_is_passed_over_and_said(tmp_path):
    frames = frames_of(mp3(_tone(1.0, 440)))
    garbage = np.random.default_rng(1).integers(0, 255, 3000, np.uint8).tobytes()
    path = _write(tmp_path / "a.mp3", *frames[:20], garbage, *frames[20:])
    with pytest.warns(AudioFileWarning, match="3000 bytes that are no MPEG audio"):
        x, _ = load_audio(path)
    assert x.shape[-1] == 1152 * len(frames)


@pytest.mark.parametrize("has_table", [True, False])
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("lost", [1, 3])
def test_frames_that_were_written_over(tmp_path, has_table, rate, lost):
    content = mp3(_tone(1.0, 440, rate=rate), rate)
    frames = frames_of(content)
    head = b"" if not has_table else content[: len(content) - sum(map(len, frames))]
    hole = b"\x55" * sum(map(len, frames[20 : 20 + lost]))
    path = _write(tmp_path / "a.mp3", head, *frames[:20], hole, *frames[20 + lost :])
    with pytest.raises(AudioFileError, match="hole" if not has_table else "hole|cut off"):
        load_audio(path)
    with pytest.warns(AudioFileWarning):
        assert load_audio(path, allow_truncated=True)[0].shape[-1] > 0.8 * rate


def test_one_frame_of_a_variable_rate_that_was_written_over(tmp_path):
    """It may have had the length of any rate, and zeros are no silence between."""
    frames = frames_of(mp3(_loud_then_silent(), vbr=True))
    for place in (10, 60, 100):
        hole = bytes(len(frames[place]))
        path = _write(tmp_path / "a.mp3", *frames[:place], hole, *frames[place + 1 :])
        with pytest.raises(AudioFileError, match="there is a hole as long as frames are"):
            load_audio(path)


def test_more_frames_than_the_table_speaks_of(tmp_path):
    content = mp3(_tone(1.0, 440))
    more = frames_of(mp3(_tone(1.0, 880)))
    path = _write(tmp_path / "a.mp3", content, *more)
    count = len(frames_of(content)) + len(more)
    assert count * 1152 - 2000 < load_audio(path)[0].shape[-1] <= count * 1152


@pytest.mark.parametrize(
    "other, what",
    [(dict(rate=48_000), "from 44100 to 48000 Hz"), (dict(channels=1), "from stereo to mono")],
)
def test_what_changes_is_refused(tmp_path, other, what):
    second = mp3(_tone(1.0, 880, **other), other.get("rate", RATE))
    path = _write(tmp_path / "a.mp3", *frames_of(mp3(_tone(1.0, 440))), second)
    with pytest.raises(AudioFileError, match=f"changes after 1.0.* s {what}"):
        load_audio(path)
    with pytest.warns(AudioFileWarning, match="how much is missing is not known"):
        x, _ = load_audio(path, allow_truncated=True)
    assert x.shape[-1] > RATE


def test_a_last_frame_that_is_cut_off(tmp_path):
    frames = frames_of(mp3(_tone(1.0, 440)))
    path = _write(tmp_path / "a.mp3", *frames[:-1], frames[-1][:-1])
    with pytest.raises(AudioFileError, match="its last frame is not whole"):
        audio_info(path)
    with pytest.warns(AudioFileWarning):
        assert load_audio(path, allow_truncated=True)[0].shape[-1] == 1152 * (len(frames) - 1)


def test_how_much_is_missing(tmp_path):
    content = mp3(_tone(2.0, 440))
    path = _write(tmp_path / "a.mp3", content[: len(content) // 2])
    with pytest.raises(AudioFileError, match="cut off: its head promises"):
        load_audio(path)
    with pytest.warns(AudioFileWarning, match=r"(0\.9|1\.0|1\.1)\d\d s are missing"):
        x, _ = load_audio(path, allow_truncated=True)
    assert x.shape[-1] == pytest.approx(RATE, abs=5000)


@pytest.mark.parametrize("kind", ["table", "no table", "joined"])
def test_a_part_is_that_part_of_the_whole(tmp_path, kind):
    """Bit for bit, though what a frame needs may be stored in those before."""
    content = mp3(_tone(2.0, 440), vbr=True)
    parts = {"table": [content], "no table": frames_of(content), "joined": [content, content]}[kind]
    path = _write(tmp_path / "a.mp3", *parts)
    x, _ = load_audio(path)
    for start in (1, 1151, 30_000, 44_100, x.shape[-1] - 3000, x.shape[-1] - 1):
        y, _ = load_audio(path, start=start, frames=2000)
        assert torch.equal(y, x[:, start : start + 2000])
    assert torch.equal(torch.cat(list(load_blocks(path, 1000)), -1), x)


def test_a_real_file_of_noise_and_silence(shared_data):
    path = shared_data / "odd_files" / "vbr_without_xing.mp3"
    assert audio_info(path).frames == 442_368
    assert load_audio(path)[0].shape == (1, 442_368)
    assert sum(x.shape[-1] for x in load_blocks(path, 10_000)) == 442_368


@pytest.mark.parametrize("size", [None, 0, 0xFFFF_FFFF])
def test_mpeg_within_a_wav(tmp_path, size):
    """As some programs write it: the frames are those of the chunk, whatever the head says."""
    frames = frames_of(mp3(_tone(1.0, 440)))
    samples = b"".join(frames)
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 2, RATE, 16_000, 1, 0, 12, 1, 2, 1152, 1, 1393)
    size = len(samples) if size is None else size
    content = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form
    content += b"fact" + struct.pack("<II", 4, 99_999) + b"data" + struct.pack("<I", size)
    path = _write(
        tmp_path / "a.wav", b"RIFF", struct.pack("<I", len(content) + 4), content, samples
    )
    assert load_audio(path)[0].shape == (2, 1152 * len(frames))
    assert audio_info(path).frames == 1152 * len(frames)
