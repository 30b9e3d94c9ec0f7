"""Turning the knobs of a mix, which is a value: each turn makes another mix."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from dasp._suggestion import did_you_mean
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip, named

Part = TypeVar("Part", Track, Channel)


def turn(mix: Mix, channel: str, settings: Mapping[str, Any], *, lock: bool = False) -> Mix:
    """Change settings in one strip of a mix.

    Args:
        mix: The mix, which stays as it is.
        channel: Name of a track, a group or a bus, or "master".
        settings: Values in their units, by the name of the stage, a dot and the name of the
            setting, as in `{"gain.gain_db": -6.0}`; a stage that comes again is `gain_2`.
        lock: Whether the stages that are changed are locked, so that automatic mixers leave them.

    Returns:
        The mix with the new settings.

    Raises:
        ValueError: If there is no such channel, stage or setting, or a value is outside its range.

    >>> from dasp.mixing.settings import Track
    >>> from dasp.processors.catalogue import GAIN
    >>> mix = Mix(44_100, (Track("kick", strip=(Stage(GAIN, {"gain_db": 0.0}),)),))
    >>> turn(mix, "kick", {"gain.gain_db": -6.0}).tracks[0].strip
    (Stage(gain, gain_db=-6),)
    """
    names = [track.name for track in mix.tracks]
    names += [one.name for one in (*mix.groups, *mix.buses)]
    if channel not in (*names, "master"):
        hint = did_you_mean(channel, [*names, "master"])
        raise ValueError(f"channel: the mix has no {channel!r}{hint}")
    if channel not in names:
        return replace(mix, master=_turned(mix.master, settings, lock, channel))

    def turned(channels: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(
            replace(one, strip=_turned(one.strip, settings, lock, channel))
            if one.name == channel
            else one
            for one in channels
        )

    tracks, groups, buses = turned(mix.tracks), turned(mix.groups), turned(mix.buses)
    return replace(mix, tracks=tracks, groups=groups, buses=buses)


def _turned(strip: Strip, settings: Mapping[str, Any], lock: bool, channel: str) -> Strip:
    stages = dict(named(strip))
    for keyword, value in settings.items():
        name, _, key = keyword.partition(".")
        if name not in stages:
            has = {of: stage.processor.defaults() for of, stage in stages.items()}
            hint = did_you_mean(keyword, [f"{of}.{own}" for of in has for own in has[of]])
            raise ValueError(f"settings: {channel} has no stage {name!r}{hint}")
        stages[name] = _with(stages[name], key, value, lock)
    return tuple(stages.values())


def _with(stage: Stage, key: str, value: Any, lock: bool) -> Stage:
    stage.processor.check_settings({key: value})
    automation = {name: moves for name, moves in stage.automation.items() if name != key}
    return stage._replace(
        settings={**stage.settings, key: value},
        automation=automation if automation.keys() - {"time_s"} else {},
        locked=stage.locked or lock,
    )
