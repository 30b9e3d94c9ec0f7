"""FLAC and Ogg: streams of frames and pages, which tell more of their length than their heads."""

import io

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
from dasp.audio_io.ogg import checksum, page_size
from tests.broken_audio import flac_that_declares

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, (40_000, 2))


def _content(format: str, subtype: str | None = None, x=NOISE, rate: int = 48_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, x, rate, format=format, subtype=subtype)
    return file.getvalue()


def _reason(path) -> str:
    with pytest.raises(AudioFileError) as caught:
        load_audio(path)
    return caught.value.reason


def _is_the_same_in_parts(path, x: torch.Tensor) -> None:
    assert audio_info(path).frames == x.shape[-1]
    assert torch.equal(torch.cat(list(load_blocks(path, 999)), -1), x)
    for start in (1, 20_000, x.shape[-1] - 3000, x.shape[-1] - 100):
        y, _ = load_audio(path, start=start, frames=2000)
        assert torch.equal(y, x[:, start : start + 2000]), start


# FLAC


@pytest.mark.parametrize("declared", [0, 1, 39_999])
@pytest.mark.parametrize("behind", [b"", b"TAG" + bytes(125)])
@pytest.mark.parametrize("before", [b"", b"ID3\x04\0\0\0\0\2\1" + bytes(257)])
def test_a_flac_whose_head_does_not_know(tmp_path, declared, behind, before):
    whole = _content("FLAC", "PCM_16")
    (tmp_path / "a.flac").write_bytes(whole)
    expected, _ = load_audio(tmp_path / "a.flac")
    path = tmp_path / "b.flac"
    path.write_bytes(before + flac_that_declares(declared, whole) + behind)
    x, _ = load_audio(path)
    assert torch.equal(x, expected) and x.shape == (2, 40_000)
    _is_the_same_in_parts(path, x)


def test_a_short_flac_of_one_frame(tmp_path):
    whole = _content("FLAC", "PCM_24", NOISE[:100, :1])
    (tmp_path / "a.flac").write_bytes(flac_that_declares(0, whole))
    assert load_audio(tmp_path / "a.flac")[0].shape == (1, 100)


def test_joined_flac(tmp_path):
    first, second = _content("FLAC", "PCM_16"), _content("FLAC", "PCM_16", -NOISE[:30_000])
    (tmp_path / "a.flac").write_bytes(first + second)
    x, _ = load_audio(tmp_path / "a.flac")
    assert x.shape == (2, 70_000)
    np.testing.assert_allclose(x[:, 40_000:].T, -NOISE[:30_000], atol=2**-15)
    _is_the_same_in_parts(tmp_path / "a.flac", x)
    (tmp_path / "b.flac").write_bytes(first + _content("FLAC", "PCM_16", rate=44_100))
    assert "several recordings" in _reason(tmp_path / "b.flac")


@pytest.mark.parametrize("declared", [None, 0])
@pytest.mark.parametrize("kept", [0.35, 0.8, -1])
def test_a_flac_that_is_cut_off(tmp_path, declared, kept):
    whole = _content("FLAC", "PCM_16")
    (tmp_path / "a.flac").write_bytes(whole)
    expected, _ = load_audio(tmp_path / "a.flac")
    content = whole if declared is None else flac_that_declares(declared, whole)
    path = tmp_path / "b.flac"
    path.write_bytes(content[: int(kept * len(content)) if kept > 0 else kept])
    assert "is cut off" in _reason(path)
    with pytest.warns(AudioFileWarning, match="s are read"):
        x, _ = load_audio(path, allow_truncated=True)
    there = x.shape[-1]
    assert (kept - 0.15 if kept > 0 else 0.85) * 40_000 < there < 40_000
    assert torch.equal(x, expected[:, :there])


def test_flipped_bits_of_a_flac_are_noticed(tmp_path):
    whole = _content("FLAC", "PCM_16", NOISE[:10_000])
    rng = np.random.default_rng(1)
    for place in (*rng.integers(100, len(whole), 20), len(whole) - 1):
        content = bytearray(whole)
        content[place] ^= 1 << rng.integers(8)
        (tmp_path / "a.flac").write_bytes(content)
        _reason(tmp_path / "a.flac")


def test_a_real_flac_of_unknown_length(shared_data):
    path = shared_data / "odd_files" / "unknown_length.flac"
    assert audio_info(path).frames == 88_200
    assert load_audio(path)[0].shape[-1] == 88_200


# Ogg


def _pages(content: bytes) -> list[bytes]:
    pages, at = [], 0
    while at < len(content):
        size = page_size(content[at : at + 282])
        pages.append(content[at : at + size])
        at += size
    return pages


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_flipped_bits_of_an_ogg_are_noticed(tmp_path, subtype):
    whole = _content("OGG", subtype)
    rng = np.random.default_rng(1)
    last = len(whole) - len(_pages(whole)[-1])
    for place in (*rng.integers(0, len(whole), 20), *rng.integers(last, len(whole), 20)):
        content = bytearray(whole)
        content[place] ^= 1 << rng.integers(8)
        (tmp_path / "a.ogg").write_bytes(content)
        _reason(tmp_path / "a.ogg")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_pages_that_are_missing_or_changed_places(tmp_path, subtype):
    pages = _pages(_content("OGG", subtype))
    path = tmp_path / "a.ogg"
    path.write_bytes(b"".join(pages[:3] + pages[4:]))
    assert "1 pages are missing" in _reason(path)
    path.write_bytes(b"".join([*pages[:3], pages[4], pages[3], *pages[5:]]))
    assert "is damaged" in _reason(path)
    with pytest.warns(AudioFileWarning):
        x, _ = load_audio(path, allow_truncated=True)
    assert 0 < x.shape[-1] < 40_000
    path.write_bytes(b"".join(pages[:4]) + b"garbage" + b"".join(pages[4:]))
    assert "there should be a page" in _reason(path)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_joined_ogg(tmp_path, subtype):
    first, second = _content("OGG", subtype), _content("OGG", subtype, NOISE[:30_000])
    path = tmp_path / "a.ogg"
    path.write_bytes(first + second)
    x, _ = load_audio(path)
    assert x.shape == (2, 70_000)
    parts = []
    for part in (first, second):
        (tmp_path / "part.ogg").write_bytes(part)
        parts.append(load_audio(tmp_path / "part.ogg")[0])
    assert torch.equal(x, torch.cat(parts, -1))
    _is_the_same_in_parts(path, x)
    path.write_bytes(first + _content("OGG", subtype, NOISE[:, :1]))
    assert "several recordings" in _reason(path)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("frames", [3000, 40_000, 200_000])
def test_a_part_of_an_ogg_is_that_part(tmp_path, subtype, frames):
    """The decoder alone begins some parts elsewhere, near the end above all."""
    x = np.resize(NOISE, (frames, 2))
    (tmp_path / "a.ogg").write_bytes(_content("OGG", subtype, x))
    y, _ = load_audio(tmp_path / "a.ogg")
    for start in np.linspace(1, frames - 600, 12).astype(int):
        part, _ = load_audio(tmp_path / "a.ogg", start=int(start), frames=500)
        assert torch.equal(part, y[:, start : start + 500]), start
    assert torch.equal(torch.cat(list(load_blocks(tmp_path / "a.ogg", 997)), -1), y)


def test_a_stream_that_sounds_beside_another(tmp_path):
    one, two = (_pages(_content("OGG", "VORBIS", x)) for x in (NOISE, -NOISE))
    together = [page for pair in zip(one, two, strict=True) for page in pair]
    (tmp_path / "a.ogg").write_bytes(b"".join(together))
    assert "at the same time" in _reason(tmp_path / "a.ogg")


def test_a_stream_of_no_audio_is_left_out(tmp_path):
    """As the skeletons that some programs write."""
    pages = _pages(_content("OGG", "VORBIS"))
    head = bytearray(b"OggS\0\6" + bytes(8) + b"skel" + bytes(4) + bytes(4) + b"\1\x08fishead\0")
    head[22:26] = checksum(bytes(head)).to_bytes(4, "little")
    (tmp_path / "a.ogg").write_bytes(bytes(head) + b"".join(pages))
    assert load_audio(tmp_path / "a.ogg")[0].shape == (2, 40_000)
