"""Turning the knobs of a mix, which is a value: each turn makes another mix."""

from collections.abc import Callable, Mapping
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
    return _changed(mix, channel, lambda strip: _turned(strip, settings, lock, channel))


def switch(
    mix: Mix, channel: str, *, mute: bool | None = None, solo: bool | None = None,
    bypass: Mapping[str, bool] = {},
) -> Mix:  # fmt: skip
    """Mute or solo a part of a mix, and bypass stages of its strip.

    Args:
        mix: The mix, which stays as it is.
        channel: Name of a track, a group or a bus, or "master", which has stages alone.
        mute: Whether it is left out; None leaves that as it is.
        solo: Whether only this is heard, and whatever else is soloed.
        bypass: Whether stages are bypassed, by their names, as `turn` has them.

    Returns:
        The mix with the new switches.

    Raises:
        ValueError: If there is no such channel or stage, or the master is to be muted or soloed.

    >>> from dasp.mixing.settings import Track
    >>> mix = Mix(44_100, (Track("kick"), Track("voice")))
    >>> [track.mute for track in switch(mix, "kick", mute=True).tracks]
    [True, False]
    """
    switches = {key: flag for key, flag in (("mute", mute), ("solo", solo)) if flag is not None}
    if channel == "master" and switches:
        raise ValueError("channel: the master is not muted or soloed")

    def switched(strip: Strip) -> Strip:
        stages = dict(named(strip))
        for name, flag in bypass.items():
            if name not in stages:
                hint = did_you_mean(name, stages)
                raise ValueError(f"bypass: {channel} has no stage {name!r}{hint}")
            stages[name] = stages[name]._replace(on=not flag)
        return tuple(stages.values())

    return _changed(mix, channel, switched, switches)


def _changed(
    mix: Mix, channel: str, change: Callable[[Strip], Strip], fields: Mapping[str, Any] = {}
) -> Mix:
    """A mix with another strip, and other fields, in one channel."""
    names = [one.name for one in mix.channels]
    if channel not in (*names, "master"):
        hint = did_you_mean(channel, [*names, "master"])
        raise ValueError(f"channel: the mix has no {channel!r}{hint}")
    if channel not in names:
        return replace(mix, master=change(mix.master))

    def changed(channels: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(
            replace(one, strip=change(one.strip), **fields) if one.name == channel else one
            for one in channels
        )

    tracks, groups, buses = changed(mix.tracks), changed(mix.groups), changed(mix.buses)
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
