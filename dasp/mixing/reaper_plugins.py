"""The state of REAPER's own plug-ins, as its project files hold it.

A plug-in is three blocks in base64: what REAPER keeps of it (its number, its pins, the size of the
second block), the plug-in's own data, and the name of its program. The layout of the data is known
from files that REAPER wrote and from settings read back after a change; it is not documented by
its makers. All numbers are little-endian.
"""

import base64
import math
import struct
from collections.abc import Sequence
from typing import NamedTuple

from dasp.units import db_to_gain

BAND_TYPES = {"low_shelf": 0, "high_shelf": 1, "low_pass": 3, "high_pass": 4, "peak": 8}
RMS_MS = 10.0

_MAGIC = 0xFEED5EEE
_PROGRAM = b"\0\0\x10\0\0\0"
_LINE = 128


class Band(NamedTuple):
    """A band of ReaEQ.

    Args:
        kind: One of `BAND_TYPES`.
        freq_hz: Frequency in Hz.
        gain_db: Gain in dB.
        q: Quality factor, which ReaEQ has as a width in octaves.
    """

    kind: str
    freq_hz: float
    gain_db: float
    q: float


def rea_eq(bands: Sequence[Band]) -> list[str]:
    """Write the state of ReaEQ.

    Args:
        bands: The bands, in their order.

    Returns:
        Lines of a project file.
    """
    data = struct.pack("<2I", 33, len(bands))
    for band in bands:
        octaves = 2 / math.log(2) * math.asinh(1 / (2 * band.q))
        gain = db_to_gain(band.gain_db)
        data += struct.pack("<2I3dB", BAND_TYPES[band.kind], 1, band.freq_hz, gain, octaves, 1)
    data += struct.pack("<2Id4I", 1, 1, 1.0, 0, 509, 348, 2)  # on, gain, and the window's size
    identity = "1919247729<56535472656571726561657100000000>"
    return _plugin("ReaEQ", "reaeq.dll", identity, b"qeer", 0, 2, data)


def rea_comp(
    *,
    threshold_db: float,
    ratio: float,
    attack_ms: float,
    release_ms: float,
    knee_db: float,
    makeup_gain_db: float,
    lookahead_ms: float,
    mix: float,
    rms: bool,
) -> list[str]:
    """Write the state of ReaComp.

    Args:
        threshold_db: Threshold in dBFS.
        ratio: Ratio, 1 or more.
        attack_ms: Attack time in ms.
        release_ms: Release time in ms.
        knee_db: Width of the knee in dB.
        makeup_gain_db: Gain behind the compressor in dB, at most 6.02.
        lookahead_ms: Look-ahead in ms.
        mix: Share of the compressed signal, in [0, 1].
        rms: Whether the detector takes the RMS, and not the peak.

    Returns:
        Lines of a project file.
    """
    values = [0.0] * 21
    values[0] = db_to_gain(threshold_db)
    values[1] = (ratio - 1) / 99
    values[2] = attack_ms / 500
    values[3] = release_ms / 5000
    values[4] = lookahead_ms / 250
    values[6] = 1.0  # the low-pass of the detector, open
    values[10] = max(1 - mix, 10 ** (-150 / 20))  # which is as low as it goes
    values[11] = min(2.0, mix * db_to_gain(makeup_gain_db))
    values[13] = (RMS_MS if rms else 0.0) / 100
    values[14] = knee_db / 24
    values[17] = 0.25  # as it comes
    data = struct.pack("<2I21f", 0xDEADBEEF, 0xDEADF00D, *values)
    identity = "1919247213<5653547265636D726561636F6D700000>"
    return _plugin("ReaComp", "reacomp.dll", identity, b"mcer", 1, 4, data)


def rea_limit(*, ceiling_db: float, gain_db: float) -> list[str]:
    """Write the state of ReaLimit.

    Args:
        ceiling_db: Ceiling in dBFS.
        gain_db: Gain before the limiter in dB.

    Returns:
        Lines of a project file.
    """
    release = 10 ** (-15 / 20)  # in dB per second, as it comes
    data = struct.pack("<2I2d2I2d", 3, 0, ceiling_db - gain_db, ceiling_db, 2, 2, 0.0, release)
    identity = "1919708532<565354726C6D747265616C696D697400>"
    return _plugin("ReaLimit", "realimit.dll", identity, b"tmlr", 0, 2, data)


def rea_verbate(*, wet: float, dry: float, room_size: float, damping: float) -> list[str]:
    """Write the state of ReaVerbate, with full width and open filters.

    Args:
        wet: Gain of the reverb as a factor.
        dry: Gain of the dry signal as a factor.
        room_size: Size of the room, in [0, 1].
        damping: Damping of high frequencies, in [0, 1].

    Returns:
        Lines of a project file.
    """
    values = [wet, dry, room_size, damping, 1.0, 0.0, 1.0, 0.0]
    data = struct.pack("<2I8f", 0xDEADBEEF, 0xDEADF00D, *values)
    identity = "1920361016<56535472766238726561766572626174>"
    return _plugin("ReaVerbate", "reaverbate.dll", identity, b"8bvr", 1, 2, data)


def js_volume(gain_db: float) -> list[str]:
    """Write the state of REAPER's script "utility/volume", of which 6 dB are a factor of 2.

    Args:
        gain_db: Gain in dB.

    Returns:
        Lines of a project file.
    """
    value = gain_db * 6 / (20 * math.log10(2))
    sliders = [f"{value:.6f}", "150.000000", *["-"] * 62]
    return ['<JS utility/volume ""', f"  {' '.join(sliders)}", ">"]


def _plugin(
    name: str, file: str, identity: str, number: bytes, version: int, inputs: int, data: bytes
) -> list[str]:
    ins = [word for pin in range(inputs) for word in (1 << pin, 0)]
    outs = [word for pin in range(2) for word in (1 << pin, 0)]
    words = [_MAGIC + version, inputs, *ins, 2, *outs, len(data), 1 - version, 0x100000]
    head = number + struct.pack(f"<{len(words)}I", *words)
    blocks = [*_base64(head), *_base64(data), *_base64(_PROGRAM)]
    opening = f'<VST "VST: {name} (Cockos)" {file} 0 "" {identity} ""'
    return [opening, *(f"  {block}" for block in blocks), ">"]


def _base64(data: bytes) -> list[str]:
    text = base64.b64encode(data).decode("ascii")
    return [text[i : i + _LINE] for i in range(0, len(text), _LINE)]
