"""A mix as a value: strips of stages for tracks, groups, buses and the master."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dasp.processors.processor import Processor


class Stage(NamedTuple):
    """A processor and its settings.

    Args:
        processor: The processor.
        settings: The value of each parameter and option by name; those left out have the default.
        automation: Breakpoints `time_s` in seconds, and for each setting that moves, its value at
            each of them.
        sidechain: Name of the track that controls the stage, which is heard before its strip;
            empty for none.
        locked: Whether automatic mixers leave the stage as it is.

    >>> from dasp.processors.catalogue import GAIN
    >>> Stage(GAIN, {"gain_db": -6.0}).locked
    False
    """

    processor: Processor
    settings: dict[str, Any]
    automation: Mapping[str, list] = {}
    sidechain: str = ""
    locked: bool = False


@dataclass(frozen=True)
class Channel:
    """A group or a bus: the strip of a sum of tracks.

    Args:
        name: Its name in the mix.
        strip: The stages that process the sum, in their order.

    >>> Channel("drums").strip
    ()
    """

    name: str
    strip: tuple[Stage, ...] = ()


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

    >>> Track("kick", group="drums", sends_db={"reverb": -18.0}).group
    'drums'
    """

    name: str
    file: str = ""
    role: str = "other"
    strip: tuple[Stage, ...] = ()
    group: str = ""
    sends_db: Mapping[str, float] = field(default_factory=dict)
    locked: bool = False


@dataclass(frozen=True)
class Mix:
    """All that turns tracks into a mix.

    Args:
        sample_rate: In Hz.
        tracks: The tracks, in their order.
        master: The stages that process the sum.
        groups: The groups, which go to the master.
        buses: The buses, which tracks are sent to and which go to the master.

    >>> Mix(44_100, (Track("kick"), Track("voice"))).tracks[1].name
    'voice'
    """

    sample_rate: int
    tracks: tuple[Track, ...]
    master: tuple[Stage, ...] = ()
    groups: tuple[Channel, ...] = ()
    buses: tuple[Channel, ...] = ()


def setting(stages: Sequence[Stage], name: str, default: Any = None) -> Any:
    """Return the first setting of a name in a strip, such as `pan`.

    Args:
        stages: The strip.
        name: Name of the setting.
        default: What is returned if no stage has that setting.

    Returns:
        The value of the setting, in its unit.

    >>> from dasp.processors.catalogue import GAIN
    >>> setting((Stage(GAIN, {"gain_db": -6.0}),), "gain_db")
    -6.0
    """
    return next((s.settings[name] for s in stages if name in s.settings), default)


def find_stage(stages: Sequence[Stage], processor: str) -> Stage | None:
    """Return the first stage of a strip with a given processor.

    Args:
        stages: The strip.
        processor: Name of the processor, such as "compressor".

    Returns:
        The stage, or None.

    >>> from dasp.processors.catalogue import GAIN
    >>> find_stage((Stage(GAIN, {"gain_db": -6.0}),), "gain").settings
    {'gain_db': -6.0}
    """
    return next((stage for stage in stages if stage.processor.name == processor), None)
