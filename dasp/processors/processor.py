"""`Processor`: one pure function with its parameters, as a value."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from dasp._checks import checked_sample_rate, did_you_mean
from dasp._typing import Value
from dasp.functional._memory import Memory, State
from dasp.processors.param import (
    Option,
    Param,
    check_by_names,
    controls_size,
    to_controls,
    to_physical,
)


@dataclass(frozen=True)
class Processor:
    """A processor is data: a name, a function `f(x, sample_rate, *, ...)` and its keywords.

    The `function` is all that is run. One that has `blockwise`, which takes what it remembers
    between blocks behind the sample rate, runs block by block as well, and is `latency` samples
    late where it has that too.

    The keywords of the function are declared in three kinds: `params` are continuous and have
    controls; `options` are choices; `inputs` are tensors that only a program can pass, such as
    a side chain. The names are held against the function's own when the value is made.

    >>> import torch
    >>> from dasp.functional import gain
    >>> GAIN = Processor("gain", gain, params=(Param("gain_db", -60.0, 24.0, default=0.0),))
    >>> torch.allclose(GAIN(torch.ones(1, 2), 44_100, gain_db=20.0), torch.tensor(10.0))
    True
    >>> GAIN.to_physical(torch.tensor([1.0]))
    {'gain_db': tensor(24.)}
    """

    name: str
    function: Callable[..., Tensor]
    params: tuple[Param, ...] = ()
    options: tuple[Option, ...] = ()
    inputs: tuple[str, ...] = ()
    neutral: Mapping[str, Any] | None = None
    """Settings that change nothing, beside the defaults; None where there are none."""
    parts: tuple["Processor", ...] = ()
    """The processors that a combination is made of."""

    def __post_init__(self):
        if not callable(self.function):
            raise ValueError(f"{self.name}: expected a function, got {self.function!r}")
        for field, kind in (("params", Param), ("options", Option), ("inputs", str)):
            values = getattr(self, field)
            if isinstance(values, kind) or not all(isinstance(v, kind) for v in values):
                raise ValueError(
                    f"{self.name}: expected {field} to be a tuple of {kind.__name__}, "
                    f"got {values!r}"
                )
            object.__setattr__(self, field, tuple(values))
        signature = inspect.signature(self.function).parameters.values()
        if self.parts and any(p.kind is p.VAR_KEYWORD for p in signature):
            return  # a combination, which looks at its keywords itself
        keywords = sorted(p.name for p in signature if p.kind is p.KEYWORD_ONLY)
        declared = sorted([p.name for p in (*self.params, *self.options)] + list(self.inputs))
        if keywords != declared:
            raise ValueError(
                f"{self.name}: the declared names {declared} and the function's keywords "
                f"{keywords} differ"
            )

    def __call__(self, x: Tensor, sample_rate: float, **settings) -> Tensor:
        """Run the function; keywords that are left out have their declared defaults."""
        return self.function(x, sample_rate, **{**self.defaults(), **settings})

    def step(
        self,
        x: Tensor,
        sample_rate: float,
        state: Mapping[str, Tensor] | None = None,
        *,
        ends: bool = False,
        **settings,
    ) -> tuple[Tensor, State]:
        """Run a block `x` of a longer signal: what comes out of it, and the next `state`.

        Without a `state` the block is the first, and with `ends` the last. What comes out of all
        blocks, one after the other, is what the function makes of the whole. A processor that
        looks ahead holds back `latency` samples, and gives the rest with the last block.

        >>> import torch
        >>> from dasp.processors.catalogue import LOW_PASS
        >>> x = torch.randn(1, 100)
        >>> first, state = LOW_PASS.step(x[:, :30], 44_100, freq_hz=500.0)
        >>> second, _ = LOW_PASS.step(x[:, 30:], 44_100, state, freq_hz=500.0, ends=True)
        >>> whole = LOW_PASS(x, 44_100, freq_hz=500.0)
        >>> torch.allclose(torch.cat((first, second), -1), whole, atol=1e-5)
        True
        """
        state = state if isinstance(state, State) else State(state or {})
        memory = Memory(state, ends=ends)
        return self.blockwise(x, sample_rate, memory, **settings), memory.after

    def blockwise(self, x: Tensor, sample_rate: float, memory: Memory, **settings) -> Tensor:
        """`step`, for combinations: what it remembers is in a `memory` that they share."""
        if not self.can_stream:
            raise ValueError(self._why_it_cannot_stream())
        return self.function.blockwise(x, sample_rate, memory, **{**self.defaults(), **settings})

    @property
    def can_stream(self) -> bool:
        """Whether it runs block by block, by `step` and in a `Stream`."""
        return getattr(self.function, "can_stream", hasattr(self.function, "blockwise"))

    def latency(self, sample_rate: float, **settings) -> int:
        """How many samples `step` holds back, with these settings."""
        if not hasattr(self.function, "latency"):
            return 0
        rate = checked_sample_rate(sample_rate)
        return self.function.latency(rate, **{**self.defaults(), **settings})

    def moves(self, name: str, value: Any, x: Tensor) -> bool:
        """Whether a setting has a value for every sample of `x`, and comes in blocks like it."""
        if not isinstance(value, Tensor):
            return False
        if name in self.inputs:
            return name.rsplit(".", 1)[-1] == "sidechain"
        automatable = any(param.name == name and param.automatable for param in self.params)
        along_time = value.ndim > x.ndim - 2 and value.shape[-1] == x.shape[-1]
        return automatable and along_time

    def _why_it_cannot_stream(self) -> str:
        for part in self.parts:
            if not part.can_stream:
                return part._why_it_cannot_stream()
        mode = getattr(self.function, "mode", "")
        what = f"a proxy in the mode {mode!r}" if mode else "its function"
        return (
            f"{self.name}: runs on a whole signal only; {what} does not say what it remembers "
            f"between blocks"
        )

    def _check_names(self, settings: Mapping[str, Any]) -> None:
        """Refuse the name of what it does not have."""
        check_by_names("settings", settings)
        known = [*self.defaults(), *self.inputs]
        for name in settings:
            if name not in known:
                raise ValueError(
                    f"{self.name} has no parameter {name!r}{did_you_mean(name, known)}"
                )

    @property
    def n_controls(self) -> int:
        """Length of the last axis of `controls`."""
        return controls_size(self.params)

    def defaults(self) -> dict[str, Any]:
        """The default of every parameter and option."""
        return {p.name: p.default for p in (*self.params, *self.options)}

    def to_physical(self, controls: Tensor) -> dict[str, Tensor]:
        """Named physical values of controls in [0, 1], `(*batch, n_controls)`."""
        return to_physical(self.params, controls)

    def to_controls(self, settings: Mapping[str, Value]) -> Tensor:
        """Controls of physical values; those that are left out have their declared defaults."""
        self._check_names(settings)
        return to_controls(self.params, settings)

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuse unknown names, and values out of the declared ranges or choices."""
        declared = {p.name: p for p in (*self.params, *self.options)}
        check_by_names("settings", settings)
        for name, value in settings.items():
            if name not in declared:
                raise ValueError(
                    f"{self.name} has no parameter {name!r}"
                    f"{did_you_mean(name, [*declared, *self.inputs])} "
                    f"(it has {', '.join(declared)})"
                )
            declared[name].check(value)


def check_processor(where: str, value: Any) -> None:
    """Refuse what is no `Processor`, and say how to come by one."""
    if isinstance(value, Processor):
        return
    hint = ""
    if isinstance(value, str):
        hint = f"; by its name it is CATALOGUE[{value!r}]"
    elif isinstance(value, Iterable) and not isinstance(value, Tensor):
        hint = "; chain(*processors) makes one processor of several"
        if where in ("chain", "parallel"):
            hint = f"; give them one by one, as {where}(*processors)"
    elif getattr(value, "__module__", "").startswith("dasp.functional"):
        hint = f"; the processor of this function is dasp.processors.catalogue.{_constant(value)}"
    came = getattr(value, "__name__", None)
    kind = type(value).__name__
    raise ValueError(
        f"{where}: expected a Processor, got {f'the {kind} {came}' if came else f'a {kind}'}{hint}"
    )


def _constant(function: Callable) -> str:
    return getattr(function, "__name__", "").upper()
