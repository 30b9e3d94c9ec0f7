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
    """Return the settings at which a processor does nothing, or as little as it can.

    Args:
        processor: The processor.
        wet: Whether the processor stands on a bus, where `mix` is 1.

    Returns:
        The value of each parameter by name, in its unit.

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
    """Return the parameters of a processor that have controls on a console.

    Args:
        processor: The processor.
        wet: Whether the processor stands on a bus, where `mix` has no control.

    Returns:
        The parameters, in their order.
    """
    return [param for param in processor.params if not (wet and param.name == "mix")]
