"""`Processor`: one pure function with its parameters, as a value."""

import inspect
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor

from dasp._checks import checked_sample_rate
from dasp._suggestion import did_you_mean
from dasp._typing import Value
from dasp.functional._memory import Memory, State
from dasp.functional._param import (
    Option,
    Param,
    check_by_names,
    controls_size,
    to_controls,
    to_physical,
    with_default,
)
from dasp.functional._run import Run, name_of


@dataclass(frozen=True, init=False, repr=False)
class Processor:
    """Declare a processor: how it runs, and what the keywords of its function mean.

    The keywords are of three kinds: params are continuous and have controls, options are choices,
    and inputs are tensors that only a program can pass. A processor is a frozen value; `replace` of
    `dataclasses` makes another.

    Args:
        run: How it runs, a `Run`; a plain function, from audio `(*batch, channels, time)` and
            keywords to audio, runs on whole signals only.
        *keywords: A `Param` or an `Option` for each keyword. A default that is not given is that of
            the function's signature.
        name: Name in chains, documents and errors; None takes that of the function.
        params: More continuous parameters.
        options: More choices.
        inputs: Names of the tensors, such as "sidechain".
        neutral: Settings, beside the defaults, that leave the audio as it is; None where there are
            none.
        mildest: Where there are none, settings that change as little as any; None are the defaults.
        parts: The processors that a combination is made of.

    Raises:
        ValueError: If the declared names are not the keywords of the function, or a default is
            missing.

    >>> import torch
    >>> from dasp.functional import gain
    >>> GAIN = Processor(gain, Param("gain_db", -60.0, 24.0, default=0.0))
    >>> GAIN
    Processor(gain: gain_db)
    >>> torch.allclose(GAIN(torch.ones(1, 2), 44_100, gain_db=20.0), torch.tensor(10.0))
    True
    >>> GAIN.to_physical(torch.tensor([1.0]))
    {'gain_db': tensor(24.)}
    """

    name: str
    run: Run
    params: tuple[Param, ...]
    options: tuple[Option, ...]
    inputs: tuple[str, ...]
    neutral: Mapping[str, Any] | None
    """Settings that change nothing, beside the defaults; None where there are none."""
    mildest: Mapping[str, Any] | None
    """Settings that change as little as any, where none changes nothing."""
    parts: tuple["Processor", ...]
    """The processors that a combination is made of."""

    def __init__(
        self,
        run: Run | Callable[..., Tensor],
        *keywords: Param | Option,
        name: str | None = None,
        params: Iterable[Param] = (),
        options: Iterable[Option] = (),
        inputs: Iterable[str] = (),
        neutral: Mapping[str, Any] | None = None,
        mildest: Mapping[str, Any] | None = None,
        parts: Iterable["Processor"] = (),
    ):
        if isinstance(run, str):
            name, (run, *old) = run, keywords
            keywords = ()
            params, options, inputs, neutral, parts = (
                *old,
                *(params, options, inputs, neutral, parts)[len(old) :],
            )
            warnings.warn(
                f"Processor({name!r}, function, params=...) is Processor(function, *params) now, "
                f"and name={name!r} where that is not the function's name; the old form goes with "
                f"the next version",
                DeprecationWarning,
                stacklevel=2,
            )
        if not isinstance(run, Run):
            if not callable(run):
                raise ValueError(f"{name or 'run'}: expected a function, got {run!r}")
            run = Run(run)
        called = name or name_of(run.whole)
        for item in keywords:
            if not isinstance(item, Param | Option):
                raise ValueError(f"{called}: expected Params and Options, got {item!r}")
        signature = inspect.signature(run.whole).parameters
        params = _tuple_of(Param, called, "params", params)
        params = (*(item for item in keywords if isinstance(item, Param)), *params)
        options = _tuple_of(Option, called, "options", options)
        options = (*(item for item in keywords if isinstance(item, Option)), *options)
        fields = {
            "name": called,
            "run": run,
            "params": tuple(with_default(param, signature) for param in params),
            "options": tuple(with_default(option, signature) for option in options),
            "inputs": _tuple_of(str, called, "inputs", inputs),
            "neutral": neutral,
            "mildest": mildest,
            "parts": _tuple_of(Processor, called, "parts", parts),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        self._check_keywords(signature)

    def _check_keywords(self, signature: Mapping[str, inspect.Parameter]) -> None:
        """Hold the declared names against the keywords of the function."""
        if any(p.kind is p.VAR_KEYWORD for p in signature.values()):
            return  # It looks at its keywords itself, as combinations do.
        keywords = sorted(
            p.name for p in signature.values() if p.kind is p.KEYWORD_ONLY and p.name != "memory"
        )
        declared = sorted([item.name for item in self.keywords] + list(self.inputs))
        if keywords != declared:
            raise ValueError(
                f"{self.name}: the declared names {declared} and the function's keywords "
                f"{keywords} differ"
            )

    def __repr__(self) -> str:
        names = ", ".join([*self.defaults(), *self.inputs])
        shown = textwrap.shorten(f"{structure(self)}: {names}", 140, placeholder=" ...")
        return f"Processor({shown.removesuffix(':')})"

    @property
    def keywords(self) -> tuple[Param | Option, ...]:
        """The params and the options."""
        return (*self.params, *self.options)

    @property
    def function(self) -> Callable[..., Tensor]:
        """What runs on a whole signal."""
        return self.run.whole

    def __call__(self, x: Tensor, sample_rate: float, **settings) -> Tensor:
        """Process a whole signal.

        Args:
            x: Audio `(*batch, channels, time)`.
            sample_rate: In Hz.
            **settings: Values by keyword; those that are left out have their declared defaults.

        Returns:
            Audio, of the shape of `x` unless the function says otherwise.
        """
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
        """Process one block of a longer signal.

        The outputs of all blocks, one after the other, are the output of the whole signal. A
        processor that looks ahead holds back `latency` samples, and gives the rest with the last
        block.

        Args:
            x: Block `(*batch, channels, time)`, of any length.
            sample_rate: In Hz.
            state: What the block before has returned; None for the first block.
            ends: Whether the block is the last.
            **settings: Values by keyword; those that are left out have their declared defaults.

        Returns:
            The output of the block, and the state for the next.

        Raises:
            ValueError: If the processor does not run block by block.

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
        """Process one block within a combination, whose parts share a memory.

        Args:
            x: Block `(*batch, channels, time)`, of any length.
            sample_rate: In Hz.
            memory: What the part reads of the block before, and keeps for the next.
            **settings: Values by keyword; those that are left out have their declared defaults.

        Returns:
            The output of the block.

        Raises:
            ValueError: If the processor does not run block by block.
        """
        if self.run.blocks is None:
            raise ValueError(self._why_it_cannot_stream())
        settings = {**self.defaults(), **settings}
        return self.run.blocks(x, sample_rate, memory=memory, **settings)

    @property
    def can_stream(self) -> bool:
        """Whether it runs block by block, by `step` and in a `Stream`."""
        return self.run.blocks is not None

    def latency(self, sample_rate: float, **settings) -> int:
        """Count the samples that `step` holds back.

        Args:
            sample_rate: In Hz.
            **settings: Values by keyword; those that are left out have their declared defaults.

        Returns:
            A number of samples, 0 for a processor that does not look ahead.

        Raises:
            ValueError: If `sample_rate` is no positive number.
        """
        if self.run.latency is None:
            return 0
        rate = checked_sample_rate(sample_rate)
        return self.run.latency(rate, **{**self.defaults(), **settings})

    def moves(self, name: str, value: Any, x: Tensor) -> bool:
        """Tell whether a setting has a value for every sample, and comes in blocks like the audio.

        Args:
            name: Keyword of the setting.
            value: Its value.
            x: Audio `(*batch, channels, time)` that the setting goes with.

        Returns:
            True for a side chain, and for an automatable parameter with as many values as samples.
        """
        if not isinstance(value, Tensor):
            return False
        if name in self.inputs:
            return is_sidechain(name)
        automatable = any(param.name == name and param.automatable for param in self.params)
        along_time = value.ndim > x.ndim - 2 and value.shape[-1] == x.shape[-1]
        return automatable and along_time

    def _why_it_cannot_stream(self) -> str:
        for part in self.parts:
            if not part.can_stream:
                return part._why_it_cannot_stream()
        return (
            f"{self.name}: runs on a whole signal only; nothing says what it remembers between "
            f"blocks"
        )

    def check_names(self, settings: Mapping[str, Any]) -> None:
        """Refuse the name of what it does not have.

        Args:
            settings: Values by keyword, inputs among them.

        Raises:
            ValueError: If a name is unknown.
        """
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
        """Look up the default of every parameter and option.

        Returns:
            Defaults by keyword, in physical units.
        """
        return {item.name: item.default for item in self.keywords}

    def to_physical(self, controls: Tensor) -> dict[str, Tensor]:
        """Map controls to physical values.

        Args:
            controls: In [0, 1], `(*batch, n_controls)`.

        Returns:
            Values by keyword, `(*batch)`, or `(*batch, bands)` for a parameter with bands.

        Raises:
            ValueError: If the last axis of `controls` has not `n_controls` numbers.
        """
        return to_physical(self.params, controls)

    def to_controls(self, settings: Mapping[str, Value]) -> Tensor:
        """Map physical values to controls.

        Args:
            settings: Values by keyword; those that are left out have their declared defaults.

        Returns:
            Controls in [0, 1], `(*batch, n_controls)`.

        Raises:
            ValueError: If the processor has no parameter of a name in `settings`.
        """
        self.check_names(settings)
        return to_controls(self.params, settings)

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuse unknown names, and values out of the declared ranges or choices.

        Args:
            settings: Values by keyword, without inputs.

        Raises:
            ValueError: If a name is unknown, or a value lies outside its range or choices.
        """
        declared = {item.name: item for item in self.keywords}
        check_by_names("settings", settings)
        for name, value in settings.items():
            if name not in declared:
                raise ValueError(
                    f"{self.name} has no parameter {name!r}"
                    f"{did_you_mean(name, [*declared, *self.inputs])} "
                    f"(it has {', '.join(declared)})"
                )
            declared[name].check(value)


def structure(processor: Processor) -> str:
    """The name of a processor, and those of its parts: `chain(gain, compressor)`."""
    inside = f"({', '.join(map(structure, processor.parts))})" if processor.parts else ""
    return processor.name + inside


Kind = TypeVar("Kind")


def _tuple_of(kind: type[Kind], name: str, field: str, values: Iterable[Kind]) -> tuple[Kind, ...]:
    if not isinstance(values, str | Param | Option):
        values = tuple(values)
        if all(isinstance(value, kind) for value in values):
            return values
    raise ValueError(f"{name}: expected {field} to be a tuple of {kind.__name__}, got {values!r}")


def is_sidechain(name: str) -> bool:
    """Whether an input runs beside the audio, of a processor or of a part of a combination."""
    return name.rsplit(".", 1)[-1] == "sidechain"


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
