"""A mix as a document: strips of processors for tracks, groups, buses and the master.

`mix.json` holds the settings in physical units, under the names of the processors' parameters,
with the nodes of `dasp.processors.document`:

    {
      "format": "dasp-mix", "version": 2, "sample_rate": 44100,
      "tracks": [{
        "name": "kick", "file": "stems/kick.wav", "role": "kick", "strip": [node, ...],
        "group": "drums", "sends_db": {"reverb": -18.0}, "locked": true
      }],
      "groups": [{"name": "drums", "strip": [node, ...]}],
      "buses": [{"name": "reverb", "strip": [node, ...]}],
      "master": [node, ...]
    }

A node may also have `"sidechain"`, the name of the track that it listens to; `"locked": true`,
which mixers leave as it is; and `"automation"`, breakpoints with straight lines between them:

    {"processor": "gain", "automation": {"time_s": [0, 12.5, 13], "gain_db": [-3, -3, 0]}}

Files are named relative to the document, so that a folder can move as a whole.
`mix.schema.json` beside this file is the JSON schema. Version 1 had neither routing nor these
keys, and is read as well.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from dasp._checks import check_range
from dasp._suggestion import did_you_mean
from dasp.file_names import as_found, named_from
from dasp.mixing.json_layout import readable_json
from dasp.mixing.routing import send_param
from dasp.mixing.settings import Channel, Mix, Stage, Track
from dasp.processors.catalogue import CATALOGUE
from dasp.processors.chain import required_inputs
from dasp.processors.document import from_node, read_json, to_node
from dasp.processors.processor import Processor

FORMAT, VERSION = "dasp-mix", 2

MOST_BYTES = 2**24
"""Of a document, in which filters may stand tap by tap."""

LEAST_STEP_S = 1e-3
"""Breakpoints are this far apart or more."""

_NODE_KEYS = ("automation", "sidechain", "locked")
_TRACK_KEYS = {
    1: ("name", "file", "role", "strip"),
    2: ("name", "file", "role", "strip", "group", "sends_db", "locked"),
}
_MIX_KEYS = {
    1: ("format", "version", "sample_rate", "tracks", "master"),
    2: ("$schema", "format", "version", "sample_rate", "tracks", "groups", "buses", "master"),
}


def save_mix(path: str | Path, mix: Mix) -> None:
    """Write a mix document.

    Args:
        path: The new file, most often `mix.json`, to whose folder the tracks' files are relative.
        mix: The mix.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_mix(f"{folder}/mix.json", Mix(44_100, (Track("kick"),)))
    ...     Path(folder, "mix.json").is_file()
    True
    """
    document = to_document(mix, Path(path).parent)
    Path(path).write_text(readable_json(document) + "\n", encoding="utf-8")


def load_mix(path: str | Path, *, with_files: bool = False) -> Mix:
    """Read a mix document.

    Args:
        path: The file.
        with_files: Whether to refuse a mix of which a file is missing.

    Returns:
        The mix; its files are named relative to the present folder.

    Raises:
        ValueError: If the document is no mix, or one of its settings has no meaning; the message
            names the place.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_mix(f"{folder}/mix.json", Mix(44_100, (Track("kick"),)))
    ...     load_mix(f"{folder}/mix.json").tracks[0].name
    'kick'
    """
    document = read_json(path, most_bytes=MOST_BYTES)
    try:
        mix = from_document(document, Path(path).parent)
        if with_files:
            _check_files(mix)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return mix


def is_mix(document: Any) -> bool:
    """Tell whether a JSON document is a mix.

    Args:
        document: What JSON holds: a dictionary, a list, a text or a number.

    Returns:
        True if its format is that of a mix; the rest is not checked.

    >>> is_mix({"format": "dasp-mix", "version": 2}), is_mix([])
    (True, False)
    """
    return isinstance(document, dict) and document.get("format") == FORMAT


def to_document(mix: Mix, folder: Path) -> dict:
    """Convert a mix to a JSON document; empty parts are left out.

    Args:
        mix: The mix.
        folder: Where the document will stand, to which files are relative.

    Returns:
        The document, of dictionaries, lists, texts and numbers.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "sample_rate": mix.sample_rate,
        "tracks": [_track_document(track, folder) for track in mix.tracks],
        **({"groups": [_channel_document(group) for group in mix.groups]} if mix.groups else {}),
        **({"buses": [_channel_document(bus) for bus in mix.buses]} if mix.buses else {}),
        "master": [_node(stage) for stage in mix.master],
    }


def _track_document(track: Track, folder: Path) -> dict:
    optional = {"group": track.group, "sends_db": dict(track.sends_db), "locked": track.locked}
    return {
        "name": track.name,
        "file": named_from(track.file, folder),
        "role": track.role,
        "strip": [_node(stage) for stage in track.strip],
        **{key: value for key, value in optional.items() if value},
    }


def _channel_document(channel: Channel) -> dict:
    return {"name": channel.name, "strip": [_node(stage) for stage in channel.strip]}


def _node(stage: Stage) -> dict:
    optional = {
        "automation": dict(stage.automation), "sidechain": stage.sidechain, "locked": stage.locked
    }  # fmt: skip
    return {
        **to_node(stage.processor, stage.settings),
        **{key: value for key, value in optional.items() if value},
    }


def from_document(document: Any, folder: Path) -> Mix:
    """Convert a JSON document to a mix.

    Args:
        document: What JSON holds.
        folder: Where the document stands, to which files are relative.

    Returns:
        The mix.

    Raises:
        ValueError: If something in the document has no meaning; the message names the place.
    """
    if not is_mix(document):
        raise ValueError(f'expected a mix, an object with "format": "{FORMAT}"')
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ValueError(
            f"version: {version} is newer than the {VERSION} that this dasp reads; install a newer"
        )
    if version not in _MIX_KEYS:
        raise ValueError(
            f"version: expected one of {', '.join(map(str, _MIX_KEYS))}, got {version!r}"
        )
    _check_keys(document, _MIX_KEYS[version], "the mix")
    sample_rate = document.get("sample_rate")
    if not isinstance(sample_rate, int) or sample_rate <= 0:
        raise ValueError(f"sample_rate: expected a positive whole number, got {sample_rate!r}")
    tracks = _list(document.get("tracks"), "tracks", "at least one track")
    if not tracks:
        raise ValueError("tracks: expected a list of at least one track")
    read = _Reader(version, folder, [t.get("name") for t in tracks if isinstance(t, dict)])
    groups = read.channels(document.get("groups", []), "groups")
    buses = read.channels(document.get("buses", []), "buses")
    both = {group.name for group in groups} & {bus.name for bus in buses}
    for name in sorted(both):
        raise ValueError(f"buses: {name!r} is the name of a group as well")
    return Mix(
        sample_rate,
        tuple(
            read.track(track, f"tracks[{i}]", [g.name for g in groups], [b.name for b in buses])
            for i, track in enumerate(tracks)
        ),
        read.stages(document.get("master", []), "master"),
        groups,
        buses,
    )


def _check_files(mix: Mix) -> None:
    for i, track in enumerate(mix.tracks):
        if not Path(track.file).is_file():
            raise ValueError(f"tracks[{i}].file: {track.file}: does not exist")


@dataclass(frozen=True)
class _Reader:
    """Reads the parts of a document of one version."""

    version: int
    folder: Path
    names: list[Any]
    """Of all tracks, for side chains to name."""

    def track(
        self, track: Any, where: str, groups: Collection[str], buses: Collection[str]
    ) -> Track:
        _check_object(track, where)
        _check_keys(track, _TRACK_KEYS[self.version], where)
        for key in ("name", "file"):
            _check_text(track.get(key), f"{where}.{key}")
        group = track.get("group", "")
        if group:
            _check_name(group, groups, f"{where}.group", "group")
        sends_db = track.get("sends_db", {})
        _check_object(sends_db, f"{where}.sends_db")
        for bus, send_db in sends_db.items():
            _check_name(bus, buses, f"{where}.sends_db", "bus")
            _at(f"{where}.sends_db", send_param(bus).check, send_db)
        return Track(
            name=track["name"],
            file=str(as_found(self.folder / track["file"])),
            role=_text(track.get("role", "other"), f"{where}.role"),
            strip=self.stages(track.get("strip", []), f"{where}.strip"),
            group=group,
            sends_db=sends_db,
            locked=_flag(track, where),
        )

    def channels(self, channels: Any, where: str) -> tuple[Channel, ...]:
        read: dict[str, Channel] = {}
        for i, channel in enumerate(_list(channels, where)):
            place = f"{where}[{i}]"
            _check_object(channel, place)
            _check_keys(channel, ("name", "strip"), place)
            name = channel.get("name")
            _check_text(name, f"{place}.name")
            if name in read:
                raise ValueError(f"{place}.name: {name!r} is there twice")
            read[name] = Channel(name, self.stages(channel.get("strip", []), f"{place}.strip"))
        return tuple(read.values())

    def stages(self, nodes: Any, where: str) -> tuple[Stage, ...]:
        nodes = _list(nodes, where, "processors")
        return tuple(self.stage(node, f"{where}[{i}]") for i, node in enumerate(nodes))

    def stage(self, node: Any, where: str) -> Stage:
        _check_object(node, where)
        own = {key: node[key] for key in _NODE_KEYS if key in node and self.version > 1}
        taps = _inline_inputs(node)
        node = {key: value for key, value in node.items() if key not in own}
        if taps:
            node["settings"] = {k: v for k, v in node["settings"].items() if k not in taps}
        processor, settings = from_node(node, where)
        settings |= taps
        _check_inputs(processor, settings, where)
        automation = own.get("automation", {})
        _check_automation(processor, settings, automation, f"{where}.automation")
        sidechain = own.get("sidechain", "")
        if sidechain:
            _check_name(sidechain, self.names, f"{where}.sidechain", "track")
            if "sidechain" not in processor.inputs:
                raise ValueError(f"{where}.sidechain: {processor.name} listens to no other track")
        return Stage(
            processor, _spread(processor, settings), automation, sidechain, _flag(own, where)
        )


def _inline_inputs(node: dict) -> dict[str, list]:
    """Tensors that stand in the document as numbers, such as the taps of a filter."""
    processor, settings = CATALOGUE.get(node.get("processor")), node.get("settings")
    if processor is None or not isinstance(settings, dict):
        return {}
    return {k: v for k, v in settings.items() if k in processor.inputs and isinstance(v, list)}


def _check_inputs(processor: Processor, settings: Mapping[str, Any], where: str) -> None:
    files = [key for key in processor.inputs if isinstance(settings.get(key), str)]
    missing = [key for key in required_inputs(processor) if key not in settings]
    for key in (*missing, *files):
        raise ValueError(f"{where}: {key}: a mix cannot name files inside a strip")
    for key in processor.inputs:
        if key in settings and not _are_numbers(settings[key]):
            raise ValueError(f"{where}: {key}: expected a list of numbers, or one for each side")


def _are_numbers(value: list) -> bool:
    rows = value if value and isinstance(value[0], list) else [value]
    return len({len(row) for row in rows}) == 1 and all(
        isinstance(number, (int, float)) for row in rows for number in row
    )


def _check_automation(
    processor: Processor, settings: Mapping[str, Any], automation: Any, where: str
) -> None:
    _check_object(automation, where)
    if not automation:
        return
    times_s = _list(automation.get("time_s"), f"{where}.time_s", "breakpoints")
    for time_s in times_s:
        _at(where, lambda time_s=time_s: check_range("time_s", time_s, low=0.0))
    if not times_s or any(later - time_s < LEAST_STEP_S for time_s, later in pairwise(times_s)):
        raise ValueError(f"{where}.time_s: expected seconds that rise, got {times_s}")
    params = {param.name: param for param in processor.params}
    for name, values in automation.items():
        if name == "time_s":
            continue
        _check_name(name, params, where, f"parameter of {processor.name}")
        if name in settings:
            raise ValueError(f"{where}: {name} stands in the settings as well")
        if len(_list(values, f"{where}.{name}", "values")) != len(times_s):
            raise ValueError(
                f"{where}.{name}: expected {len(times_s)} values, one for each time_s, "
                f"got {len(values)}"
            )
        for value in values:
            _at(where, params[name].check, value)


def _spread(processor: Processor, settings: dict[str, Any]) -> dict[str, Any]:
    """Repeat a single number of a parameter with bands for each band."""
    bands = {param.name: param.bands for param in processor.params if param.bands}
    return {
        key: [value] * bands[key] if key in bands and isinstance(value, (int, float)) else value
        for key, value in settings.items()
    }


def _at(where: str, check: Callable, *arguments: Any) -> None:
    try:
        check(*arguments)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error


def _check_object(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object, got {value!r}")


def _check_text(value: Any, where: str) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}: expected a text, got {value!r}")


def _text(value: Any, where: str) -> str:
    _check_text(value, where)
    return value


def _check_name(name: Any, known: Collection, where: str, kind: str) -> None:
    if name not in known:
        raise ValueError(f"{where}: no {kind} {name!r}{did_you_mean(name, known)}")


def _check_keys(node: dict, known: Sequence[str], where: str) -> None:
    for key in node.keys() - set(known):
        raise ValueError(f"{where}: unknown key {key!r}{did_you_mean(key, known)}")


def _list(value: Any, where: str, of: str = "") -> list:
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list{of and f' of {of}'}, got {value!r}")
    return value


def _flag(node: dict, where: str) -> bool:
    locked = node.get("locked", False)
    if not isinstance(locked, bool):
        raise ValueError(f"{where}.locked: expected true or false, got {locked!r}")
    return locked
