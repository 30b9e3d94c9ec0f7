"""Files whose head is wrong about their length: whole, or refused with the reason."""

import io
import struct

import numpy as np
import pytest
import soundfile
import torch

from dasp.audio_io import (
    AudioFileError,
    AudioFileWarning,
    audio_info,
    load_audio,
    load_blocks,
)
from tests.broken_audio import wav

PLACEHOLDERS = (
    0x7FFF_F000, 0x7FFF_F000 - 36, 0x7FFF_FFFF, 0x7FFF_FFFF - 36, 0x7FFF_FFFE, 0x7FFF_FF00,
    0x8000_0000, 0x8000_0024, 0x7F00_0000, 0xFFFF_FFFF, 0xFFFF_FFFF - 36, 0xFFFF_FFD8,
    0xFFFF_FFFE, 0xFFFF_F000, 0xFFFF_FF00, 0,
)  # fmt: skip
SAMPLES = np.random.default_rng(0).integers(-30_000, 30_000, 1000, np.int16)
LIST = b"LIST" + struct.pack("<I", 26) + b"INFOINAM" + struct.pack("<I", 13) + b"A long title\0\0"


def _heard(path) -> list[int]:
    """The samples of 16 bits, read whole and in blocks."""
    x, _ = load_audio(path)
    assert audio_info(path).frames == x.shape[-1]
    assert torch.equal(torch.cat(list(load_blocks(path, 77)), -1), x)
    if x.shape[-1] > 10:
        assert torch.equal(load_audio(path, start=3, frames=5)[0], x[:, 3:8])
    return (x[0] * 32768).int().tolist()


def _reason(path) -> str:
    with pytest.raises(AudioFileError) as caught:
        load_audio(path)
    return caught.value.reason


@pytest.mark.parametrize("size", PLACEHOLDERS)
@pytest.mark.parametrize("behind", [b"", LIST, b"TAG" + bytes(125)])
def test_a_length_that_nobody_knew(tmp_path, size, behind):
    (tmp_path / "a.wav").write_bytes(wav(SAMPLES.tobytes(), size=size) + behind)
    assert _heard(tmp_path / "a.wav") == SAMPLES.tolist()


def test_half_a_frame_at_the_end_of_a_pipe(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(SAMPLES.tobytes() + b"x", size=0xFFFF_FFFF))
    assert _heard(tmp_path / "a.wav") == SAMPLES.tolist()


@pytest.mark.parametrize(
    "behind",
    [
        LIST,
        LIST[:-4],
        b"odd!" + struct.pack("<I", 4) + b"1234",
        LIST + b"id3 " + struct.pack("<I", 4) + b"1234",
        LIST + bytes(100),
        bytes(500),
        b"TAG" + bytes(125),
    ],
)
def test_what_may_stand_behind_the_samples(tmp_path, behind):
    (tmp_path / "a.wav").write_bytes(wav(SAMPLES.tobytes()) + behind)
    assert _heard(tmp_path / "a.wav") == SAMPLES.tolist()


def test_nothing_recorded_and_a_title(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(b"") + LIST)
    assert _heard(tmp_path / "a.wav") == []


def test_an_odd_number_of_bytes(tmp_path):
    """With the byte that fills up the chunk, and without."""
    samples = bytes(range(101))
    for padding in (b"\0", b""):
        (tmp_path / "a.wav").write_bytes(wav(samples, bits=8) + padding + LIST)
        x, _ = load_audio(tmp_path / "a.wav")
        assert (x[0] * 128 + 128).int().tolist() == list(samples)


def test_a_stale_length_is_refused(tmp_path):
    """A recorder that wrote the length every few seconds, and died between."""
    (tmp_path / "a.wav").write_bytes(wav(SAMPLES.tobytes(), size=500))
    reason = _reason(tmp_path / "a.wav")
    assert reason.startswith("holds more than its head says: its head promises 500 bytes")
    with pytest.warns(AudioFileWarning, match="1500 more follow"):
        x, _ = load_audio(tmp_path / "a.wav", allow_truncated=True)
    assert (x[0] * 32768).int().tolist() == SAMPLES.tolist()


@pytest.mark.parametrize("second", [wav(bytes(8)), b"data" + struct.pack("<I", 8) + bytes(8)])
def test_two_files_in_one_are_refused(tmp_path, second):
    (tmp_path / "a.wav").write_bytes(wav(SAMPLES.tobytes()) + second)
    assert "holds two files" in _reason(tmp_path / "a.wav")


def test_cut_off_and_allowed(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(SAMPLES.tobytes(), size=4000))
    assert "its head promises 4000 bytes of samples, 2000 are there" in _reason(tmp_path / "a.wav")
    with pytest.warns(AudioFileWarning, match=r"0\.021 s are read, 0\.021 s are missing"):
        x, _rate = load_audio(tmp_path / "a.wav", allow_truncated=True)
    assert (x[0] * 32768).int().tolist() == SAMPLES.tolist()
    with pytest.warns(AudioFileWarning):
        assert audio_info(tmp_path / "a.wav", allow_truncated=True).frames == 1000


# Beyond 4 GiB: files with a hole, of which hardly anything is on the disk


def _huge(path, head: bytes, frames: int, behind: bytes = b""):
    with path.open("wb") as file:
        file.write(head)
        file.seek(len(head) + 2 * frames - 2000)
        file.write(SAMPLES.tobytes() + behind)


@pytest.mark.parametrize("behind", [b"", LIST])
@pytest.mark.parametrize("size", ["wrapped", 0xFFFF_FFFF, 0])
def test_a_wav_of_more_than_its_head_can_count(tmp_path, size, behind):
    frames = 2**31 + 12_345
    size = 2 * frames % 2**32 if size == "wrapped" else size
    _huge(tmp_path / "a.wav", wav(b"", size=size), frames, behind)
    assert audio_info(tmp_path / "a.wav").frames == frames
    x, _ = load_audio(tmp_path / "a.wav", start=frames - 1000)
    assert (x[0] * 32768).int().tolist() == SAMPLES.tolist()


def _rf64(magic: bytes, declared: int, size: int = 0xFFFF_FFFF) -> bytes:
    sizes = struct.pack("<QQQI", (declared + 72) % 2**64, declared, declared // 2, 0)
    plain = wav(b"", size=size)
    ds64 = b"ds64" + struct.pack("<I", 28) + sizes
    return magic + b"\xff" * 4 + b"WAVE" + ds64 + plain[12:]


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
@pytest.mark.parametrize("declared", [2000, 0, 2**64 - 1])
@pytest.mark.parametrize("size", [0xFFFF_FFFF, 2000])
def test_rf64_that_was_never_finished(tmp_path, magic, declared, size):
    (tmp_path / "a.wav").write_bytes(_rf64(magic, declared, size) + SAMPLES.tobytes() + LIST)
    assert _heard(tmp_path / "a.wav") == SAMPLES.tolist()


def test_rf64_with_a_wrong_length(tmp_path):
    (tmp_path / "a.wav").write_bytes(_rf64(b"RF64", 600) + SAMPLES.tobytes())
    assert "holds more than its head says" in _reason(tmp_path / "a.wav")
    (tmp_path / "a.wav").write_bytes(_rf64(b"RF64", 6000) + SAMPLES.tobytes())
    assert "is cut off" in _reason(tmp_path / "a.wav")
    _huge(tmp_path / "b.wav", _rf64(b"RF64", 2 * (2**31 + 5) % 2**32), 2**31 + 5)
    assert audio_info(tmp_path / "b.wav").frames == 2**31 + 5


# The same in other containers


def _written(format: str, **more) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, SAMPLES, 48_000, format=format, subtype="PCM_16", **more)
    return file.getvalue()


def _with_size(content: bytes, at: int, size: int, count: int, order: str) -> bytes:
    return content[:at] + size.to_bytes(count, order) + content[at + count :]


CONTAINERS = {
    "aiff": (_written("AIFF"), b"SSND", 4, 4, "big", (0, 8, 0x7F00_0008, 0xFFFF_FFFF)),
    "w64": (_written("W64"), b"data", 16, 8, "little", (24, 2**63 - 1, 2**64 - 1)),
    "caf": (_written("CAF"), b"data", 4, 8, "big", (0, 4, 2**64 - 1)),
    "au": (_written("AU"), b".snd", 8, 4, "big", (0, 0xFFFF_FFFF, 0x7FFF_FFFF)),
}
"""Content, the chunk, where its length stands behind its name, in what, and placeholders."""


@pytest.mark.parametrize("ending", CONTAINERS)
def test_other_containers_of_unknown_length(tmp_path, ending):
    content, name, offset, count, order, sizes = CONTAINERS[ending]
    path = tmp_path / f"a.{ending}"
    for size in sizes:
        changed = _with_size(content, content.index(name) + offset, size, count, order)
        path.write_bytes(changed)
        assert _heard(path) == SAMPLES.tolist(), size


@pytest.mark.parametrize("ending", CONTAINERS)
def test_other_containers_that_hold_more(tmp_path, ending):
    content, name, offset, count, order, _ = CONTAINERS[ending]
    own = {"aiff": 8, "w64": 24, "caf": 4, "au": 0}[ending]
    path = tmp_path / f"a.{ending}"
    path.write_bytes(_with_size(content, content.index(name) + offset, 500 + own, count, order))
    assert "holds more than its head says" in _reason(path)
    path.write_bytes(_with_size(content, content.index(name) + offset, 3000 + own, count, order))
    assert "is cut off" in _reason(path)
    with pytest.warns(AudioFileWarning, match="are missing"):
        x, _ = load_audio(path, allow_truncated=True)
    assert (x[0] * 32768).int().tolist() == SAMPLES.tolist()


def test_samples_that_begin_behind_the_end(tmp_path):
    content = CONTAINERS["au"][0]
    far = content[:4] + struct.pack(">II", 2**30, 0xFFFF_FFFF) + content[12:]
    (tmp_path / "a.au").write_bytes(far)
    assert "its samples begin at byte 1073741824" in _reason(tmp_path / "a.au")


def test_an_aiff_that_was_never_finished(tmp_path):
    """Neither the number of frames nor the length of the samples is there."""
    content = CONTAINERS["aiff"][0]
    content = _with_size(content, content.index(b"SSND") + 4, 0, 4, "big")
    content = _with_size(content, content.index(b"COMM") + 10, 0, 4, "big")
    (tmp_path / "a.aiff").write_bytes(_with_size(content, 4, 0, 4, "big"))
    assert _heard(tmp_path / "a.aiff") == SAMPLES.tolist()


@pytest.mark.parametrize(
    "ending, subtype",
    [
        ("wav", "GSM610"), ("wav", "NMS_ADPCM_32"), ("wav", "IMA_ADPCM"), ("wav", "MS_ADPCM"),
        ("wav", "G721_32"), ("au", "G721_32"), ("au", "G723_24"), ("au", "G723_40"),
        ("aiff", "GSM610"), ("aiff", "DWVW_16"), ("w64", "GSM610"), ("caf", "ALAC_16"),
        ("wav", "ULAW"), ("aiff", "ALAW"),
    ],
)  # fmt: skip
def test_codecs_that_cannot_seek_and_others(tmp_path, ending, subtype):
    """Whole, in blocks and in parts, which are the same samples."""
    t = np.arange(8100) / 8000
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 440 * t), 8000, subtype=subtype)
    x, rate = load_audio(path)
    assert rate == 8000 and 8100 <= x.shape[-1] < 8100 + 2048
    assert audio_info(path).frames == x.shape[-1]
    assert torch.equal(torch.cat(list(load_blocks(path, 1000)), -1), x)
    for start in (5000, 17, x.shape[-1] - 10):
        assert torch.equal(load_audio(path, start=start, frames=100)[0], x[:, start : start + 100])


# Files of other programs


@pytest.mark.parametrize(
    "name, frames", [("data_size_zero", 48_000), ("piped_sox", 48_000), ("piped_arecord", 48_000)]
)
def test_real_files_of_unknown_length(shared_data, name, frames):
    assert len(_heard(shared_data / "odd_files" / f"{name}.wav")) == frames


def test_a_real_file_of_a_telephone(shared_data):
    path = shared_data / "odd_files" / "gsm.wav"
    x, rate = load_audio(path)
    assert x.shape == (1, 8000) and rate == 8000
    assert torch.equal(load_audio(path, start=4000, frames=1000)[0], x[:, 4000:5000])
