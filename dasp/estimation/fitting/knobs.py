"""The knobs that a fit may turn, as numbers from 0 to 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dasp._bounds import between
from dasp._suggestion import did_you_mean
from dasp.functional._param import (
    Option,
    Param,
    controls_size,
    not_held,
    to_controls,
    to_physical,
)
from dasp.processors import Processor


@dataclass(frozen=True)
class Knobs:
    """The free parameters of a processor as controls `u` `(..., size)` in [0, 1].

    Args:
        free: The parameters that a fit may change.
        held: The values of all others, and of options, by name.
    """

    free: tuple[Param, ...]
    held: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Number of controls."""
        return controls_size(self.free)

    def groups(self) -> list[list[int]]:
        """Group the controls by the processor, or the band of a processor, that they belong to.

        Returns:
            Places in `u` of each group.
        """
        groups: dict[tuple[str, int | None], list[int]] = {}
        place = 0
        for param in self.free:
            for band in range(param.size):
                key = (param.name.rpartition(".")[0], band if param.bands else None)
                groups.setdefault(key, []).append(place)
                place += 1
        return list(groups.values())

    def values(self, u: Tensor) -> dict[str, Tensor]:
        """Convert controls to the values of the free parameters.

        Args:
            u: Controls `(..., size)`; values outside [0, 1] are clamped.

        Returns:
            Values in physical units, `(...)`, by name.
        """
        return to_physical(self.free, between(u, 0.0, 1.0)) if self.free else {}

    def settings(self, u: Tensor) -> dict[str, Any]:
        """Convert controls to all settings of the processor.

        Args:
            u: Controls `(..., size)`; values outside [0, 1] are clamped.

        Returns:
            Values by name, those that are held included.
        """
        return {**self.held, **self.values(u)}

    def at(self, settings: Mapping[str, Any], margin: float = 0.0) -> Tensor:
        """Convert settings to controls.

        Args:
            settings: Values by name; those left out have the default.
            margin: Least distance of a control from the ends of its range.

        Returns:
            Controls `(size,)`, float64.
        """
        if not self.free:
            return torch.zeros(0, dtype=torch.float64)
        return to_controls(self.free, settings).double().clamp(margin, 1 - margin)


def free_knobs(
    processor: Processor,
    settings: Mapping[str, Any],
    *,
    hold: Sequence[str] = (),
    differentiable: bool = False,
) -> Knobs:
    """Choose the parameters that a fit may change.

    Args:
        processor: The processor to fit.
        settings: Values by name; those left out have the default.
        hold: Names of parameters that stay as they are, or patterns such as `"*.mix"`.
        differentiable: Whether to hold parameters whose gradient is zero almost everywhere, too.

    Returns:
        The free parameters, and the values of the others.

    Raises:
        ValueError: If no parameter is left.
    """
    free = tuple(
        param
        for param in not_held(processor.name, processor.params, hold)
        if param.differentiable or not differentiable
    )
    if not free:
        raise ValueError(f"hold: nothing of {processor.name} is left to fit")
    named = {param.name for param in free}
    everything = {**processor.defaults(), **settings}
    return Knobs(free, {name: value for name, value in everything.items() if name not in named})


AROUND = 100.0
"""A number that is turned though it has no control may become so many times as large or small."""


def with_more_knobs(
    processor: Processor, names: Sequence[str], settings: Mapping[str, Any]
) -> Processor:
    """Turn options of a processor that are numbers into parameters.

    A positive option moves on a logarithmic scale around its value, any other over its whole
    range.

    Args:
        processor: The processor to fit.
        names: Names of the options.
        settings: Values by name; those left out have the default.

    Returns:
        A processor with more parameters and fewer options.

    Raises:
        ValueError: If an option does not exist, or is not a number between limits.
    """
    known = {option.name: option for option in processor.options}
    for name in names:
        if name not in known:
            raise ValueError(
                f"also: {processor.name} has no option {name!r}{did_you_mean(name, known)}"
            )
    more = tuple(
        _as_param(known[name], settings.get(name, known[name].default))
        for name in dict.fromkeys(names)
    )
    rest = tuple(option for option in processor.options if option.name not in names)
    return replace(processor, params=processor.params + more, options=rest)


def _as_param(option: Option, value: Any) -> Param:
    if option.choices is not None or not isinstance(value, (int, float)):
        raise ValueError(f"also: {option.name} is {value!r}, expected a number between limits")
    if value > 0:
        low, high = max(option.low, value / AROUND), min(option.high, value * AROUND)
        return Param(option.name, low, high, default=value, scale="log")
    return Param(option.name, option.low, option.high, default=value)
