"""The knobs that a fit may turn, as numbers without limits."""

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dasp._checks import did_you_mean
from dasp.processors.param import Param, controls_size, to_controls, to_physical
from dasp.processors.processor import Processor


@dataclass(frozen=True)
class Knobs:
    """The free parameters of a processor as `u` `(..., size)`, beside its held settings.

    A control is sin²(πu / 2): it cannot leave [0, 1], and reaches the ends of its range at whole
    numbers. Source of the transformation: F. James and M. Roos, "MINUIT", Computer Physics
    Communications 10, 1975.
    """

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
        return to_physical(self.free, torch.sin((math.pi / 2) * u).square())

    def settings(self, u: Tensor) -> dict[str, Any]:
        """All settings at `u`."""
        return {**self.held, **self.values(u)}

    def at(self, settings: Mapping[str, Any], margin: float = 0.0) -> Tensor:
        """The `u` `(size,)` of settings; `margin` keeps controls off the ends, where u stalls."""
        controls = to_controls(self.free, settings).double().clamp(margin, 1 - margin)
        return (2 / math.pi) * torch.asin(controls.sqrt())


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
    names = [param.name for param in processor.params]
    for pattern in hold:
        if not fnmatch.filter(names, pattern):
            raise ValueError(
                f"hold: {processor.name} has no parameter {pattern!r}{did_you_mean(pattern, names)}"
            )
    free = tuple(
        param
        for param in processor.params
        if not any(fnmatch.fnmatchcase(param.name, pattern) for pattern in hold)
        and (param.differentiable or not differentiable)
    )
    if not free:
        raise ValueError(f"hold: nothing of {processor.name} is left to fit")
    named = {param.name for param in free}
    everything = {**processor.defaults(), **settings}
    return Knobs(free, {name: value for name, value in everything.items() if name not in named})
