"""The reverb of a track: what it sends to a bus, what its group has in its strip, and its own."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dasp.mixing.routing import MOST_SEND_DB, SEND_OFF_DB
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import FEEDBACK_DELAY_NETWORK, GAIN
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip

REVERBS = (
    "feedback_delay_network", "plate_reverb", "noise_shaped_reverb", "convolution_reverb"
)  # fmt: skip

STEP_DB = 6.0
"""What "less" and "more" are."""

LEAST_MORE_DB = -18.0
"""Level of the send of a track that is to have more, and had none, or so little that nobody hears
6 dB more of it."""

FAINT = 10 ** ((LEAST_MORE_DB - STEP_DB) / 20)
"""A smaller share of a reverb in a strip is as little."""

NEW_BUS = "reverb"


def with_reverb(mix: Mix, asked: Mapping[str, str]) -> Mix:
    """Give tracks less reverb, more, or none.

    Sends to buses with a reverb move by 6 dB, or go; so does the share of a reverb in the strip of
    a track. A reverb in the strip of a group becomes a bus that sounds the same, and to which the
    tracks of the group send. A track that is to have more has a send of -18 dB at least, to a new
    bus where there is none.

    Args:
        mix: The mix.
        asked: "none", "less" or "more" by the name of a track.

    Returns:
        The mix. What is locked stays, with a warning.

    >>> sends = {"reverb": -12.0}
    >>> bus = Channel("reverb", (Stage(FEEDBACK_DELAY_NETWORK, {"mix": 1.0}),))
    >>> mix = Mix(44_100, (Track("a", sends_db=sends), Track("b", sends_db=sends)), buses=(bus,))
    >>> [dict(t.sends_db) for t in with_reverb(mix, {"a": "none", "b": "more"}).tracks]
    [{}, {'reverb': -6.0}]
    """
    wished = [track for track in mix.tracks if track.name in asked]
    locked = [t.name for t in wished if t.locked or any(s.locked for s in t.strip if _is_reverb(s))]
    for name in locked:
        tell_locked("reverb", name)
    asked = {name: wish for name, wish in asked.items() if name not in locked}
    faint = [group.name for group in mix.groups if 0 < _share(group.strip) < FAINT]
    groups = [
        track.group
        for track in wished
        if track.group and (asked.get(track.name) in ("none", "less") or track.group not in faint)
    ]
    for name in dict.fromkeys(groups):
        mix = _on_a_bus(mix, name)
    buses = wet_buses(mix)
    of_groups = [_bus_of(group.name) for group in mix.groups]
    shared = [bus for bus in buses if bus not in of_groups]
    heard = [bus for bus in buses if bus in shared or bus not in map(_bus_of, faint)]
    starting = [t.name for t in mix.tracks if asked.get(t.name) == "more" and _is_faint(t, heard)]
    if starting and not shared:
        shared = [_name_apart(NEW_BUS, mix)]
        reverb = Stage(FEEDBACK_DELAY_NETWORK, {"mix": 1.0})
        mix = replace(mix, buses=(*mix.buses, Channel(shared[0], (reverb,))))
    tracks = []
    for track in mix.tracks:
        if track.name in starting:
            track = replace(track, sends_db={**track.sends_db, shared[0]: LEAST_MORE_DB})
        elif asked.get(track.name) == "none":
            sends_db = {bus: db for bus, db in track.sends_db.items() if bus not in buses}
            strip = tuple(stage for stage in track.strip if not _is_reverb(stage))
            track = replace(track, sends_db=sends_db, strip=strip)
        elif track.name in asked:
            by_db = STEP_DB if asked[track.name] == "more" else -STEP_DB
            track = sent_louder(mix, replace(track, strip=_wetter(track.strip, by_db)), by_db)
        tracks.append(track)
    return replace(mix, tracks=tuple(tracks))


def tell_locked(wish: str, name: str) -> None:
    """Warn that a lock stands against a wish.

    Args:
        wish: What is wished.
        name: Name of the track or the group.
    """
    warnings.warn(
        f"{wish} of {name!r}: locked in the mix to start from, and stays as it is", stacklevel=4
    )


def sent_louder(mix: Mix, track: Track, by_db: float) -> Track:
    """Raise what a track sends to reverbs; what would fall to the end of the range is off.

    Args:
        mix: The mix, which has the buses.
        track: One of its tracks.
        by_db: How much; below 0 it sends less.

    Returns:
        The track.
    """
    wet, sends_db = wet_buses(mix), {}
    for bus, send_db in track.sends_db.items():
        sends_db[bus] = round(min(send_db + by_db, MOST_SEND_DB), 3) if bus in wet else send_db
    return replace(track, sends_db={bus: db for bus, db in sends_db.items() if db > SEND_OFF_DB})


def wet_buses(mix: Mix) -> tuple[str, ...]:
    """Name the buses that have a reverb.

    Args:
        mix: The mix.

    Returns:
        Their names.
    """
    return tuple(bus.name for bus in mix.buses if any(map(_is_reverb, bus.strip)))


def _is_reverb(stage: Stage) -> bool:
    return stage.processor.name in REVERBS


def _is_faint(track: Track, buses: Sequence[str]) -> bool:
    """Whether 6 dB more reverb of a track would hardly be heard."""
    sent = (db for bus, db in track.sends_db.items() if bus in buses)
    return max(sent, default=SEND_OFF_DB) < LEAST_MORE_DB - STEP_DB and _share(track.strip) < FAINT


def _share(strip: Strip) -> float:
    """The share of the reverb in a strip."""
    return max((_mix(stage) for stage in strip if _is_reverb(stage)), default=0.0)


def _wetter(strip: Strip, by_db: float) -> Strip:
    """A strip whose reverb has a larger share, or a smaller one."""
    return tuple(
        stage._replace(settings={**stage.settings, "mix": round(min(_mix(stage) * factor, 1.0), 4)})
        if _is_reverb(stage)
        else stage
        for factor in (10 ** (by_db / 20),)
        for stage in strip
    )


def _mix(stage: Stage) -> float:
    return {**stage.processor.defaults(), **stage.settings}["mix"]


def _on_a_bus(mix: Mix, name: str) -> Mix:
    """A mix in which the reverb in a group's strip is on a bus that the group's tracks send to.

    (1 - m) x + m R(x) is the group with a gain of 1 - m where the reverb was, and a bus with what
    stands before it, R, and a gain of m; what stands behind it is on both.
    """
    group = next(channel for channel in mix.groups if channel.name == name)
    place = next((i for i, stage in enumerate(group.strip) if _is_reverb(stage)), -1)
    if place < 0:
        return mix
    if group.strip[place].locked or any(t.locked for t in mix.tracks if t.group == name):
        tell_locked("reverb", name)
        return mix
    before, reverb, after = group.strip[:place], group.strip[place], group.strip[place + 1 :]
    wet = _mix(reverb)
    alone = reverb._replace(settings={**reverb.settings, "mix": 1.0})
    bus = Channel(_name_apart(_bus_of(name), mix), (*before, alone, *_gain(wet), *after))
    dry = replace(group, strip=(*before, *_gain(1 - wet), *after))
    return replace(
        mix,
        tracks=tuple(
            replace(track, sends_db={**track.sends_db, bus.name: 0.0})
            if track.group == name
            else track
            for track in mix.tracks
        ),
        groups=tuple(dry if channel is group else channel for channel in mix.groups),
        buses=(*mix.buses, bus),
    )


def _bus_of(group: str) -> str:
    return f"{group} reverb"


def _gain(factor: float) -> Strip:
    """A factor as a stage, in its range."""
    return (Stage(GAIN, {"gain_db": round(20 * math.log10(max(factor, 1e-3)), 6)}),)


def _name_apart(name: str, mix: Mix) -> str:
    """A name that nothing in a mix has."""
    taken = [track.name for track in mix.tracks]
    taken += [channel.name for channel in (*mix.groups, *mix.buses)]
    while name in taken:
        name += " bus"
    return name
