"""The detector of dynamics processors: what sets the gain, and how its level is measured."""

from dataclasses import dataclass

from torch import Tensor

from dasp._checks import check_audio, check_choice
from dasp._typing import Value
from dasp.functional._arguments import below_nyquist, broadcasts, per_item
from dasp.functional._made_once import made_once
from dasp.functional._memory import WHOLE, Memory
from dasp.functional.eq import filter_with
from dasp.signal.biquad import design_high_pass
from dasp.signal.gain_computer import AMPLITUDE, POWER, loudest, to_level_db
from dasp.signal.iir import sections_of
from dasp.signal.smoothing import design_one_pole, one_pole

RMS_TIME_MS = 10.0
"""Averaging time of the RMS detector, where none is given."""

DB_PER_DECADE = {"peak": AMPLITUDE, "rms": POWER}
"""Of what each kind of detector measures."""


@dataclass(frozen=True)
class Detector:
    """What sets the gain of a dynamics processor; the fields are arguments of `compressor`."""

    kind: str = "peak"
    linked: bool = True
    sidechain: Tensor | None = None
    high_pass_hz: Value | None = None
    rms_time_ms: Value = RMS_TIME_MS

    @property
    def is_plain(self) -> bool:
        """Whether it listens to the peaks of the audio itself."""
        return self.kind == "peak" and self.sidechain is None and self.high_pass_hz is None

    @property
    def db_per_decade(self) -> float:
        """Of the key signal."""
        return DB_PER_DECADE[self.kind]


def detect_level(
    x: Tensor, sample_rate: float, detector: Detector, memory: Memory = WHOLE
) -> Tensor:
    """Level in dB `(*batch, channels or 1, time)`: of each channel, or of the loudest if linked."""
    key = key_signal(x, sample_rate, detector, memory)
    level_db = to_level_db(key, detector.db_per_decade)
    return loudest(level_db)[..., None, :] if detector.linked else level_db


def key_signal(x: Tensor, sample_rate: float, detector: Detector, memory: Memory) -> Tensor:
    """What the level is taken of: amplitudes for "peak", the mean square for "rms"."""
    check_choice("detector", detector.kind, DB_PER_DECADE)
    key = x if detector.sidechain is None else _checked_sidechain(detector.sidechain, x)
    if detector.high_pass_hz is not None:
        sections = made_once(_deaf_to_bass, x, sample_rate, detector.high_pass_hz)
        key = filter_with(key, sections, memory)
    if detector.kind == "rms":
        rms_time_ms = per_item("rms_time_ms", detector.rms_time_ms, x, low=0.0)
        pole = design_one_pole(rms_time_ms, sample_rate)
        key = memory.through("mean_square", one_pole, key.square(), pole[..., None, None])
    return key


def _deaf_to_bass(x: Tensor, sample_rate: float, freq_hz: Value) -> Tensor:
    freq_hz = per_item("sidechain_high_pass_hz", freq_hz, x, **below_nyquist(sample_rate))
    return sections_of(design_high_pass(freq_hz, sample_rate))


def _checked_sidechain(sidechain: Tensor, x: Tensor) -> Tensor:
    check_audio(sidechain, "sidechain")
    if sidechain.shape[-1] != x.shape[-1] or not broadcasts(sidechain.shape, x.shape):
        raise ValueError(
            f"sidechain: expected the shape of x, {tuple(x.shape)}, with as many channels or 1, "
            f"got shape {tuple(sidechain.shape)}"
        )
    return sidechain.to(x).expand(*x.shape[:-2], -1, -1)
