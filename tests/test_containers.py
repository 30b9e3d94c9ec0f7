"""What containers say of their length, against files that libsndfile writes."""

import contextlib
import io

import numpy as np
import pytest
import soundfile

from dasp.audio_io.containers import contents_of, without_chance

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, (4800, 2))


def _content(format: str, subtype: str | None = None, x=NOISE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, x, 48_000, format=format, subtype=subtype)
    return file.getvalue()


def _missing(content: bytes) -> str | None:
    return contents_of(io.BytesIO(content)).problem


@pytest.mark.parametrize(
    "format, more", [("WAV", 0), ("RF64", 0), ("AIFF", 8), ("AU", 0), ("W64", 0)]
)
def test_the_bytes_that_are_missing_are_counted(format, more):
    """AIFF has two numbers before the samples, in the same chunk."""
    content = _content(format, "PCM_16")
    samples = NOISE.size * 2 + more
    assert _missing(content) is None
    assert _missing(content[:-1000]) == (
        f"is cut off: its head promises {samples} bytes of samples, {samples - 1000} are there"
    )


def test_a_core_audio_file():
    """Whose samples have four bytes of their own before them."""
    content = _content("CAF", "PCM_16")
    start = content.index(b"data") + 12
    assert _missing(content) is None
    assert f"promises {NOISE.size * 2 + 4} bytes" in _missing(content[: start + 100])


def test_a_little_endian_au():
    file = io.BytesIO()
    soundfile.write(file, NOISE, 48_000, format="AU", subtype="PCM_16", endian="LITTLE")
    assert file.getvalue()[:4] == b"dns."
    assert _missing(file.getvalue()) is None
    assert "19200 bytes of samples, 19190 are there" in _missing(file.getvalue()[:-10])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sample_rate", [48_000, 22_050])
@pytest.mark.parametrize("tag", [b"", b"ID3\x04\0\0\0\0\2\1" + bytes(257)])
def test_an_mp3_that_counts_its_bytes(channels, sample_rate, tag):
    """MPEG 1 and 2, whose first frames are laid out in four ways, also after a tag."""
    file = io.BytesIO()
    soundfile.write(file, np.tile(NOISE[:, :channels], (5, 1)), sample_rate, format="MP3")
    content = file.getvalue()
    assert b"Xing" in content[:200] or b"Info" in content[:200]
    assert _missing(tag + content) is None
    assert _missing(tag + content[:-1]) == (
        f"is cut off: its head promises {len(content)} bytes of samples, "
        f"{len(content) - 1} are there"
    )


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_without_its_last_page(subtype):
    content = _content("OGG", subtype)
    assert _missing(content) is None
    assert _missing(content[:-1]) == "is cut off: its last page is not there"
    assert _missing(content[: content.rindex(b"OggS")]) == "is cut off: its last page is not there"


@pytest.mark.parametrize("format, kept", [("WAV", 43), ("W64", 100), ("CAF", 30), ("AIFF", 43)])
def test_cut_off_before_the_samples(format, kept):
    assert "nothing in it says where its samples are" in _missing(_content(format)[:kept])


def test_what_is_no_container_is_not_judged():
    for content in (b"", b"RI", b"This is a text.", bytes(100), b"\xff\xfb", b"ID3"):
        assert _missing(content) is None


def test_a_file_of_empty_chunks_does_not_take_for_ever():
    assert "nothing in it says" in _missing(b"RIFF\xff\xff\xff\x7fWAVE" + bytes(2**22))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_the_same_samples_are_the_same_ogg(subtype):
    """Another serial number, a checksum that libsndfile accepts, and the same sound."""
    first, second = (_content("OGG", subtype) for _ in range(2))
    assert first != second
    plain = bytes(without_chance(bytearray(first)))
    assert plain == bytes(without_chance(bytearray(second)))
    assert plain[14:18] == bytes(4)
    before, _ = soundfile.read(io.BytesIO(first))
    np.testing.assert_array_equal(soundfile.read(io.BytesIO(plain))[0], before)
    damaged = bytearray(plain)
    damaged[-100] ^= 1  # Of which the checksum knows, so that it does check something.
    with contextlib.suppress(soundfile.LibsndfileError):
        assert len(soundfile.read(io.BytesIO(bytes(damaged)))[0]) != len(before)


def test_ogg_keeps_its_checksum():
    """libsndfile's own number back in its place gives libsndfile's own checksum."""
    from dasp.audio_io.containers import _with_serial_number

    content = _content("OGG", "VORBIS")
    number = int.from_bytes(content[14:18], "little")
    plain = without_chance(bytearray(content))
    assert bytes(_with_serial_number(plain, number)) == content
