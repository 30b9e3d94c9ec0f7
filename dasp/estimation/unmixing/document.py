"""What an unmix found, as a mix document."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dasp.estimation.unmixing.compression import compressor_settings
from dasp.estimation.unmixing.found import Found
from dasp.estimation.unmixing.linear_strips import LinearStrips
from dasp.estimation.unmixing.problem import Problem
from dasp.mixing.placement import gain_and_balance, gain_and_pan
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import (
    COMPRESSOR,
    FIR,
    GAIN,
    HIGH_PASS,
    PARAMETRIC_EQ,
    STEREO_PANNER,
    TIME_SHIFT,
)
from dasp.processors.stage import Stage
from dasp.units import gain_to_db

DIGITS = 7
ABSENT_DB = -120.0
LEAST_GAIN_DB, MOST_GAIN_DB = GAIN.params[0].to_physical(torch.tensor([0.0, 1.0])).tolist()
REVERSED = 0.03
"""A side of the other polarity counts from this share of the louder side on."""

LEAST_EQ_GAIN_DB = 0.001


def to_document_mix(found: Found, problem: Problem) -> Mix:
    """Convert the settings to a mix document.

    Args:
        found: The settings.
        problem: Tracks and mix.

    Returns:
        The mix; tracks that are not in it stand at the lowest gain.
    """
    tracks = tuple(
        Track(
            name,
            file,
            role,
            strip=(*_shift(found, k), *_compressor(found, k), *_linear(found, k, mono)),
            sends_db={"room": 0.0} if found.has_room else {},
        )
        for k, (name, role, file, mono) in enumerate(
            zip(problem.names, problem.roles, problem.files, problem.was_mono, strict=True)
        )
    )
    buses: tuple[Channel, ...] = ()
    if found.has_room:
        buses = (Channel("room", (Stage(FIR, {"taps": _plain(found.room)}),)),)
    master = tuple(
        stage._replace(settings={name: _plain(value) for name, value in stage.settings.items()})
        for stage in found.master
    )
    return Mix(problem.sample_rate, tracks, master, buses=buses)


def _shift(found: Found, k: int) -> tuple[Stage, ...]:
    delay = found.lag_samples[k].item()
    if not found.by_filters:
        if not found.strips.gains[k].any():
            return ()
        delay += found.strips.delay_samples[k].item()
    return (Stage(TIME_SHIFT, {"delay_samples": _plain(delay)}),) if abs(delay) > 1e-3 else ()


def _compressor(found: Found, k: int) -> tuple[Stage, ...]:
    if not found.strips.gains[k].any():
        return ()
    values = compressor_settings(found.compressors[k : k + 1])
    settings = {name: _plain(value[0]) for name, value in values.items()}
    return (Stage(COMPRESSOR, settings),) if settings["ratio"] > 1.001 else ()


def _linear(found: Found, k: int, mono: bool) -> tuple[Stage, ...]:
    if found.by_filters:
        return (Stage(FIR, {"taps": _plain(found.filters.filters[k])}),)
    strips = found.strips
    gains = strips.gains[k]
    if not gains.any():
        return _gain(ABSENT_DB)
    stages = []
    if strips.high_pass_on[k]:
        stages.append(Stage(HIGH_PASS, {"freq_hz": _plain(strips.high_pass_hz[k])}))
    if strips.eq_gain_db[k].abs().max() > LEAST_EQ_GAIN_DB:
        stages.append(Stage(PARAMETRIC_EQ, _eq(strips, k)))
    if (gains < -REVERSED * gains.abs().amax()).any():
        # No knob reverses the polarity of one side; a filter of one tap does.
        return (*stages, Stage(FIR, {"taps": _plain(gains[:, None])}))
    gain, pan = (gain_and_pan if mono else gain_and_balance)(gains.clamp(min=0))
    return (*stages, *_gain(gain_to_db(gain).item()), Stage(STEREO_PANNER, {"pan": _plain(pan)}))


def _gain(gain_db: float) -> tuple[Stage, ...]:
    """A gain stage, or several in series where the gain exceeds the range of one."""
    one_db = min(max(gain_db, LEAST_GAIN_DB), MOST_GAIN_DB)
    rest = () if one_db == gain_db else _gain(gain_db - one_db)
    return (Stage(GAIN, {"gain_db": _plain(one_db)}), *rest)


def _eq(strips: LinearStrips, k: int) -> Mapping[str, Any]:
    settings: dict[str, Any] = {}
    for name in ("gain_db", "freq_hz", "q"):
        low, *peaks, high = _plain(getattr(strips, f"eq_{name}")[k])
        settings |= {f"low_shelf_{name}": low, f"peak_{name}": peaks, f"high_shelf_{name}": high}
    return settings


def _plain(value: Any) -> Any:
    """Round numbers to the digits of a document."""
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(f"{value:.{DIGITS}g}")
