"""A mix as a value: strips of stages for tracks, groups, buses and the master."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dasp.processors.processor import Processor


class Stage(NamedTuple):
    """A processor and the settings that it stands at."""

    processor: Processor
    settings: dict[str, Any]
    automation: Mapping[str, list] = {}
    """Breakpoints `time_s`, and for each setting that moves its value at each of them."""
    sidechain: str = ""
    """The track that it listens to, as that track came in."""
    locked: bool = False


@dataclass(frozen=True)
class Channel:
    """A group or a bus: its name, and what is done to the sum of what goes there."""

    name: str
    strip: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Track:
    """One track of a mix: where its audio is, what it is, what is done to it, where it goes."""

    name: str
    file: str = ""
    role: str = "other"
    strip: tuple[Stage, ...] = ()
    group: str = ""
    """The group that it goes to; none is the master."""
    sends_db: Mapping[str, float] = field(default_factory=dict)
    """The level at which it goes to each bus, from behind its strip."""
    locked: bool = False


@dataclass(frozen=True)
class Mix:
    """All that turns tracks into a mix."""

    sample_rate: int
    tracks: tuple[Track, ...]
    master: tuple[Stage, ...] = ()
    groups: tuple[Channel, ...] = ()
    buses: tuple[Channel, ...] = ()


def setting(stages: Sequence[Stage], name: str, default: Any = None) -> Any:
    """The first setting of that name in a strip, such as its `pan`."""
    return next((s.settings[name] for s in stages if name in s.settings), default)


def find_stage(stages: Sequence[Stage], processor: str) -> Stage | None:
    """The first stage of a strip with a processor of that name."""
    return next((stage for stage in stages if stage.processor.name == processor), None)
