"""Audio files that are whole, and files that are broken in every way that one can think of."""

import struct
from collections.abc import Iterator
from pathlib import Path

import torch

from dasp.audio_io import save_audio

WHOLE = {
    "u8.wav": "PCM_U8",
    "16.wav": "PCM_16",
    "24.wav": "PCM_24",
    "float.wav": "FLOAT",
    "double.wav": "DOUBLE",
    "24.rf64": "PCM_24",
    "16.flac": "PCM_16",
    "24.flac": "PCM_24",
    "24.aiff": "PCM_24",
    "float.aiff": "FLOAT",
    "16.au": "PCM_16",
    "16.w64": "PCM_16",
    "float.caf": "FLOAT",
    "vorbis.ogg": None,
    "opus.opus": None,
    "mpeg.mp3": None,
}
"""A file of every format, and how its samples are stored."""

CUT = (1, 3, 4, 11, 12, 13, 20, 27, 28, 36, 40, 43, 44, 45, 60, 100, 0.3, 0.5, 0.9, 0.999, -2, -1)
"""Where files are cut off: bytes from the start, shares, bytes from the end."""


def write_whole_files(folder: Path) -> dict[str, bytes]:
    """The content of a file of every format: a tenth of a second in stereo."""
    x = 0.5 * torch.randn(2, 4800, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    whole = {}
    for name, subtype in WHOLE.items():
        save_audio(folder / name, x, 48_000, subtype=subtype)
        whole[name] = (folder / name).read_bytes()
        (folder / name).unlink()
    return whole


def cut_off(content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file without its end."""
    for place in CUT:
        end = int(place * len(content)) if isinstance(place, float) else place
        yield f"cut-{place}", content[:end]


def wav(
    samples: bytes = bytes(400),
    *,
    code: int = 1,
    channels: int = 1,
    rate: int = 48_000,
    bits: int = 16,
    size: int | None = None,
    form_size: int = 16,
) -> bytes:
    """A WAV that says of itself whatever one likes."""
    align = channels * bits // 8 % 2**16
    form = struct.pack("<HHIIHH", code, channels, rate, rate * align % 2**32, align, bits)
    size = len(samples) if size is None else size
    return (
        b"RIFF" + struct.pack("<I", (36 + size) % 2**32) + b"WAVE"
        + b"fmt " + struct.pack("<I", form_size) + form
        + b"data" + struct.pack("<I", size) + samples
    )  # fmt: skip


def flac_that_declares(frames: int, whole: bytes) -> bytes:
    """A FLAC whose head promises another number of frames, in 36 bits."""
    content = bytearray(whole)
    content[21] = content[21] & 0xF0 | frames >> 32
    content[22:26] = (frames & 0xFFFF_FFFF).to_bytes(4, "big")
    return bytes(content)


def broken_files(whole: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Names and contents."""
    for name, content in whole.items():
        stem, ending = name.split(".")
        for kind, cut in cut_off(content):
            yield f"{stem}-{kind}.{ending}", cut
        yield f"{stem}-zeros.{ending}", content[:100] + bytes(len(content) - 100)
        yield f"{stem}-ones.{ending}", content[:60] + b"\xff" * (len(content) - 60)
        for other in ("wav", "flac", "mp3", "ogg", "aiff", "raw", "vox", "txt"):
            if other != ending:
                yield f"{stem}-{ending}-named.{other}", content
    for ending in ("wav", "flac", "mp3", "ogg", "aiff", "au", "w64", "caf", "rf64", "m4a", "raw"):
        yield f"empty.{ending}", b""
        yield f"text.{ending}", b"This is a text, and no audio. " * 100
        yield f"zeros.{ending}", bytes(5000)
        yield f"json.{ending}", b'{"format": "dasp-chain"}'
    for channels in (0, 17, 1023, 1024, 1025, 65_535):
        yield f"channels-{channels}.wav", wav(bytes(4 * channels), channels=channels)
    for rate in (0, 1, 2**31 - 1, 2**31, 2**32 - 1):
        yield f"rate-{rate}.wav", wav(rate=rate)
    for bits in (0, 1, 7, 12, 20, 33, 64, 65_535):
        yield f"bits-{bits}.wav", wav(bits=bits)
    for code in (0, 2, 3, 6, 7, 17, 0x31, 0x55, 0xFFFE, 0xFFFF):
        yield f"code-{code}.wav", wav(code=code)
    for size in (0, 1, 399, 401, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1):
        yield f"size-{size}.wav", wav(size=size)
    for form_size in (0, 2, 14, 17, 18, 40, 2**31, 2**32 - 1):
        yield f"form-{form_size}.wav", wav(form_size=form_size)
    for frames in (1, 2**31, 2**33, 2**36 - 1):
        yield f"declares-{frames}.flac", flac_that_declares(frames, whole["16.flac"])
    huge = struct.pack("<QQQI", 2**63, 2**62, 2**60, 0)
    yield "huge.rf64", b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + huge + wav()[12:]
    far = struct.pack("<Q", 2**63 + 40)
    yield "far.w64", whole["16.w64"][:56] + far + whole["16.w64"][64:]
    yield "far.caf", whole["float.caf"][:12] + far[::-1] + whole["float.caf"][20:]
    yield "empty-chunks.wav", b"RIFF\xff\xff\xff\x7fWAVE" + bytes(2**20)
    for value in (float("nan"), float("inf"), -float("inf")):
        samples = struct.pack("<4f", 0.0, value, 0.0, 0.5)
        yield f"{value}.wav", wav(samples, code=3, bits=32)
