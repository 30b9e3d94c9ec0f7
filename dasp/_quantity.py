"""Numbers as people write them, with their units: `1k`, `-18dB`, `10ms`, `4:1`, `50%`."""

import re
from decimal import Decimal

_HERTZ = {"hz": "1", "k": "1e3", "khz": "1e3"}
_LEVELS = {"db": "1", "dbfs": "1", "dbtp": "1"}
_SECONDS = {
    "us": "1e-6",
    "µs": "1e-6",
    "ms": "1e-3",
    "s": "1",
    "sec": "1",
    "min": "60",
    "h": "3600",
}
_MILLISECONDS = {unit: str(Decimal(factor) * 1000) for unit, factor in _SECONDS.items()}
_OCTAVES = {
    "octaves": "1", "octave": "1", "oct": "1",
    "semitones": str(Decimal(1) / 12), "st": str(Decimal(1) / 12), "cents": str(Decimal(1) / 1200),
}  # fmt: skip

UNITS: dict[str, dict[str, str]] = {
    "": {},
    "%": {"%": "1e-2"},
    "Hz": _HERTZ,
    "dB": _LEVELS,
    "LUFS": {"lufs": "1", "lkfs": "1"},
    "ms": _MILLISECONDS,
    "s": _SECONDS,
    "octaves": _OCTAVES,
    "samples": {"samples": "1", "sample": "1", "k": "1e3"},
    "ratio": {},
}
"""For each unit that a number may be in, what may stand behind it, and the factor of that."""

_EXAMPLES = {
    "": "a number without a unit",
    "%": "a number, such as 0.5 or 50%",
    "Hz": "a frequency, such as 440, 1k or 2.5kHz",
    "dB": "a level, such as -18 or -18dB",
    "LUFS": "a loudness, such as -14 or -14LUFS",
    "ms": "a time in ms, such as 10, 10ms or 0.5s",
    "s": "a time in s, such as 0.5, 0.5s or 500ms",
    "octaves": "octaves, such as 1.5 or 1.5oct",
    "samples": "a number of samples, such as 48",
    "ratio": "a ratio, such as 4 or 4:1",
}

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_QUANTITY = re.compile(rf"({_NUMBER})\s*([^\s\d.+:-]*)", re.IGNORECASE)
_RATIO = re.compile(rf"({_NUMBER})\s*:\s*({_NUMBER})", re.IGNORECASE)


def parse_quantity(text: str, unit: str = "") -> float:
    """The number that a text stands for, in a unit of `UNITS`; a whole number stays an `int`.

    >>> parse_quantity("2.5kHz", "Hz"), parse_quantity("0.5s", "ms"), parse_quantity("4:1", "ratio")
    (2500.0, 500.0, 4.0)

    Raises:
        ValueError: If it is no number, or has a unit that does not fit.
    """
    written = text.strip().replace("\N{MINUS SIGN}", "-").replace("\N{GREEK SMALL LETTER MU}", "µ")
    if written.lower().lstrip("+-") in ("inf", "infinity", "nan"):
        return float(written)
    if unit == "ratio" and (ratio := _RATIO.fullmatch(written)):
        over, under = map(float, ratio.groups())
        if under > 0:
            return over / under
    quantity = _QUANTITY.fullmatch(written)
    factor = quantity and {"": "1", **UNITS[unit]}.get(quantity[2].lower())
    if not re.search(r"\d", written):
        raise ValueError(f"expected a number, got {text!r}")
    if quantity is None or not factor:
        raise ValueError(f"expected {_EXAMPLES[unit]}, got {text!r}")
    if not quantity[2]:
        return int(written) if re.fullmatch(r"[+-]?\d+", written) else float(written)
    number = Decimal(quantity[1]) * Decimal(factor)
    is_whole = quantity[1].lstrip("+-").isdigit() and number == int(number)
    return int(number) if is_whole else float(number)


def unit_of(name: str) -> str:
    """The unit of `UNITS` that a parameter of that name is in.

    >>> unit_of("attack_ms"), unit_of("peak_q"), unit_of("de_esser.ratio"), unit_of("mix")
    ('ms', '', 'ratio', '%')
    """
    last = name.rsplit(".", 1)[-1].rsplit("_", 1)[-1]
    by_ending = {unit.lower(): unit for unit in UNITS if unit not in ("", "%")}
    return by_ending.get(last, "" if last == "q" else "%")
