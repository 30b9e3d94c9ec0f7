"""`Strip`: stages in series, the names of its stages, and the one way in which they run.

A stage of a strip has the name of its processor; one that comes again is numbered, as `gain_2`.
Settings of a whole strip have the name of their stage and a dot before theirs, as in
`gain_2.gain_db`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from torch import Tensor

from dasp._suggestion import did_you_mean
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._processor import Processor
from dasp.processors.stage import Stage, Tracks

Strip = tuple[Stage, ...]

Part = TypeVar("Part", Processor, Stage)


def named(parts: Sequence[Part], kind: str = "chain") -> list[tuple[str, Part]]:
    """Name the stages of a strip, or the processors of one.

    Args:
        parts: Stages or processors, in their order.
        kind: "chain" or "parallel", or "dry_wet", which calls its part `wet`.

    Returns:
        Each with its name before it.

    >>> from dasp.processors.catalogue import COMPRESSOR, GAIN
    >>> [name for name, _ in named((GAIN, COMPRESSOR, GAIN))]
    ['gain', 'compressor', 'gain_2']
    """
    names = [p.processor.name if isinstance(p, Stage) else p.name for p in parts]
    if kind == "dry_wet":
        names = ["wet"]
    earlier = [names[:i].count(name) for i, name in enumerate(names)]
    return [
        (f"{name}_{n + 1}" if n else name, part)
        for name, n, part in zip(names, earlier, parts, strict=True)
    ]


def run_strip(
    x: Tensor,
    sample_rate: float,
    stages: Sequence[Stage],
    tracks: Tracks | None = None,
    where: str = "strip",
    *,
    memory: Memory = WHOLE,
    mono: Tensor | None = None,
) -> Tensor:
    """Process audio through the stages of a strip, in their order.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        stages: The strip.
        tracks: Audio of each track for side chains: `(channels, time)` by its name, or a batch
            `(*batch, tracks, channels, time)`.
        where: Place of the strip in the mix, with which messages of errors begin; empty leaves them
            as they are.
        memory: What the strip reads of the block before, and keeps for the next; the default is
            that of a whole signal.
        mono: True for items whose two channels are the same, `(*batch)`, which are panned as mono
            ones are.

    Returns:
        Audio, stereo where a stage makes it so.

    Raises:
        ValueError: If a setting has no meaning; the message names the stage.

    >>> import torch
    >>> from dasp.processors.catalogue import GAIN
    >>> y = run_strip(torch.ones(1, 2), 44_100, (Stage(GAIN, {"gain_db": 20.0}),))
    >>> torch.allclose(y, torch.full((1, 2), 10.0))
    True
    """
    if memory.whole:
        for i, stage in enumerate(stages):
            run = _at(f"{where}[{i}]: {stage.processor.name}", stage.run) if where else stage.run
            x = run(x, sample_rate, tracks, mono=mono)
        return x
    late, block = 0, x
    for name, stage in named(stages):
        x = stage.step(x, sample_rate, memory.part(name), late, block)
        late += stage.latency(sample_rate)
    return x


def settings_of(strip: Sequence[Stage], kind: str = "chain") -> dict[str, Any]:
    """Collect the settings of all stages.

    Args:
        strip: The stages.
        kind: What joins them, as `named` takes it.

    Returns:
        Values by the name of the stage, a dot and the name of the setting; `on` is that of a stage
        which is, or may be, bypassed.

    >>> from dasp.processors.catalogue import GAIN
    >>> settings_of((Stage(GAIN, {"gain_db": 1.0}), Stage(GAIN, {"gain_db": 2.0})))
    {'gain.gain_db': 1.0, 'gain_2.gain_db': 2.0}
    """
    settings: dict[str, Any] = {}
    for name, stage in named(strip, kind):
        settings |= prefixed(name, stage.settings)
        if stage.on is not True:
            settings[f"{name}.on"] = stage.on
    return settings


def with_settings(
    processors: Sequence[Processor], settings: Mapping[str, Any], kind: str = "chain"
) -> Strip:
    """Give each processor of a strip its share of settings.

    Args:
        processors: The processors, in their order.
        settings: Values as `settings_of` returns them.
        kind: What joins the processors, as `named` takes it.

    Returns:
        The strip.

    Raises:
        ValueError: If a setting is of none of the stages.

    >>> from dasp.processors.catalogue import GAIN
    >>> with_settings((GAIN, GAIN), {"gain_2.gain_db": 2.0})[1].settings
    {'gain_db': 2.0}
    """
    stages = named(processors, kind)
    shares: dict[str, dict[str, Any]] = {name: {} for name, _ in stages}
    for keyword, value in settings.items():
        name, _, key = keyword.partition(".")
        if name not in shares:
            raise ValueError(f"settings: no stage {name!r}{did_you_mean(name, shares)}")
        shares[name][key] = value
    return tuple(_stage(processor, shares[name]) for name, processor in stages)


def _stage(processor: Processor, settings: dict[str, Any]) -> Stage:
    """A stage with its bypass, unless `on` is a setting of the processor itself."""
    if "on" not in settings or "on" in processor.defaults():
        return Stage(processor, settings)
    return Stage(processor, settings, on=settings.pop("on"))


def prefixed(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put a name and a dot before those of settings.

    Args:
        name: Name of a stage, a group or a bus.
        settings: Values by name.

    Returns:
        The same values.

    >>> prefixed("gain", {"gain_db": 1.0})
    {'gain.gain_db': 1.0}
    """
    return {f"{name}.{key}": value for key, value in settings.items()}


def behind(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Select the settings of one stage, group or bus.

    Args:
        name: Its name.
        settings: Values by the name of the part, a dot and the name of the setting.

    Returns:
        Values by the name of the setting.

    >>> behind("gain", {"gain.gain_db": 1.0, "gain_2.gain_db": 2.0})
    {'gain_db': 1.0}
    """
    start = f"{name}."
    return {key.removeprefix(start): v for key, v in settings.items() if key.startswith(start)}


def _at(place: str, run: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def placed(*arguments, **keywords) -> Tensor:
        try:
            return run(*arguments, **keywords)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error

    return placed
