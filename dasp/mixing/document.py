"""A mix as a document: strips of processors for tracks, groups, buses and the master.

`mix.json` holds the settings in physical units, under the names of the processors' parameters,
with the nodes of `dasp.processors.node`:

    {
      "format": "dasp-mix", "version": 2, "sample_rate": 44100,
      "tracks": [{
        "name": "kick", "file": "stems/kick.wav", "role": "kick", "strip": [node, ...],
        "group": "drums", "sends_db": {"reverb": -18.0}, "locked": true, "mute": true,
        "prepare": {"inverted": true, "delay_samples": -12.25, "because": {"polarity": "..."}}
      }],
      "groups": [{"name": "drums", "strip": [node, ...], "solo": true}],
      "buses": [{"name": "reverb", "strip": [node, ...]}],
      "master": [node, ...]
    }

Tracks, groups and buses may have `"mute"` and `"solo"`; `"prepare"` is what is put right in a track
before its strip. A node may also have `"sidechain"`, the name of the track that it listens to;
`"locked": true`, which mixers leave as it is; `"bypass": true`; and `"automation"`, breakpoints
with straight lines between them:

    {"processor": "gain", "automation": {"time_s": [0, 12.5, 13], "gain_db": [-3, -3, 0]}}

Files are named relative to the document, so that a folder can move as a whole.
`python -m dasp.mixing.schema` prints the JSON schema. Version 1 had neither routing nor these
keys, and is read as well.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from dasp._checks import check_range
from dasp._json_checks import (
    as_list,
    as_text,
    at,
    check_keys,
    check_name,
    check_object,
    flag,
)
from dasp.file_names import as_found, named_from
from dasp.mixing.json_layout import readable_json
from dasp.mixing.preparation import CORRECTIONS, Preparation
from dasp.mixing.routing import send_param
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import TIME_SHIFT
from dasp.processors.chain import required_inputs
from dasp.processors.document import read_json
from dasp.processors.node import MORE_KEYS, from_json, spread_bands, to_json
from dasp.processors.stage import Stage

FORMAT, VERSION = "dasp-mix", 2

MOST_BYTES = 2**24
"""Of a document, in which filters may stand tap by tap."""


def _names(kind: type[Mix | Track | Channel | Preparation]) -> tuple[str, ...]:
    """The keys of a part of the document, which are the fields of the value."""
    return tuple(field.name for field in fields(kind))


TRACK_KEYS = {1: ("name", "file", "role", "strip"), 2: _names(Track)}
CHANNEL_KEYS, PREPARE_KEYS = _names(Channel), _names(Preparation)
MIX_KEYS = {
    1: ("format", "version", "sample_rate", "tracks", "master"),
    2: ("$schema", "format", "version", *(key for key in _names(Mix) if key != "notes")),
}


def save_mix(path: str | Path, mix: Mix) -> None:
    """Write a mix document.

    Args:
        path: The new file, most often `mix.json`, to whose folder the tracks' files are relative.
        mix: The mix.

    Raises:
        ValueError: If two tracks have one name, or a processor is not in the catalogue.

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

    Raises:
        ValueError: If two tracks have one name, or a processor is not in the catalogue.
    """
    _check_apart([track.name for track in mix.tracks])
    return {
        "format": FORMAT,
        "version": VERSION,
        "sample_rate": mix.sample_rate,
        "tracks": [_track_document(track, folder) for track in mix.tracks],
        **({"groups": [_channel_document(group) for group in mix.groups]} if mix.groups else {}),
        **({"buses": [_channel_document(bus) for bus in mix.buses]} if mix.buses else {}),
        "master": [to_json(stage) for stage in mix.master],
    }


def _track_document(track: Track, folder: Path) -> dict:
    prepare = track.prepare
    optional = {
        "group": track.group,
        "sends_db": dict(track.sends_db),
        "locked": track.locked,
        "mute": track.mute,
        "solo": track.solo,
        "prepare": _set({
            "offset": list(prepare.offset),
            "mono": prepare.mono,
            "inverted": prepare.inverted,
            "delay_samples": prepare.delay_samples,
            "because": dict(prepare.because),
            "swapped": prepare.swapped,
            "double_of": prepare.double_of,
        }),
    }  # fmt: skip
    return {
        "name": track.name,
        "file": named_from(track.file, folder),
        "role": track.role,
        "strip": [to_json(stage) for stage in track.strip],
        **_set(optional),
    }


def _channel_document(channel: Channel) -> dict:
    return {
        "name": channel.name,
        "strip": [to_json(stage) for stage in channel.strip],
        **_set({"mute": channel.mute, "solo": channel.solo}),
    }


def _set(optional: dict) -> dict:
    """Without what is empty, false or 0."""
    return {key: value for key, value in optional.items() if value}


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
    if version not in MIX_KEYS:
        raise ValueError(
            f"version: expected one of {', '.join(map(str, MIX_KEYS))}, got {version!r}"
        )
    check_keys(document, MIX_KEYS[version], "the mix")
    sample_rate = document.get("sample_rate")
    if not isinstance(sample_rate, int) or sample_rate <= 0:
        raise ValueError(f"sample_rate: expected a positive whole number, got {sample_rate!r}")
    tracks = as_list(document.get("tracks"), "tracks", "at least one track")
    if not tracks:
        raise ValueError("tracks: expected a list of at least one track")
    names = [track.get("name") for track in tracks if isinstance(track, dict)]
    _check_apart(names)
    read = _Reader(version, folder, names)
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


def _check_apart(names: Sequence[Any]) -> None:
    """Refuse two tracks of one name: a side chain would not tell which it listens to."""
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        if isinstance(name, str) and first.setdefault(name, i) != i:
            raise ValueError(
                f"tracks[{i}].name: {name!r} is the name of tracks[{first[name]}] as well"
            )


def _check_files(mix: Mix) -> None:
    for i, track in enumerate(mix.tracks):
        if not Path(track.file).is_file():
            raise ValueError(f"tracks[{i}].file: {track.file}: does not exist")


def _preparation(prepare: Any, where: str) -> Preparation:
    check_object(prepare, where)
    check_keys(prepare, PREPARE_KEYS, where)
    offset = as_list(prepare.get("offset", []), f"{where}.offset", "numbers")
    for value in offset:
        at(where, partial(check_range, low=-1.0, high=1.0), "offset", value)
    delay_samples = prepare.get("delay_samples", 0.0)
    at(where, TIME_SHIFT.check_settings, {"delay_samples": delay_samples})
    because = prepare.get("because", {})
    check_object(because, f"{where}.because")
    for correction, why in because.items():
        check_name(correction, CORRECTIONS, f"{where}.because", "correction")
        as_text(why, f"{where}.because.{correction}")
    mono, inverted, swapped = (flag(prepare, key, where) for key in ("mono", "inverted", "swapped"))
    double_of = prepare.get("double_of", "")
    if double_of:
        as_text(double_of, f"{where}.double_of")
    return Preparation(tuple(offset), mono, inverted, delay_samples, because, swapped, double_of)


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
        check_object(track, where)
        check_keys(track, TRACK_KEYS[self.version], where)
        for key in ("name", "file"):
            as_text(track.get(key), f"{where}.{key}")
        group = track.get("group", "")
        if group:
            check_name(group, groups, f"{where}.group", "group")
        sends_db = track.get("sends_db", {})
        check_object(sends_db, f"{where}.sends_db")
        for bus, send_db in sends_db.items():
            check_name(bus, buses, f"{where}.sends_db", "bus")
            at(f"{where}.sends_db", send_param(bus).check, send_db)
        return Track(
            name=track["name"],
            file=str(as_found(self.folder / track["file"])),
            role=as_text(track.get("role", "other"), f"{where}.role"),
            strip=self.stages(track.get("strip", []), f"{where}.strip"),
            group=group,
            sends_db=sends_db,
            locked=flag(track, "locked", where),
            mute=flag(track, "mute", where),
            solo=flag(track, "solo", where),
            prepare=_preparation(track.get("prepare", {}), f"{where}.prepare"),
        )

    def channels(self, channels: Any, where: str) -> tuple[Channel, ...]:
        read: dict[str, Channel] = {}
        for i, channel in enumerate(as_list(channels, where)):
            place = f"{where}[{i}]"
            check_object(channel, place)
            check_keys(channel, CHANNEL_KEYS, place)
            name = as_text(channel.get("name"), f"{place}.name")
            if name in read:
                raise ValueError(f"{place}.name: {name!r} is there twice")
            strip = self.stages(channel.get("strip", []), f"{place}.strip")
            mute, solo = (flag(channel, key, place) for key in ("mute", "solo"))
            read[name] = Channel(name, strip, mute, solo)
        return tuple(read.values())

    def stages(self, nodes: Any, where: str) -> tuple[Stage, ...]:
        nodes = as_list(nodes, where, "processors")
        return tuple(self.stage(node, f"{where}[{i}]") for i, node in enumerate(nodes))

    def stage(self, node: Any, where: str) -> Stage:
        more = MORE_KEYS if self.version > 1 else ()
        stage = from_json(node, where, more=more, numbers=True)
        processor, settings = stage.processor, stage.settings
        missing = [key for key in required_inputs(processor) if key not in settings]
        files = [key for key in processor.inputs if isinstance(settings.get(key), str)]
        for key in (*missing, *files):
            raise ValueError(f"{where}: {key}: a mix cannot name files inside a strip")
        if stage.sidechain:
            check_name(stage.sidechain, self.names, f"{where}.sidechain", "track")
        return stage._replace(settings=spread_bands(processor, settings))
