"""Combinations: processors in series, in parallel, and beside the dry signal."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from dasp._checks import did_you_mean
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

    def run(x: Tensor, sample_rate: float, parts: list[dict]) -> Tensor:
        for processor, settings in zip(processors, parts, strict=True):
            x = processor(x, sample_rate, **settings)
        return x

    return _combine("chain", processors, run, neutral=_all_neutral(processors))


def parallel(*processors: Processor) -> Processor:
    """The sum of processors that hear the same signal, with keywords as in `chain`."""

    def run(x: Tensor, sample_rate: float, parts: list[dict]) -> Tensor:
        return sum(
            processor(x, sample_rate, **settings)
            for processor, settings in zip(processors, parts, strict=True)
        )

    return _combine("parallel", processors, run)


def dry_wet(processor: Processor) -> Processor:
    """A processor blended with its input: (1 - mix) dry + mix wet.

    Its keywords are `mix`, and those of the processor behind `wet.`.
    """

    def run(x: Tensor, sample_rate: float, parts: list[dict], mix) -> Tensor:
        wet = processor(x, sample_rate, **parts[0])
        if isinstance(mix, Tensor):
            mix = mix.to(x)[..., None, None]
        return x + mix * (wet - x)

    return _combine("dry_wet", (processor,), run, extra=(MIX,), neutral={"mix": 0.0})


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

    def function(x: Tensor, sample_rate: float, **settings) -> Tensor:
        parts: dict[str, dict] = {prefix: {} for prefix in prefixes}
        for keyword, value in settings.items():
            if keyword not in keywords:
                raise TypeError(
                    f"{kind} has no parameter {keyword!r}{did_you_mean(keyword, keywords)}"
                )
            if keyword not in own:
                prefix, name = keyword.split(".", 1)
                parts[prefix][name] = value
        mixed = {name: settings[name] for name in own}
        return run(x, sample_rate, list(parts.values()), **mixed)

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
