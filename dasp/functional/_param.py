"""`Param` and `Option`: the keywords of a processor, their meaning and their ranges."""

import fnmatch
import functools
import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from dasp._bounds import between, rounded_into
from dasp._checks import check_choice, check_range, is_of_numbers, without_numpy
from dasp._constants import constant
from dasp._suggestion import did_you_mean
from dasp._typing import Value
from dasp.signal._shapes import broadcast_shapes

UNITS = {
    "db": "dB",
    "hz": "Hz",
    "ms": "ms",
    "s": "s",
    "samples": "samples",
    "lufs": "LUFS",
    "octaves": "octaves",
}

NO_NUMBER = math.nan
"""Stands for the default of a `Param` where none is given."""


@dataclass(frozen=True)
class Param:
    """Declare a continuous parameter, and map it to and from a control in [0, 1].

    Args:
        name: Keyword of the processor's function, with its unit at the end: `attack_ms`.
        low: Value that a control of 0 stands for, and the lowest that the command line accepts; one
            number, or one for each band. The function itself takes any value that has a meaning.
        high: Value that a control of 1 stands for, and the highest that the command line accepts.
        default: Value of a keyword that is left out, within `low` to `high`. A `Processor` takes
            one that is not given from the signature of its function.
        scale: "linear", or "log" for equal ratios, as suits times and frequencies; `low` is then
            above 0.
        bands: Number of bands of a repeated parameter; None is a parameter without bands.
        automatable: Whether the value may move along time, `(*batch, time)`.
        differentiable: False for a value that decides between alternatives, whose gradient is zero
            almost everywhere.

    Raises:
        ValueError: If `low` is not below `high`, `default` lies outside them, a logarithmic range
            does not lie above 0, `scale` is unknown, or the number of bands is another.

    >>> freq_hz = Param("freq_hz", 20.0, 20_000.0, default=1000.0, scale="log")
    >>> round(freq_hz.to_physical(torch.tensor(0.5)).item())
    632
    """

    name: str
    low: float | Sequence[float]
    high: float | Sequence[float]
    default: float | Sequence[float] = NO_NUMBER
    scale: str = "linear"
    bands: int | None = None
    automatable: bool = False
    """Whether the value may move, in a last axis `time`."""
    differentiable: bool = True
    """False for what decides between alternatives, whose gradient is zero almost everywhere."""

    def __post_init__(self):
        check_choice("scale", self.scale, ("linear", "log"))
        for field in ("low", "high", "default"):
            value = getattr(self, field)
            if isinstance(value, str) or not is_of_numbers(value):
                raise ValueError(f"{self.name}: expected {field} to be a number, got {value!r}")
            if field == "default" and self.lacks_default:
                continue
            if self.bands is not None and not isinstance(value, Sequence):
                value = (value,) * self.bands
            if isinstance(value, Sequence):
                if len(value) != self.bands:
                    bands = self.bands or "a number, and no"
                    raise ValueError(f"{self.name}: expected {bands} bands in {field}")
                object.__setattr__(self, field, tuple(map(float, value)))
        for low, high in zip(_numbers(self.low), _numbers(self.high), strict=True):
            if not low < high:
                raise ValueError(f"{self.name}: expected low below high, got {low:g} and {high:g}")
            if self.scale == "log" and not low > 0:
                raise ValueError(
                    f"{self.name}: expected a range above 0, which a logarithm has, got {low:g}"
                )
        if not self.lacks_default:
            self.check(self.default)

    @property
    def lacks_default(self) -> bool:
        """Whether no default is given."""
        return isinstance(self.default, float) and math.isnan(self.default)

    @property
    def size(self) -> int:
        """Number of controls of the parameter."""
        return self.bands or 1

    @property
    def unit(self) -> str:
        """The unit at the end of the name, or an empty text."""
        return UNITS.get(self.name.rsplit("_", 1)[-1], "")

    def to_physical(self, control: Value) -> Tensor:
        """Map a control to the value that it stands for.

        Args:
            control: In [0, 1], of any shape; `(*batch, bands)` for a parameter with bands.

        Returns:
            Values in the unit of the parameter, of the shape of `control`, in float32 for half
            types.

        Raises:
            ValueError: If `control` is no number.
        """
        control = _exact(self.name, control)
        low, high = self._ends(control)
        if self.scale == "log":
            # The ends are exact: a range that touches a limit must not step over it.
            value = torch.exp(torch.lerp(low.log(), high.log(), between(control, 0.0, 1.0)))
            return rounded_into(value, low, high)
        return torch.lerp(low, high, control)

    def to_control(self, value: Value) -> Tensor:
        """Map a value to the control that stands for it.

        Args:
            value: In the unit of the parameter, of any shape; `(*batch, bands)` for one with bands.

        Returns:
            Controls in [0, 1], of the shape of `value`; a value out of range stops at the end.

        Raises:
            ValueError: If `value` is no number, or has another number of bands.
        """
        value = _exact(self.name, value)
        if self.bands and value.ndim and value.shape[-1] not in (1, self.bands):
            raise self._wrong_bands(value.shape[-1])
        low, high = self._ends(value)
        if self.scale == "log":
            value, low, high = between(value, low, high).log(), low.log(), high.log()
        return between((value - low) / (high - low), 0.0, 1.0)

    def check(self, value: Value) -> None:
        """Refuse a value outside [low, high].

        Args:
            value: In the unit of the parameter; for bands one number for all, or one for each.

        Raises:
            ValueError: If a number lies outside its range, or the number of bands is another.
        """
        values: Any = without_numpy(value)
        if self.bands is None:
            values = [values]
        elif isinstance(values, Tensor) and values.ndim:
            values = values.unbind(-1)
        if isinstance(values, str | Tensor) or not isinstance(values, Sequence):
            values = [values] * self.size
        if len(values) != self.size:
            raise self._wrong_bands(len(values))
        for number, low, high in zip(values, _numbers(self.low), _numbers(self.high), strict=True):
            self._check_number(number, low, high)

    def _wrong_bands(self, came: int) -> ValueError:
        return ValueError(
            f"{self.name}: expected {self.bands} bands, got {came}; give one number for all of "
            f"them, or one for each"
        )

    def _check_number(self, number: Value, low: float, high: float) -> None:
        # An end of the range that was rounded to float32 is still the end of the range.
        slack = 1e-7
        check_range(self.name, number, low=low - slack * abs(low), high=high + slack * abs(high))

    def _ends(self, like: Tensor) -> tuple[Tensor, Tensor]:
        return constant(self.low, like), constant(self.high, like)


@dataclass(frozen=True)
class Option:
    """Declare a keyword that has no control: a choice, or a number that does not move.

    Args:
        name: Keyword of the processor's function.
        default: Value where the keyword is left out. None means "without", where it is the default.
            A `Processor` takes one that is not given from the signature of its function.
        choices: What the value may be; None for a number.
        low: Lowest number that files and the command line may ask for.
        high: Highest number that files and the command line may ask for, which bounds the memory
            that it can take.

    >>> Option("shape", "tanh", choices=("tanh", "hard")).check("soft")
    Traceback (most recent call last):
    ValueError: shape: expected one of 'tanh', 'hard', got 'soft'
    """

    name: str
    default: object = inspect.Parameter.empty
    choices: Sequence | None = None
    low: float = -math.inf
    high: float = math.inf

    @property
    def lacks_default(self) -> bool:
        """Whether no default is given."""
        return self.default is inspect.Parameter.empty

    def check(self, value: Any) -> None:
        """Refuse a value that is not one of the choices, or no number in the range.

        Args:
            value: What a file or a command line asks for.

        Raises:
            ValueError: If `value` is not one of the choices, or no number from `low` to `high`.
        """
        if self.choices is not None:
            check_choice(self.name, value, self.choices)
        elif value is not None or self.default is not None:
            check_range(self.name, value, low=self.low, high=self.high)


Keyword = TypeVar("Keyword", Param, Option)


def with_default(keyword: Keyword, signature: Mapping[str, inspect.Parameter]) -> Keyword:
    """A param or option with its own default, or with that of the function's signature."""
    if not keyword.lacks_default:
        return keyword
    parameter = signature.get(keyword.name)
    if parameter is None or parameter.default is parameter.empty:
        raise ValueError(
            f"{keyword.name}: expected a default, which the signature of the function has not; "
            f"give it as {type(keyword).__name__}({keyword.name!r}, ..., default=...)"
        )
    return replace(keyword, default=parameter.default)


def _numbers(values: float | Sequence[float]) -> tuple[float, ...]:
    return tuple(values) if isinstance(values, Sequence) else (values,)


def check_by_names(name: str, values: object) -> None:
    """Refuse what is no mapping of names to values."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{name}: expected values by their names, got a {type(values).__name__}")


def _exact(name: str, value: Value) -> Tensor:
    """A value or control as a tensor that divides a range finely: autocast makes bfloat16."""
    value = without_numpy(value)
    if not isinstance(value, Tensor):
        if not is_of_numbers(value):
            raise ValueError(f"{name}: expected numbers, got {value!r}")
        value = torch.tensor(value)
    wide = value.is_floating_point() and value.dtype.itemsize > 2
    return (
        value if wide else value.to(torch.promote_types(torch.float32, torch.get_default_dtype()))
    )


def controls_size(params: Sequence[Param]) -> int:
    """Number of controls of a list of parameters."""
    return sum(param.size for param in params)


def to_physical(params: Sequence[Param], controls: Tensor) -> dict[str, Tensor]:
    """Split controls `(*batch, n_controls)` into named physical values."""
    if isinstance(controls, Mapping):
        raise ValueError(
            f"controls: expected numbers in [0, 1], got a {type(controls).__name__}; physical "
            f"values go to to_controls"
        )
    size, controls = controls_size(params), _exact("controls", controls)
    if controls.ndim == 0 or controls.shape[-1] != size:
        raise ValueError(f"controls: expected {size} in the last axis, got {tuple(controls.shape)}")
    values = _all_physical(tuple(params), controls).split([param.size for param in params], -1)
    return {
        param.name: value if param.bands else value[..., 0]
        for param, value in zip(params, values, strict=True)
    }


def _all_physical(params: tuple[Param, ...], controls: Tensor) -> Tensor:
    """`Param.to_physical` of all controls at once, `(*batch, n_controls)`."""
    ends = _Ends.of(params)
    low, high = constant(ends.low, controls), constant(ends.high, controls)
    if not any(ends.is_log):
        return torch.lerp(low, high, controls)
    is_log = constant(ends.is_log, controls, torch.bool)
    # What is linear has the logarithms of 1, whose slope is finite, and is not looked at.
    log_low, log_high = (torch.where(is_log, end, 1.0) for end in (low, high))
    bent = torch.lerp(log_low.log(), log_high.log(), between(controls, 0.0, 1.0)).exp()
    bent = rounded_into(bent, log_low, log_high)
    return torch.where(is_log, bent, torch.lerp(low, high, controls))


class _Ends(NamedTuple):
    """The ends of the ranges of all controls, one after the other."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    is_log: tuple[bool, ...]

    @staticmethod
    @functools.lru_cache(64)
    def of(params: tuple[Param, ...]) -> "_Ends":
        return _Ends(
            tuple(number for param in params for number in _numbers(param.low)),
            tuple(number for param in params for number in _numbers(param.high)),
            tuple(param.scale == "log" for param in params for _ in range(param.size)),
        )


def to_controls(params: Sequence[Param], settings: Mapping[str, Value]) -> Tensor:
    """Join named physical values into controls `(*batch, n_controls)`."""
    check_by_names("settings", settings)
    pieces = []
    for param in params:
        control = param.to_control(settings.get(param.name, param.default))
        pieces.append(control if param.bands else control[..., None])
    batch = broadcast_shapes(*(piece.shape[:-1] for piece in pieces))
    return torch.cat([piece.expand(*batch, -1) for piece in pieces], -1)


def not_held(name: str, params: Sequence[Param], hold: Sequence[str]) -> tuple[Param, ...]:
    """The parameters of a processor of that name that `hold` does not name.

    `hold` has names, or patterns such as `"*.mix"`; one that meets no parameter is refused.
    """
    names = [param.name for param in params]
    if isinstance(hold, str):
        raise ValueError(f"hold: expected a list of names, got {hold!r}; did you mean [{hold!r}]?")
    for pattern in hold:
        if not fnmatch.filter(names, pattern):
            raise ValueError(
                f"hold: {name} has no parameter {pattern!r}{did_you_mean(pattern, names)}"
            )
    return tuple(
        param
        for param in params
        if not any(fnmatch.fnmatchcase(param.name, pattern) for pattern in hold)
    )
