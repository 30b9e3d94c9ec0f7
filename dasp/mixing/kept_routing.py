"""The groups, buses and sends of an earlier mix in a new one of the same tracks."""

from collections.abc import Mapping
from dataclasses import replace

from dasp.mixing.settings import Mix, Track


def keep_routing(mix: Mix, start: Mix) -> Mix:
    """Keep the groups, buses and sends of an earlier mix of the same tracks.

    A track goes to its earlier group, or else to a new one; its preparation, mute and solo stay. Of
    a group that both mixes have, the strip of `start` stays. New buses and sends stay where `start`
    has no bus.

    Args:
        mix: The new mix.
        start: The earlier mix, with the same tracks in the same order.

    Returns:
        `mix` with the groups of `start`, and with the buses and sends of `start` if it has buses.

    >>> from dasp.mixing.settings import Channel
    >>> start = Mix(44_100, (Track("kick", group="drums"),), (), (Channel("drums"),))
    >>> keep_routing(Mix(44_100, (Track("kick"),)), start).tracks[0].group
    'drums'
    """
    kept = {group.name for group in start.groups}
    tracks = tuple(map(_keep, mix.tracks, start.tracks))
    used = {track.group for track in tracks}
    new = tuple(g for g in mix.groups if g.name not in kept and g.name in used)
    groups = (*start.groups, *new)
    if start.buses:
        tracks = tuple(
            replace(track, sends_db=dict(old.sends_db))
            for track, old in zip(tracks, start.tracks, strict=True)
        )
        return replace(mix, tracks=tracks, groups=groups, buses=start.buses)
    names = _apart([bus.name for bus in mix.buses], {group.name for group in groups})
    renamed = (
        replace(track, sends_db={names[bus]: db for bus, db in track.sends_db.items()})
        for track in tracks
    )
    buses = tuple(replace(bus, name=names[bus.name]) for bus in mix.buses)
    return replace(mix, tracks=tuple(renamed), groups=groups, buses=buses)


def _keep(track: Track, old: Track) -> Track:
    group = old.group or track.group
    return replace(track, group=group, mute=old.mute, solo=old.solo, prepare=old.prepare)


def _apart(buses: list[str], groups: set[str]) -> Mapping[str, str]:
    """New names of buses, none of which is that of a group."""
    names: dict[str, str] = {}
    for bus in buses:
        name = bus
        while name in groups or name in names.values():
            name += " bus"
        names[bus] = name
    return names
