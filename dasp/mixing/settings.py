"""A mix as a value: strips of stages for tracks, groups, buses and the master."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dasp._texts import listed
from dasp.mixing.preparation import Preparation
from dasp.processors.strip import Strip


@dataclass(frozen=True)
class Channel:
    """A group or a bus: the strip of a sum of tracks.

    Args:
        name: Its name in the mix.
        strip: The stages that process the sum, in their order.
        mute: Whether it is left out; the tracks of a group with it, and what they send.
        solo: Whether only this is heard, and whatever else is soloed.

    >>> Channel("drums").strip
    ()
    """

    name: str
    strip: Strip = ()
    mute: bool = False
    solo: bool = False


@dataclass(frozen=True)
class Track:
    """One track of a mix.

    Args:
        name: Its name in the mix.
        file: File of its audio; empty where there is none.
        role: What it plays, one of `dasp.mixing.roles.KNOWN_ROLES`.
        strip: The stages that process it, in their order.
        group: Name of the group that it goes to; empty for the master.
        sends_db: Level in dB at which it goes to each bus, by name, behind its strip.
        locked: Whether automatic mixers leave the track as it is.
        mute: Whether it is left out, with what it sends. Side chains that listen to it still do.
        solo: Whether only this is heard, with what it sends, and whatever else is soloed.
        prepare: What is put right before its strip.

    >>> Track("kick", group="drums", sends_db={"reverb": -18.0}).group
    'drums'
    """

    name: str
    file: str = ""
    role: str = "other"
    strip: Strip = ()
    group: str = ""
    sends_db: Mapping[str, float] = field(default_factory=dict)
    locked: bool = False
    mute: bool = False
    solo: bool = False
    prepare: Preparation = field(default_factory=Preparation)


@dataclass(frozen=True)
class Mix:
    """All that turns tracks into a mix.

    Args:
        sample_rate: In Hz.
        tracks: The tracks, in their order.
        master: The stages that process the sum.
        groups: The groups, which go to the master.
        buses: The buses, which tracks are sent to and which go to the master.
        notes: What a mixer has to say about it, for a person to read; no part of the document.

    >>> Mix(44_100, (Track("kick"), Track("voice"))).tracks[1].name
    'voice'
    """

    sample_rate: int
    tracks: tuple[Track, ...]
    master: Strip = ()
    groups: tuple[Channel, ...] = ()
    buses: tuple[Channel, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def channels(self) -> "tuple[Track | Channel, ...]":
        """The tracks, the groups and the buses, in their order."""
        return (*self.tracks, *self.groups, *self.buses)

    def __repr__(self) -> str:
        master = [stage.processor.name for stage in self.master]
        parts = (("groups", self.groups), ("buses", self.buses))
        named = [(what, [channel.name for channel in channels]) for what, channels in parts]
        tracks = [track.name for track in self.tracks]
        lines = [("tracks", tracks), *named, ("master", master)]
        told = "; ".join(f"{what}: {listed(names)}" for what, names in lines if names)
        return f"Mix({self.sample_rate} Hz, {told})"
