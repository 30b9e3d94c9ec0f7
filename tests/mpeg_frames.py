"""MPEG audio whose frames are taken apart and put together as programs do that know nothing."""

import io

import numpy as np
import soundfile


def mp3(x: np.ndarray, sample_rate: int = 44_100, *, vbr: bool = False) -> bytes:
    """Samples `(time, channels)` as MP3 with a table in its first frame."""
    file = io.BytesIO()
    mode = {"bitrate_mode": "VARIABLE" if vbr else "CONSTANT", "compression_level": 0.5}
    soundfile.write(file, x, sample_rate, format="MP3", subtype="MPEG_LAYER_III", **mode)
    return file.getvalue()


def frames_of(content: bytes) -> list[bytes]:
    """The frames of a file of layer III, without the one that holds the table."""
    rates = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
    kbps_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    kbps_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    frames, at = [], 0
    while at < len(content):
        version = content[at + 1] >> 3 & 3
        kbps = (kbps_1 if version == 3 else kbps_2)[(content[at + 2] >> 4) - 1]
        rate = rates[version][content[at + 2] >> 2 & 3]
        length = (144_000 if version == 3 else 72_000) * kbps // rate + (content[at + 2] >> 1 & 1)
        frames.append(content[at : at + length])
        at += length
    return [frame for frame in frames if b"Xing" not in frame and b"Info" not in frame]
