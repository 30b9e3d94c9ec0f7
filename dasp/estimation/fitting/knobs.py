"""The knobs that a fit may turn, as numbers from 0 to 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from dasp._bounds import between
from dasp._checks import did_you_mean
from dasp.processors.param import (
    Option,
    Param,
    controls_size,
    not_held,
    to_controls,
    to_physical,
)
from dasp.processors.processor import Processor


@dataclass(frozen=True)
class Knobs:
    """The free parameters of a processor as controls `u` `(..., size)`, beside held settings."""

    free: tuple[Param, ...]
    held: Mapping[str, Any]

    @property
    def size(self) -> int:
        return controls_size(self.free)

    def groups(self) -> list[list[int]]:
        """Which places of u belong together: to one processor, or to one band of one."""
        groups, place = {}, 0
        for param in self.free:
            for band in range(param.size):
                key = (param.name.rpartition(".")[0], band if param.bands else None)
                groups.setdefault(key, []).append(place)
                place += 1
        return list(groups.values())

    def values(self, u: Tensor) -> dict[str, Tensor]:
        """The free parameters at `u`, in physical units."""
        return to_physical(self.free, between(u, 0.0, 1.0))

    def settings(self, u: Tensor) -> dict[str, Any]:
        """All settings at `u`."""
        return {**self.held, **self.values(u)}

    def at(self, settings: Mapping[str, Any], margin: float = 0.0) -> Tensor:
        """The `u` `(size,)` of settings, kept off the ends of the ranges by `margin`."""
        return to_controls(self.free, settings).double().clamp(margin, 1 - margin)


def free_knobs(
    processor: Processor,
    settings: Mapping[str, Any],
    *,
    hold: Sequence[str] = (),
    differentiable: bool = False,
) -> Knobs:
    """Everything that is not held: by a name or a pattern in `hold`, such as `"*.mix"`.

    Where `differentiable`, parameters whose gradient is zero almost everywhere are held too.
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
    """The same processor, of which some options have become parameters.

    They must be numbers. A positive one moves on a logarithmic scale around its value in
    `settings` or its default, any other over its whole range.
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
