"""The stages of a console, and the settings at which they do nothing, or as little as they can."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from dasp._suggestion import did_you_mean
from dasp.processors import Param, Processor
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip, named, with_settings


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
    least = processor.mildest if processor.neutral is None else processor.neutral
    settings = {**processor.defaults(), **(least or {})}
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


def console_strip(
    processors: Sequence[Processor],
    settings: Mapping[str, Any],
    axes: int,
    *,
    sidechain: Mapping[str, Any] = {},
    wet: bool = False,
) -> Strip:
    """Build the strip that a console runs.

    Args:
        processors: The processors, in their order.
        settings: Values by the name of the stage, a dot and the name of the setting; what is left
            out is plain. A value with an axis of time behind the batch becomes automation.
        axes: Number of axes of the batch.
        sidechain: What each stage listens to, by its name.
        wet: Whether the strip is that of a bus.

    Returns:
        The strip.

    Raises:
        ValueError: If a setting, or what listens, is of none of the stages.

    >>> from dasp.processors.catalogue import GAIN
    >>> console_strip((GAIN,), {}, 0)[0].settings
    {'gain_db': 0.0}
    """
    stages = named(with_settings(processors, settings))
    for name in sidechain:
        if name not in (names := [name for name, _ in stages]):
            raise ValueError(f"settings: no stage {name!r}{did_you_mean(name, names)}")
    strip = []
    for name, stage in stages:
        own = {**plain_settings(stage.processor, wet=wet), **stage.settings}
        moving = {
            param.name: own.pop(param.name)
            for param in stage.processor.params
            if isinstance(own[param.name], Tensor)
            and own[param.name].ndim - bool(param.bands) > axes
        }
        strip.append(Stage(stage.processor, own, moving, sidechain.get(name, ""), on=stage.on))
    return tuple(strip)
