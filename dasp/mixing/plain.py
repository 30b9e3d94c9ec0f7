"""The settings at which a stage does nothing, or as little as it can."""

from typing import Any

from dasp.processors.param import Param
from dasp.processors.processor import Processor

MILDEST = {
    "high_pass": {"freq_hz": 20.0},
    "low_pass": {"freq_hz": 20_000.0},
    "limiter": {"ceiling_db": 0.0},
}
"""For processors that always do something."""


def plain_settings(processor: Processor, *, wet: bool = False) -> dict[str, Any]:
    """The settings that change nothing, or least. `wet` is for buses, where `mix` stands at 1.

    >>> from dasp.processors.catalogue import COMPRESSOR
    >>> plain_settings(COMPRESSOR)["ratio"]
    1.0
    """
    neutral = MILDEST.get(processor.name, {}) if processor.neutral is None else processor.neutral
    settings = {**processor.defaults(), **neutral}
    if wet and "mix" in settings:
        settings["mix"] = 1.0
    return settings


def free_params(processor: Processor, *, wet: bool = False) -> list[Param]:
    """The parameters that have controls. On a bus `mix` has none."""
    return [param for param in processor.params if not (wet and param.name == "mix")]
