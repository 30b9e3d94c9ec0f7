"""The types of arguments that are numbers, with their units: `--rate 44.1kHz`, `--tail 500ms`."""

import argparse
import math
from collections.abc import Callable

from dasp._quantity import parse_quantity
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS


def number(
    unit: str = "",
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
) -> Callable[[str], float]:
    """The type of an argument that is a number in a unit of `dasp._quantity`, within limits."""

    def read(text: str) -> float:
        try:
            value = parse_quantity(text, unit)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        if not (low <= value <= high and above < value < math.inf):
            raise argparse.ArgumentTypeError(
                f"expected {_limits(unit, low, high, above)}, got {text}"
            )
        return value

    return read


def whole_number(unit: str = "", *, low: float, high: float = math.inf) -> Callable[[str], int]:
    """The type of an argument that is a whole number in a unit, within limits."""
    number_within = number(unit, low=low, high=high)

    def read(text: str) -> int:
        value = number_within(text)
        if value != int(value):
            raise argparse.ArgumentTypeError(f"expected a whole number, got {text}")
        return int(value)

    return read


def _limits(unit: str, low: float, high: float, above: float) -> str:
    unit = {"": "", "%": "", "s": " seconds"}.get(unit, f" {unit}")
    if math.isfinite(low) and math.isfinite(high):
        return f"{low:g} to {high:g}{unit}"
    if math.isfinite(above):
        return f"more than {above:g}{unit}"
    if not math.isfinite(low):
        return f"a number{unit}"
    return f"{low:g}{unit} or more" if unit else f"at least {low:g}"


seconds = number("s", low=0.0)
longer_than_nothing = number("s", above=0.0)
sample_rate = whole_number("Hz", low=1000, high=1_000_000)
share = number("%", low=0.0, high=1.0)
count = whole_number(low=1)
seed = whole_number(low=0, high=2**63 - 1)


def target_lufs(text: str) -> float:
    """The type of an argument that is the loudness of a mix; with a forgotten minus it is none."""
    value = number("LUFS")(text)
    if value > 0:
        raise argparse.ArgumentTypeError(
            f"expected a loudness of at most 0 LUFS, got {text}; did you mean -{text.lstrip('+')}?"
        )
    return number("LUFS", low=ABSOLUTE_GATE_LUFS, high=0.0)(text)
