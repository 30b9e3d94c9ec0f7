"""WAV files whose samples need no decoder: read as libsndfile reads them, written as SciPy does."""

import io

import numpy as np
import pytest
import soundfile
import torch

from dasp.audio_io import audio_info, load_audio, load_pieces
from dasp.audio_io.decoding import contents_of_file
from dasp.audio_io.linear import wav_of

SUBTYPES = ("PCM_16", "PCM_24", "FLOAT")


def _noise(frames, channels):
    return np.random.default_rng(0).uniform(-1, 1, (frames, channels))


def _write(path, x, sample_rate, subtype) -> None:
    """By libsndfile, which puts a chunk of its own in front of floats."""
    if subtype == "FLOAT":
        path.write_bytes(wav_of(x.astype(np.float32), sample_rate, 4))
    else:
        soundfile.write(path, x, sample_rate, subtype)


def _is_linear(path) -> bool:
    with path.open("rb") as file:
        return contents_of_file(path, file).linear is not None


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_libsndfile_to_the_last_bit(tmp_path, subtype, channels, dtype):
    path = tmp_path / "a.wav"
    _write(path, _noise(1000, channels), 44_100, subtype)
    expected, _ = soundfile.read(path, dtype=str(dtype)[6:], always_2d=True)
    assert _is_linear(path)
    assert np.array_equal(load_audio(path, dtype=dtype)[0], expected.T)
    piece, _ = load_audio(path, dtype=dtype, start=700, frames=500)
    assert np.array_equal(piece, expected[700:].T)
    starts = (900, 0, 333)
    for start, piece in zip(starts, load_pieces(path, starts, 50), strict=True):
        assert np.array_equal(piece, expected[start : start + 50].T.astype(np.float32))


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_the_ends_of_the_range(tmp_path, subtype):
    path = tmp_path / "a.wav"
    _write(path, np.array([[-1.0, 1.0], [0.0, -1.0]]), 48_000, subtype)
    expected, _ = soundfile.read(path, dtype="float32")
    assert np.array_equal(load_audio(path)[0], expected.T)
    assert load_audio(path)[0][0, 0] == -1


@pytest.mark.parametrize("subtype", [*SUBTYPES, "PCM_U8", "PCM_32", "DOUBLE", "ULAW"])
def test_the_same_facts(tmp_path, subtype):
    path = tmp_path / "a.wav"
    _write(path, _noise(99, 2), 22_050, subtype)
    assert _is_linear(path) == (subtype in SUBTYPES)
    info, expected = audio_info(path), soundfile.info(path)
    assert (info.sample_rate, info.channels, info.frames, info.format, info.subtype) == (
        expected.samplerate, expected.channels, expected.frames, expected.format, expected.subtype
    )  # fmt: skip


def _altered(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


@pytest.mark.parametrize(
    "alter",
    [
        lambda wav: _altered(wav, 0, b"RIFX"),
        lambda wav: _altered(wav, 8, b"WAVY"),
        lambda wav: _altered(wav, 20, b"\xfe\xff"),
        lambda wav: _altered(wav, 22, bytes(2)),
        lambda wav: _altered(wav, 24, bytes(4)),
        lambda wav: _altered(wav, 32, b"\x07"),
        lambda wav: _altered(wav, 34, b"\x0c"),
        lambda wav: wav[:36] + wav[12:36] + wav[36:],
        lambda wav: wav[:12] + b"what\2\0\0\0ab" + wav[12:],
    ],
    ids=["big-endian", "no wave", "extensible", "no channels", "no rate", "block", "12 bits",
         "two forms", "unknown chunk"],
)  # fmt: skip
def test_what_is_not_plain_goes_to_the_decoder(tmp_path, alter):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_of(np.zeros((100, 2), np.int16), 48_000, 2))
    assert _is_linear(path)
    path.write_bytes(alter(path.read_bytes()))
    assert not _is_linear(path)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0, 1), (5, 1), (101, 2), (7, 6)])
def test_writes_the_bytes_of_scipy(dtype, shape):
    from scipy.io import wavfile

    data, file = (100 * _noise(*shape)).astype(dtype), io.BytesIO()
    wavfile.write(file, 44_100, data)
    assert wav_of(data, 44_100, data.itemsize) == file.getvalue()


@pytest.mark.parametrize("shape", [(0, 1), (5, 1), (101, 2), (7, 5)])
def test_writes_24_bits_with_the_bytes_of_libsndfile(shape):
    """An odd number of bytes is filled up."""
    data, file = (2**31 * _noise(*shape)).astype(np.int32), io.BytesIO()
    with soundfile.SoundFile(file, "w", 44_100, shape[1], "PCM_24", format="WAV") as encoder:
        encoder.write(data)
    assert wav_of(data, 44_100, 3) == file.getvalue()
