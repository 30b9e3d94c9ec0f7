"""Combinations: processors in series, in parallel, and beside the dry signal."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor

from dasp._checks import checked_sample_rate
from dasp._suggestion import did_you_mean
from dasp._typing import Value
from dasp.functional._arguments import per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._run import Run
from dasp.processors.param import Param
from dasp.processors.processor import Processor, check_processor

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

    return _combined("chain", _Chain(_all("chain", processors)), neutral=_all_neutral(processors))


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

    return _combined("parallel", _Parallel(_all("parallel", processors)))


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

    dry_and_wet = _DryWet(_all("dry_wet", (processor,)))
    return _combined("dry_wet", dry_and_wet, extra=(MIX,), neutral={"mix": 0.0})


@dataclass(frozen=True)
class _Part:
    """A processor with its settings, under its name in a combination."""

    name: str
    processor: Processor
    settings: Mapping[str, Any]

    def __call__(
        self,
        x: Tensor,
        sample_rate: float,
        memory: Memory,
        late: int = 0,
        block: Tensor | None = None,
    ) -> Tensor:
        """Process `x`, which is `late` samples later than settings that move along time.

        Those come with the `block` that the combination hears, of which `x` may hold less yet.
        """
        if memory.whole:
            return self.processor(x, sample_rate, **self.settings)
        memory = memory.part(self.name)
        settings = {
            name: memory.held(f"waiting.{name}", value, late)
            if late and self.processor.moves(name, value, x if block is None else block)
            else value
            for name, value in self.settings.items()
        }
        return self.processor.blockwise(x, sample_rate, memory, **settings)

    def latency(self, sample_rate: float) -> int:
        """The number of samples that the part holds back."""
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


@dataclass(frozen=True)
class _Combination:
    """The function of a combination, which runs the parts, also block by block."""

    processors: tuple[Processor, ...]

    kind: ClassVar[str]
    own: ClassVar[tuple[str, ...]] = ()
    """Keywords that belong to no part."""

    def __call__(
        self, x: Tensor, sample_rate: float, *, memory: Memory = WHOLE, **settings
    ) -> Tensor:
        sample_rate = checked_sample_rate(sample_rate)
        own = {name: settings.pop(name) for name in self.own}
        return self.run(x, sample_rate, memory, self.parts(settings), **own)

    def parts(self, settings: Mapping[str, Any]) -> list[_Part]:
        """The parts, each with its share of the settings."""
        prefixes = part_names(self.kind, self.processors)
        shares: dict[str, dict] = {prefix: {} for prefix in prefixes}
        for keyword, value in settings.items():
            if keyword in self.own:
                continue
            prefix, _, name = keyword.partition(".")
            if prefix not in shares or name not in self._keywords(prefix):
                known = [
                    *self.own,
                    *(f"{prefix}.{name}" for prefix in prefixes for name in self._keywords(prefix)),
                ]
                raise TypeError(
                    f"{self.kind} has no parameter {keyword!r}{did_you_mean(keyword, known)}"
                )
            shares[prefix][name] = value
        return [
            _Part(prefix, processor, shares[prefix])
            for prefix, processor in zip(prefixes, self.processors, strict=True)
        ]

    def latencies(self, sample_rate: float, settings: Mapping[str, Any]) -> list[int]:
        """How many samples each part holds back."""
        return [part.latency(sample_rate) for part in self.parts(settings)]

    def _keywords(self, prefix: str) -> list[str]:
        """The keywords of a part, without its prefix."""
        names = part_names(self.kind, self.processors)
        processor = self.processors[names.index(prefix)]
        return [*processor.defaults(), *processor.inputs]


class _Chain(_Combination):
    kind = "chain"

    def run(self, x: Tensor, sample_rate: float, memory: Memory, parts: list[_Part]) -> Tensor:
        """Run one part after the other."""
        late, block = 0, x
        for part in parts:
            x = part(x, sample_rate, memory, late, block)
            late += 0 if memory.whole else part.latency(sample_rate)
        return x

    def latency(self, sample_rate: float, **settings) -> int:
        """As `Processor.latency`."""
        return sum(self.latencies(sample_rate, settings))


class _Parallel(_Combination):
    kind = "parallel"

    def run(self, x: Tensor, sample_rate: float, memory: Memory, parts: list[_Part]) -> Tensor:
        """Add the outputs, each delayed to the one with the greatest latency."""
        outputs = [part(x, sample_rate, memory) for part in parts]
        if not memory.whole:
            latencies = [part.latency(sample_rate) for part in parts]
            outputs = [
                memory.part(part.name).held("output", y, max(latencies) - latency)
                for part, y, latency in zip(parts, outputs, latencies, strict=True)
            ]
        return sum(outputs)

    def latency(self, sample_rate: float, **settings) -> int:
        """As `Processor.latency`."""
        return max(self.latencies(sample_rate, settings))


class _DryWet(_Combination):
    kind = "dry_wet"
    own = ("mix",)

    def run(
        self, x: Tensor, sample_rate: float, memory: Memory, parts: list[_Part], mix: Value
    ) -> Tensor:
        """Blend the part with the dry signal, delayed by the latency of the part."""
        (part,) = parts
        wet = part(x, sample_rate, memory)
        if not memory.whole:
            x = memory.held("dry", x, part.latency(sample_rate))
        return x + per_item("mix", mix, x)[..., None, None] * (wet - x)

    def latency(self, sample_rate: float, **settings) -> int:
        """As `Processor.latency`."""
        return sum(self.latencies(sample_rate, settings))


def _all(kind: str, processors: Sequence[Processor]) -> tuple[Processor, ...]:
    if not processors:
        raise ValueError(f"{kind}: expected at least one processor, got none")
    for processor in processors:
        check_processor(kind, processor)
    return tuple(processors)


def _combined(
    kind: str,
    combination: _Combination,
    *,
    extra: tuple[Param, ...] = (),
    neutral: Mapping[str, Any] | None = None,
) -> Processor:
    prefixes = part_names(kind, combination.processors)

    def declared(field: str) -> tuple:
        return tuple(
            replace(item, name=f"{prefix}.{item.name}")
            for prefix, processor in zip(prefixes, combination.processors, strict=True)
            for item in getattr(processor, field)
        )

    inputs = tuple(
        f"{prefix}.{name}"
        for prefix, processor in zip(prefixes, combination.processors, strict=True)
        for name in processor.inputs
    )
    can_stream = all(processor.can_stream for processor in combination.processors)
    return Processor(
        kind,
        Run(combination, combination if can_stream else None, combination.latency),
        params=extra + declared("params"),
        options=declared("options"),
        inputs=inputs,
        neutral=neutral,
        parts=combination.processors,
    )


def _all_neutral(processors: Sequence[Processor]) -> dict[str, Any] | None:
    if any(processor.neutral is None for processor in processors):
        return None
    return {
        f"{prefix}.{key}": value
        for prefix, processor in zip(part_names("chain", processors), processors, strict=True)
        for key, value in processor.neutral.items()
    }
