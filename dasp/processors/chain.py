"""Combinations: processors in series, in parallel, and beside the dry signal."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from dasp._checks import did_you_mean
from dasp.functional._memory import WHOLE, Memory
from dasp.processors.param import Param
from dasp.processors.processor import Processor

MIX = Param("mix", 0.0, 1.0, default=1.0)


def chain(*processors: Processor) -> Processor:
    """Processors in series, as one processor.

    Its keywords are those of its parts behind the part's name and a dot; a part that comes
    again is numbered.

    >>> from dasp.processors.catalogue import COMPRESSOR, GAIN
    >>> strip = chain(GAIN, COMPRESSOR, GAIN)
    >>> [name for name in strip.defaults() if "gain_db" in name]
    ['gain.gain_db', 'compressor.makeup_gain_db', 'gain_2.gain_db']
    """

    def run(x: Tensor, sample_rate: float, memory: Memory, parts: list[_Part]) -> Tensor:
        late = 0
        for part in parts:
            x = part(x, sample_rate, memory, late)
            late += 0 if memory.whole else part.latency(sample_rate)
        return x

    return _combine("chain", processors, run, latency=sum, neutral=_all_neutral(processors))


def parallel(*processors: Processor) -> Processor:
    """The sum of processors that hear the same signal, with keywords as in `chain`."""

    def run(x: Tensor, sample_rate: float, memory: Memory, parts: list[_Part]) -> Tensor:
        outputs = [part(x, sample_rate, memory) for part in parts]
        if not memory.whole:
            latencies = [part.latency(sample_rate) for part in parts]
            outputs = [
                memory.part(part.name).held("output", y, max(latencies) - latency)
                for part, y, latency in zip(parts, outputs, latencies, strict=True)
            ]
        return sum(outputs)

    return _combine("parallel", processors, run, latency=max)


def dry_wet(processor: Processor) -> Processor:
    """A processor blended with its input: (1 - mix) dry + mix wet.

    Its keywords are `mix`, and those of the processor behind `wet.`.
    """

    def run(x: Tensor, sample_rate: float, memory: Memory, parts: list[_Part], mix) -> Tensor:
        (part,) = parts
        wet = part(x, sample_rate, memory)
        if not memory.whole:
            x = memory.held("dry", x, part.latency(sample_rate))
        if isinstance(mix, Tensor):
            mix = mix.to(x)[..., None, None]
        return x + mix * (wet - x)

    return _combine("dry_wet", (processor,), run, latency=sum, extra=(MIX,), neutral={"mix": 0.0})


@dataclass(frozen=True)
class _Part:
    """A processor with its settings, under its name in a combination."""

    name: str
    processor: Processor
    settings: Mapping[str, Any]

    def __call__(self, x: Tensor, sample_rate: float, memory: Memory, late: int = 0) -> Tensor:
        """Process `x`, which comes `late` samples after what else moves along time."""
        if memory.whole:
            return self.processor(x, sample_rate, **self.settings)
        memory = memory.part(self.name)
        settings = {
            name: memory.held(f"waiting.{name}", value, late)
            if late and self.processor.moves(name, value, x)
            else value
            for name, value in self.settings.items()
        }
        return self.processor.blockwise(x, sample_rate, memory, **settings)

    def latency(self, sample_rate: float) -> int:
        """How many samples it holds back."""
        return self.processor.latency(sample_rate, **self.settings)


def part_names(kind: str, processors: Sequence[Processor]) -> list[str]:
    """The prefixes of the keywords of each part of a combination."""
    if kind == "dry_wet":
        return ["wet"]
    names = [processor.name for processor in processors]
    earlier = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name}_{n + 1}" if n else name for name, n in zip(names, earlier, strict=True)]


def required_inputs(processor: Processor) -> list[str]:
    """The tensors that a processor, or a part of a combination, cannot do without."""
    if processor.parts:
        return [
            f"{prefix}.{key}"
            for prefix, part in zip(
                part_names(processor.name, processor.parts), processor.parts, strict=True
            )
            for key in required_inputs(part)
        ]
    parameters = inspect.signature(processor.function).parameters
    return [key for key in processor.inputs if parameters[key].default is inspect.Parameter.empty]


def _combine(
    kind: str,
    processors: Sequence[Processor],
    run: Callable[..., Tensor],
    *,
    latency: Callable[[Iterable[int]], int],
    extra: tuple[Param, ...] = (),
    neutral: Mapping[str, Any] | None = None,
) -> Processor:
    if not processors:
        raise ValueError(f"{kind}: expected at least one processor, got none")
    prefixes = part_names(kind, processors)

    def declared(field: str) -> tuple:
        return tuple(
            replace(item, name=f"{prefix}.{item.name}")
            for prefix, processor in zip(prefixes, processors, strict=True)
            for item in getattr(processor, field)
        )

    inputs = tuple(
        f"{prefix}.{name}"
        for prefix, processor in zip(prefixes, processors, strict=True)
        for name in processor.inputs
    )
    params, options = extra + declared("params"), declared("options")
    keywords = [*(item.name for item in params + options), *inputs]
    own = [param.name for param in extra]

    def split(settings: Mapping[str, Any]) -> list[_Part]:
        parts: dict[str, dict] = {prefix: {} for prefix in prefixes}
        for keyword, value in settings.items():
            if keyword not in keywords:
                raise TypeError(
                    f"{kind} has no parameter {keyword!r}{did_you_mean(keyword, keywords)}"
                )
            if keyword not in own:
                prefix, name = keyword.split(".", 1)
                parts[prefix][name] = value
        return [
            _Part(prefix, processor, parts[prefix])
            for prefix, processor in zip(prefixes, processors, strict=True)
        ]

    def blockwise(x: Tensor, sample_rate: float, memory: Memory, **settings) -> Tensor:
        mixed = {name: settings[name] for name in own}
        return run(x, sample_rate, memory, split(settings), **mixed)

    def function(x: Tensor, sample_rate: float, **settings) -> Tensor:
        return blockwise(x, sample_rate, WHOLE, **settings)

    function.blockwise = blockwise
    function.latency = lambda sample_rate, **settings: latency(
        part.latency(sample_rate) for part in split(settings)
    )
    return Processor(
        kind,
        function,
        params=params,
        options=options,
        inputs=inputs,
        neutral=neutral,
        parts=tuple(processors),
    )


def _all_neutral(processors: Sequence[Processor]) -> dict[str, Any] | None:
    if any(processor.neutral is None for processor in processors):
        return None
    return {
        f"{prefix}.{key}": value
        for prefix, processor in zip(part_names("chain", processors), processors, strict=True)
        for key, value in processor.neutral.items()
    }
