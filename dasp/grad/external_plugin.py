"""Effects of pedalboard, and VST3 or Audio Unit files, as processors.

Needs `pip install dasp-audio[plugin]`; nothing else in the package imports pedalboard.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dasp.grad.external import external
from dasp.processors import Param, Processor

RANGES = {
    "attack_ms": (0.1, 100.0, "log"),
    "bit_depth": (2.0, 24.0, "linear"),
    "centre_delay_ms": (1.0, 50.0, "log"),
    "centre_frequency_hz": (100.0, 10_000.0, "log"),
    "cutoff_frequency_hz": (20.0, 20_000.0, "log"),
    "cutoff_hz": (20.0, 20_000.0, "log"),
    "damping": (0.0, 1.0, "linear"),
    "delay_seconds": (0.001, 1.0, "log"),
    "depth": (0.0, 1.0, "linear"),
    "drive": (1.0, 10.0, "log"),
    "drive_db": (0.0, 40.0, "linear"),
    "dry_level": (0.0, 1.0, "linear"),
    "feedback": (0.0, 0.95, "linear"),
    "gain_db": (-24.0, 24.0, "linear"),
    "mix": (0.0, 1.0, "linear"),
    "q": (0.1, 10.0, "log"),
    "rate_hz": (0.1, 10.0, "log"),
    "ratio": (1.0, 20.0, "log"),
    "release_ms": (5.0, 1000.0, "log"),
    "resonance": (0.0, 1.0, "linear"),
    "room_size": (0.0, 1.0, "linear"),
    "semitones": (-12.0, 12.0, "linear"),
    "threshold_db": (-100.0, 0.0, "linear"),
    "wet_level": (0.0, 1.0, "linear"),
    "width": (0.0, 1.0, "linear"),
}
"""Ranges of the effects inside pedalboard, which do not report them."""

WIDE = 100.0
"""Least ratio between the ends of a range above 0 that gets a logarithmic scale."""


def external_plugin(
    plugin: type | str | Path,
    *,
    params: Sequence[Param] | None = None,
    workers: int = 0,
    timeout_s: float | None = None,
) -> Processor:
    """Make a processor of an effect of pedalboard, a VST3 or an Audio Unit file.

    The processor is for `spsa`, `finite_difference` or `proxy` to train. A plug-in computes in
    float32, and every batch item is heard by a plug-in without a past.

    Args:
        plugin: A class of pedalboard, such as `pedalboard.Chorus`, or a VST3 or Audio Unit file.
        params: The continuous parameters. None takes every continuous parameter of a file, over the
            range that it reports, or those of a class that `RANGES` knows. The other parameters
            keep the plug-in's own values.
        workers: Number of processes that share the items of a batch, 0 or more. A plug-in in a
            worker can crash or hang alone.
        timeout_s: Longest time of one item in a worker in s, above 0; None is without end.

    Returns:
        A `Processor` with the name of the class or of the file.

    Raises:
        ImportError: If pedalboard is not installed.
        ValueError: If `workers` is below 0, or `timeout_s` is given without workers.

    >>> import pedalboard  # doctest: +SKIP
    >>> chorus = external_plugin(pedalboard.Chorus)  # doctest: +SKIP
    >>> y = chorus(torch.randn(1, 44_100), 44_100, mix=0.5)  # doctest: +SKIP
    """
    if params is None:
        read = _params_of_class if isinstance(plugin, type) else _params_of_file
        params = read(_fresh(plugin))
    name = plugin.__name__ if isinstance(plugin, type) else Path(plugin).stem
    return external(_Plugin(plugin), params, name=name, workers=workers, timeout_s=timeout_s)


@dataclass(frozen=True)
class _Plugin:
    """The function for `external`, which makes the plug-in in the process where it runs."""

    plugin: type | str | Path

    def __call__(self, x: np.ndarray, sample_rate: float, **settings: float) -> np.ndarray:
        effect = _fresh(self.plugin)
        for name, value in settings.items():
            setattr(effect, name, value)
        return effect.process(x.astype(np.float32), sample_rate, reset=True)


def _fresh(plugin: type | str | Path) -> Any:
    return plugin() if isinstance(plugin, type) else _load(str(plugin))


@functools.cache
def _load(path: str) -> Any:
    try:
        import pedalboard
    except ImportError as error:
        raise ImportError("plug-ins need pedalboard: pip install dasp-audio[plugin]") from error
    return pedalboard.load_plugin(path)


def _params_of_class(effect: Any) -> list[Param]:
    found = []
    for name, (low, high, scale) in RANGES.items():
        default = getattr(effect, name, None)
        if isinstance(default, float):
            found.append(Param(name, low, high, default=min(max(default, low), high), scale=scale))
    return found


def _params_of_file(effect: Any) -> list[Param]:
    found = []
    for name, parameter in effect.parameters.items():
        if parameter.type is not float:
            continue
        low, high = float(parameter.min_value), float(parameter.max_value)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            continue
        is_frequency = str(parameter.units or "").lower() in ("hz", "khz")
        scale = "log" if low > 0 and (is_frequency or high >= WIDE * low) else "linear"
        default = min(max(float(getattr(effect, name)), low), high)
        found.append(Param(name, low, high, default=default, scale=scale))
    return found
