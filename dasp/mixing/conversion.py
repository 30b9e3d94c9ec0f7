"""Between a console's settings, which are tensors, and a mix document, which people read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dasp.mixing.console import Console, Processors, Settings, split_sends
from dasp.mixing.plain import console_strip, plain_settings
from dasp.mixing.routing import SEND_OFF_DB, Routing, send_param
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip, behind, named, prefixed, settings_of

DIGITS = 6
"""Significant digits of a setting in a document."""


def to_mix(
    console: Console,
    settings: Settings,
    sample_rate: int,
    tracks: Sequence[Track],
    *,
    routing: Routing = Routing(),  # noqa: B008
    duration_s: float = 0.0,
) -> Mix:
    """Convert the settings of a console to a mix document of one song.

    Stages that do nothing are left out.

    Args:
        console: The console.
        settings: Physical values without a batch, `(tracks)` or one number for all. Those that
            move become breakpoints.
        sample_rate: In Hz.
        tracks: Names and files of the tracks; their strips are filled in.
        routing: Groups and side chains.
        duration_s: Length of the song in seconds, which settings that move need.

    Returns:
        The mix.

    Raises:
        ValueError: If settings move and `duration_s` is not above 0.

    >>> from dasp.processors.catalogue import GAIN
    >>> console = Console(strip=(GAIN,), buses={}, master=())
    >>> settings = Settings(tracks={"gain.gain_db": torch.tensor([-3.0, 0.0])})
    >>> mix = to_mix(console, settings, 44_100, [Track("kick"), Track("voice")])
    >>> [[stage.settings for stage in track.strip] for track in mix.tracks]
    [[{'gain_db': -3.0}], []]
    """
    sends, of_stages = split_sends(settings.tracks, console.buses)
    one = [_of_track(of_stages, i, console) for i in range(len(tracks))]
    sends_db = [_sends_db(_of_track(sends, i, console)) for i in range(len(tracks))]
    group = _for_each(routing.group, [*console.groups], tracks)
    listens = {
        stage: _for_each(key, [track.name for track in tracks], tracks)
        for stage, key in routing.sidechain.items()
    }

    def stages(processors: Processors, own: Mapping[str, Any], **keywords) -> Strip:
        strip = console_strip(processors, own, 0, **keywords)
        wet = keywords.get("wet", False)
        return tuple(_written(stage, duration_s) for stage in strip if not _is_absent(stage, wet))

    return Mix(
        sample_rate,
        tuple(
            replace(
                track,
                strip=stages(
                    console.strip, one[i], sidechain={key: name[i] for key, name in listens.items()}
                ),
                group=group[i],
                sends_db=sends_db[i],
            )
            for i, track in enumerate(tracks)
        ),
        stages(console.master, settings.master),
        tuple(Channel(n, stages(s, behind(n, settings.groups))) for n, s in console.groups.items()),
        tuple(
            Channel(n, stages(s, behind(n, settings.buses), wet=True))
            for n, s in console.buses.items()
            if any(n in sends for sends in sends_db)
        ),
    )


def from_mix(console: Console, mix: Mix) -> tuple[Settings, Routing]:
    """Convert a mix document to the settings and the routing of a console.

    Stages that a track does not have stand at plain settings, or are bypassed. Automation is left
    out.

    Args:
        console: The console.
        mix: The mix, whose strips hold stages of the console's, in the console's order.

    Returns:
        Physical values and routing with which the console gives the mix.

    Raises:
        ValueError: If the console lacks a stage, a group or a bus of the mix, or something is
            muted, soloed or prepared, which a console has not.

    >>> from dasp.processors.catalogue import GAIN
    >>> console = Console(strip=(GAIN,), buses={}, master=())
    >>> mix = Mix(44_100, (Track("kick", strip=(Stage(GAIN, {"gain_db": -3.0}),)), Track("voice")))
    >>> settings, routing = from_mix(console, mix)
    >>> settings.tracks["gain.gain_db"].tolist()
    [-3.0, 0.0]
    """
    for part in mix.channels:
        if part.mute or part.solo or (isinstance(part, Track) and part.prepare):
            raise ValueError(
                f"mix: {part.name} is muted, soloed or prepared, which a console has not"
            )
    columns = []
    for i, track in enumerate(mix.tracks):
        own = _settings_of(console.strip, track.strip, f"tracks[{i}].strip")
        sends = {send_param(b).name: track.sends_db.get(b, SEND_OFF_DB) for b in console.buses}
        columns.append(own | sends)
        for bus in track.sends_db.keys() - console.buses.keys():
            raise ValueError(f"tracks[{i}].sends_db: the console has no bus {bus!r}")
    parts = [
        _channels(console.groups, mix.groups, "groups"),
        _channels(console.buses, mix.buses, "buses", wet=True),
        _settings_of(console.master, mix.master, "master"),
    ]
    return Settings(_stacked(columns, console.strip), *parts), _routing(console, mix)


def _channels(
    strips: Mapping[str, Processors], channels: Sequence[Channel], kind: str, *, wet: bool = False
) -> dict[str, Any]:
    """The settings of groups or buses, by the name of the group or bus and of the setting."""
    settings: dict[str, Any] = {}
    for i, channel in enumerate(channels):
        if channel.name not in strips:
            raise ValueError(f"{kind}[{i}]: the console has no {channel.name!r}")
        own = _settings_of(strips[channel.name], channel.strip, f"{kind}[{i}].strip", wet=wet)
        settings |= prefixed(channel.name, own)
    return settings


def _written(stage: Stage, duration_s: float) -> Stage:
    """A stage with rounded settings; settings that move become breakpoints."""
    still = {k: _rounded(v) for k, v in stage.settings.items() if v is not None}
    if not stage.automation:
        return Stage(stage.processor, still, sidechain=stage.sidechain)
    moving = {k: _rounded(v) for k, v in stage.automation.items()}
    if duration_s <= 0:
        raise ValueError(f"duration_s: expected the song's, for {', '.join(moving)} to move in")
    blocks = len(next(iter(moving.values())))
    times_s = [_rounded((block + 0.5) * duration_s / blocks) for block in range(blocks)]
    return Stage(stage.processor, still, {"time_s": times_s} | moving, stage.sidechain)


def _is_absent(stage: Stage, wet: bool) -> bool:
    """Whether a stage is bypassed, or does nothing. A panner does something to every mono track."""
    if not stage.on:
        return True
    plain = plain_settings(stage.processor, wet=wet)
    if stage.processor.neutral is None or wet or "pan" in plain or stage.automation:
        return False
    return all(_rounded(value) == _rounded(plain.get(k)) for k, value in stage.settings.items())


def _settings_of(
    processors: Processors, strip: Strip, where: str, *, wet: bool = False
) -> dict[str, Any]:
    """The settings of a console's strip, under the names of its stages."""
    stages, waiting = [], list(enumerate(strip))
    for processor in processors:
        if waiting and waiting[0][1].processor.name == processor.name:
            i, stage = waiting.pop(0)
            if stage.automation:
                raise ValueError(f"{where}[{i}].automation: does not come along to a console")
            settings = {**processor.defaults(), **stage.settings}
            stages.append(Stage(processor, settings, on=stage.on))
        else:
            plain = plain_settings(processor, wet=wet)
            on = not (wet or processor.neutral is None or processor.inputs or "pan" in plain)
            stages.append(Stage(processor, plain, on=on))
    for i, stage in waiting:
        raise ValueError(f"{where}[{i}]: the console has no {stage.processor.name} there")
    return settings_of(stages)


def _stacked(columns: Sequence[Mapping[str, Any]], processors: Processors) -> dict[str, Any]:
    """Settings of tracks as tensors `(tracks)` and `(tracks, bands)`; options are one for all."""
    options = {
        f"{name}.{option.name}"
        for name, processor in named(processors)
        for option in processor.options
    }
    stacked: dict[str, Any] = {}
    for name in {name: None for column in columns for name in column}:
        values = [column.get(name, True if name.endswith(".on") else None) for column in columns]
        if name not in options:
            stacked[name] = torch.tensor(values)
        elif all(value == values[0] for value in values):
            stacked[name] = values[0]
        else:
            raise ValueError(f"{name}: a console has one for all tracks, the mix has {values}")
    return stacked


def _routing(console: Console, mix: Mix) -> Routing:
    groups, names = list(console.groups), [track.name for track in mix.tracks]
    group = [groups.index(track.group) if track.group else -1 for track in mix.tracks]
    listens: dict[str, list[int]] = {}
    for i, track in enumerate(mix.tracks):
        stages = iter(named(console.strip))
        for stage in track.strip:
            name = next(name for name, p in stages if p.name == stage.processor.name)
            if isinstance(stage.sidechain, str) and stage.sidechain:
                listens.setdefault(name, [-1] * len(names))[i] = names.index(stage.sidechain)
    return Routing(
        torch.tensor(group) if any(track.group for track in mix.tracks) else None,
        {name: torch.tensor(key) for name, key in listens.items()},
    )


def _for_each(number: Tensor | None, names: Sequence[str], tracks: Sequence[Track]) -> list[str]:
    """The name for each track's number; empty for -1."""
    if number is None:
        return [""] * len(tracks)
    return [names[i] if i >= 0 else "" for i in number.expand(len(tracks)).tolist()]


def _of_track(settings: Mapping[str, Any], track: int, console: Console) -> dict[str, Any]:
    """The settings of one track; a setting without an axis of tracks is the same for all."""
    bands = {param.name: bool(param.bands) for param in console.params.tracks}
    return {
        key: value[track]
        if isinstance(value, Tensor) and value.ndim > bands.get(key, False)
        else value
        for key, value in settings.items()
    }


def _sends_db(sends: Mapping[str, Any]) -> dict[str, float]:
    """The levels of one track's sends, by the names of buses."""
    for bus, send_db in sends.items():
        if isinstance(send_db, Tensor) and send_db.ndim:
            raise ValueError(f"send.{bus}_db: a document has no sends that move")
    return {bus: _rounded(db) for bus, db in sends.items() if float(db) > SEND_OFF_DB}


def _rounded(value: Any) -> Any:
    """Round numbers to the digits of a document."""
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
