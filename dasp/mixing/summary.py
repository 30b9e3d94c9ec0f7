"""A mix in words, as consoles and engineers write it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from dasp.mixing.settings import Channel, Track
from dasp.mixing.wet import REVERBS
from dasp.processors.stage import Stage
from dasp.processors.strip import named

LEAST_DB = 0.25
"""A gain of an equaliser that is told."""


def pan_text(pan: float) -> str:
    """Write a pan as consoles print it.

    Args:
        pan: From -1 (left) to 1 (right).

    Returns:
        C for the centre, or L or R with a number up to 100.

    >>> pan_text(0.0), pan_text(-0.5)
    ('C', 'L50')
    """
    percent = round(100 * abs(pan))
    return f"{'L' if pan < 0 else 'R'}{percent}" if percent else "C"


def stage_text(stage: Stage, reduction_db: float | None = None) -> str:
    """Tell what a stage does.

    Args:
        stage: The stage.
        reduction_db: Its gain reduction in loud moments, for a compressor of which it is known.

    Returns:
        Words; the name of the processor where there are none for it, and nothing for an equaliser
        that is flat.

    >>> from dasp.processors.catalogue import COMPRESSOR, PARAMETRIC_EQ
    >>> stage_text(Stage(PARAMETRIC_EQ, {"low_shelf_gain_db": -3.0, "high_shelf_gain_db": 2.0}))
    '-3 dB below 100 Hz, +2 dB above 8 kHz'
    >>> stage_text(Stage(COMPRESSOR, {"threshold_db": -24.2, "ratio": 2.0}), 3.1)
    '2:1 above -24 dB, about 3 dB of reduction'
    """
    name = stage.processor.name
    values = {**stage.processor.defaults(), **stage.settings}
    values = {k: v.tolist() if isinstance(v, torch.Tensor) else v for k, v in values.items()}
    moving = sorted(key for key in stage.automation if key != "time_s")
    if moving:
        return f"{name} ({', '.join(moving)} moves)"
    if name in _TOLD:
        text = _TOLD[name](values)
    elif name in REVERBS:
        text = _reverb(name, values)
    else:
        text = name
    if text and stage.sidechain:
        text += f" by {stage.sidechain}"
    if text and name == "compressor" and reduction_db is not None:
        text += ", " + (
            f"about {reduction_db:.0f} dB of reduction" if reduction_db >= 0.5 else "hardly at work"
        )
    return text


def _parametric_eq(values: Mapping[str, Any]) -> str:
    bands = [(values["low_shelf_gain_db"], "below", values["low_shelf_freq_hz"])]
    gains, freqs = (_each(values[f"peak_{key}"]) for key in ("gain_db", "freq_hz"))
    peaks = sorted(zip(freqs, gains, strict=True))
    bands += [(gain, "at", freq) for freq, gain in peaks]
    bands += [(values["high_shelf_gain_db"], "above", values["high_shelf_freq_hz"])]
    return ", ".join(
        f"{_db(gain)} {where} {_hz(freq)}" for gain, where, freq in bands if abs(gain) >= LEAST_DB
    )


def _compressor(values: Mapping[str, Any]) -> str:
    if values["ratio"] <= 1.0:
        return ""
    text = f"{values['ratio']:.2g}:1 above {values['threshold_db']:.0f} dB"
    if abs(values["makeup_gain_db"]) >= LEAST_DB:
        text += f" and {_db(values['makeup_gain_db'])}"
    return text if values["mix"] == 1.0 else f"{100 * values['mix']:.0f} % of {text}"


def _reverb(name: str, values: Mapping[str, Any]) -> str:
    length = f" of {values['rt60_mid_s']:.1f} s" if "rt60_mid_s" in values else ""
    kind = {"plate_reverb": "plate reverb"}.get(name, "reverb")
    share = "" if values["mix"] == 1.0 else f"{100 * values['mix']:.2g} % "
    return f"{share}{kind}{length}"


_TOLD = {
    "parametric_eq": _parametric_eq,
    "compressor": _compressor,
    "gain": lambda values: _db(values["gain_db"]),
    "stereo_panner": lambda values: pan_text(values["pan"]),
    "stereo_widener": lambda values: f"width {100 * values['width']:.0f} %",
    "high_pass": lambda values: f"nothing below {_hz(values['freq_hz'])}",
    "low_pass": lambda values: f"nothing above {_hz(values['freq_hz'])}",
    "limiter": lambda values: f"limited at {_db(values['ceiling_db'])}",
    "noise_gate": lambda values: f"closed below {values['threshold_db']:.0f} dB",
    "expander": lambda values: f"1:{values['ratio']:.2g} below {values['threshold_db']:.0f} dB",
    "delay": lambda values: f"delay of {values['time_ms']:.0f} ms",
}


def _each(value: Any) -> Sequence[float]:
    return value if isinstance(value, Sequence) else [value]


def _db(value: float) -> str:
    """To half a decibel."""
    return f"{round(2 * value) / 2 + 0.0:+g} dB"


def _hz(value: float) -> str:
    """To two digits, which is as near as an ear tells.

    >>> _hz(315.0), _hz(1234.0), _hz(12_000.0)
    ('320 Hz', '1.2 kHz', '12 kHz')
    """
    value = float(f"{value:.2g}")
    return f"{value / 1000:g} kHz" if value >= 1000 else f"{value:g} Hz"


def switches(channel: Track | Channel) -> list[str]:
    """List what is switched in a strip, and what is put right before it.

    Args:
        channel: A track, a group, a bus, or the master.

    Returns:
        Words such as "muted", "gain bypassed" and "polarity turned".

    >>> switches(Track("kick", mute=True))
    ['muted']
    """
    told = ["muted"] if channel.mute else []
    told += ["solo"] if channel.solo else []
    told += [f"{name} bypassed" for name, stage in named(channel.strip) if not stage.on]
    if isinstance(channel, Track):
        prepare = channel.prepare
        told += ["offset taken off"] if prepare.offset else []
        told += ["mono"] if prepare.mono else []
        told += ["sides swapped"] if prepare.swapped else []
        told += ["polarity turned"] if prepare.inverted else []
        told += [f"{prepare.delay_samples:+.4g} samples"] if prepare.delay_samples else []
        told += [f"a double of {prepare.double_of}"] if prepare.double_of else []
    return told
