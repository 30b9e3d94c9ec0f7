"""Combinations: processors in series, in parallel, and beside the dry signal."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import torch
from torch import Tensor

from dasp._checks import checked_sample_rate
from dasp._suggestion import did_you_mean
from dasp._typing import Value
from dasp.functional._arguments import per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._param import Param
from dasp.functional._processor import Processor, check_processor
from dasp.functional._run import Run
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip, named, run_strip, settings_of, with_settings

MIX = Param("mix", 0.0, 1.0, default=1.0)


def chain(*processors: Processor) -> Processor:
    """Join processors in series into one processor.

    The keywords of each part stand behind the name of the part and a dot; a part that comes again
    is numbered, as in `gain_2.gain_db`.

    Args:
        *processors: One or more, in the order in which the audio passes them.

    Returns:
        A `Processor` named "chain", which runs block by block where all parts do. It has neutral
        settings where all parts have them.

    Raises:
        ValueError: If there is no processor, or something else among them.

    >>> from dasp.processors.catalogue import COMPRESSOR, GAIN
    >>> strip = chain(GAIN, COMPRESSOR, GAIN)
    >>> [name for name in strip.defaults() if "gain_db" in name]
    ['gain.gain_db', 'compressor.makeup_gain_db', 'gain_2.gain_db']
    """

    return _combined("chain", processors, neutral=_all_neutral)


def parallel(*processors: Processor) -> Processor:
    """Add the outputs of processors that hear the same input.

    The keywords stand behind the names of the parts, as in `chain`.

    Args:
        *processors: One or more.

    Returns:
        A `Processor` named "parallel", which runs block by block where all parts do.

    Raises:
        ValueError: If there is no processor, or something else among them.

    >>> import torch
    >>> from dasp.processors.catalogue import GAIN, LOW_PASS
    >>> both, x = parallel(GAIN, LOW_PASS), torch.randn(1, 100)
    >>> y = both(x, 44_100, **{"low_pass.freq_hz": 500.0})
    >>> torch.allclose(y, x + LOW_PASS(x, 44_100, freq_hz=500.0), atol=1e-5)
    True
    """

    return _combined("parallel", processors)


def dry_wet(processor: Processor) -> Processor:
    """Blend a processor with its input: (1 - mix) dry + mix wet.

    The keywords are `mix`, from 0 (dry) to 1, the default, and those of the processor behind
    `wet.`.

    Args:
        processor: Any processor.

    Returns:
        A `Processor` named "dry_wet", which runs block by block where `processor` does; the dry
        signal waits for the latency of the wet signal.

    Raises:
        ValueError: If `processor` is no `Processor`.

    >>> import torch
    >>> from dasp.processors.catalogue import GAIN
    >>> y = dry_wet(GAIN)(torch.ones(1, 1), 44_100, mix=0.5, **{"wet.gain_db": 20.0})
    >>> torch.allclose(y, torch.tensor(5.5))
    True
    """

    return _combined("dry_wet", (processor,), own=(MIX,), neutral=lambda _: {"mix": 0.0})


COMBINATIONS: dict[str, Callable[..., Processor]] = {
    "chain": chain,
    "parallel": parallel,
    "dry_wet": dry_wet,
}


def combined(kind: str, parts: Sequence[Stage], settings: Mapping[str, Any] | None = None) -> Stage:
    """Join stages into one.

    Args:
        kind: "chain", "parallel" or "dry_wet".
        parts: The stages, which have settings alone.
        settings: Those of the combination itself, such as `mix`.

    Returns:
        The combination of the processors, with the settings of all.

    Raises:
        ValueError: If there is no stage, or one has automation, a side chain or a bypass.

    >>> from dasp.processors.catalogue import GAIN
    >>> combined("chain", (Stage(GAIN, {"gain_db": 1.0}), Stage(GAIN))).settings
    {'gain.gain_db': 1.0}
    """
    for part in parts:
        part.check_plain()
    processor = COMBINATIONS[kind](*(part.processor for part in parts))
    return Stage(processor, {**settings_of(parts, kind), **(settings or {})})


def parts_of(stage: Stage) -> tuple[dict[str, Any], Strip]:
    """Take a combination apart, as `combined` joins it.

    Args:
        stage: A combination with its settings.

    Returns:
        The settings of the combination itself, and its parts with theirs.

    >>> from dasp.processors.catalogue import GAIN
    >>> own, parts = parts_of(Stage(dry_wet(GAIN), {"mix": 0.5, "wet.gain_db": 1.0}))
    >>> own, parts[0].settings
    ({'mix': 0.5}, {'gain_db': 1.0})
    """
    return _shared_out(stage.processor.name, stage.processor.parts, stage.settings)


def _shared_out(
    kind: str, processors: Sequence[Processor], settings: Mapping[str, Any]
) -> tuple[dict[str, Any], Strip]:
    own = {name: value for name, value in settings.items() if "." not in name}
    of_parts = {name: value for name, value in settings.items() if "." in name}
    return own, with_settings(processors, of_parts, kind)


def required_inputs(processor: Processor) -> list[str]:
    """The tensors that a processor, or a part of a combination, cannot do without."""
    if processor.parts:
        return [
            f"{name}.{key}"
            for name, part in named(processor.parts, processor.name)
            for key in required_inputs(part)
        ]
    parameters = inspect.signature(processor.function).parameters
    return [key for key in processor.inputs if parameters[key].default is inspect.Parameter.empty]


@dataclass(frozen=True)
class _Combination:
    """The function of a combination, which runs the parts, also block by block."""

    kind: str
    processors: tuple[Processor, ...]
    known: tuple[str, ...]

    def __call__(
        self, x: Tensor, sample_rate: float, *, memory: Memory = WHOLE, **settings
    ) -> Tensor:
        own, parts = self.parts(settings)
        return _RUN[self.kind](x, checked_sample_rate(sample_rate), memory, parts, **own)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.known)

    def parts(self, settings: Mapping[str, Any]) -> tuple[dict[str, Any], Strip]:
        """The settings of the combination itself, and its parts with theirs."""
        for keyword in settings:
            if keyword not in self._known:
                raise TypeError(
                    f"{self.kind} has no parameter {keyword!r}{did_you_mean(keyword, self.known)}"
                )
        return _shared_out(self.kind, self.processors, settings)


@dataclass(frozen=True)
class _Latency:
    """How late a combination is: as a value, so that combinations of equal parts are equal."""

    combination: _Combination

    def __call__(self, sample_rate: float, **settings) -> int:
        _, parts = self.combination.parts(settings)
        latencies = [part.latency(sample_rate) for part in parts]
        return max(latencies) if self.combination.kind == "parallel" else sum(latencies)


def _chain(x: Tensor, sample_rate: float, memory: Memory, parts: Strip) -> Tensor:
    """Run one part after the other."""
    return run_strip(x, sample_rate, parts, where="", memory=memory)


def _parallel(x: Tensor, sample_rate: float, memory: Memory, parts: Strip) -> Tensor:
    """Add the outputs, each delayed to the one with the greatest latency."""
    if memory.whole:
        return reduce(torch.add, (part.run(x, sample_rate) for part in parts))
    latencies = [part.latency(sample_rate) for part in parts]
    outputs = []
    for (name, part), latency in zip(named(parts), latencies, strict=True):
        own = memory.part(name)
        y = part.step(x, sample_rate, own)
        outputs.append(own.held("output", y, max(latencies) - latency))
    return reduce(torch.add, outputs)


def _dry_wet(x: Tensor, sample_rate: float, memory: Memory, parts: Strip, mix: Value) -> Tensor:
    """Blend the part with the dry signal, delayed by the latency of the part."""
    (part,) = parts
    if memory.whole:
        wet = part.run(x, sample_rate)
    else:
        wet = part.step(x, sample_rate, memory.part("wet"))
        x = memory.held("dry", x, part.latency(sample_rate))
    return x + per_item("mix", mix, x)[..., None, None] * (wet - x)


_RUN: dict[str, Callable[..., Tensor]] = {
    "chain": _chain,
    "parallel": _parallel,
    "dry_wet": _dry_wet,
}


def _combined(
    kind: str,
    processors: Sequence[Processor],
    *,
    own: tuple[Param, ...] = (),
    neutral: Callable[[Sequence[Processor]], Mapping[str, Any] | None] = lambda _: None,
) -> Processor:
    if not processors:
        raise ValueError(f"{kind}: expected at least one processor, got none")
    for processor in processors:
        check_processor(kind, processor)
    parts = named(processors, kind)

    def declared(field: str) -> tuple:
        return tuple(
            replace(item, name=f"{name}.{item.name}")
            for name, part in parts
            for item in getattr(part, field)
        )

    params, options = own + declared("params"), declared("options")
    inputs = tuple(f"{name}.{key}" for name, part in parts for key in part.inputs)
    known = (*(item.name for item in (*params, *options)), *inputs)
    run = _Combination(kind, tuple(processors), known)
    can_stream = all(processor.can_stream for processor in processors)
    return Processor(
        Run(run, run if can_stream else None, _Latency(run)),
        name=kind,
        params=params,
        options=options,
        inputs=inputs,
        neutral=neutral(processors),
        parts=tuple(processors),
    )


def _all_neutral(processors: Sequence[Processor]) -> dict[str, Any] | None:
    stages = [Stage(p, p.neutral) for p in processors if p.neutral is not None]
    return settings_of(stages) if len(stages) == len(processors) else None
