"""A mix as a document: a strip of processors for each track, and one for their sum.

`mix.json` holds the same settings in physical units, under the names of the processors'
parameters, with the nodes of `dasp.processors.document`:

    {
      "format": "dasp-mix", "version": 1, "sample_rate": 44100,
      "tracks": [{"name": "kick", "file": "stems/kick.wav", "role": "kick", "strip": [node, ...]}],
      "master": [node, ...]
    }

Files are named relative to the document, so that a folder can move as a whole.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dasp._checks import did_you_mean
from dasp.processors.chain import required_inputs
from dasp.processors.document import from_node, to_node
from dasp.processors.processor import Processor

FORMAT, VERSION = "dasp-mix", 1


class Stage(NamedTuple):
    """A processor and the settings that it stands at."""

    processor: Processor
    settings: dict[str, Any]


@dataclass(frozen=True)
class Track:
    """One track of a mix: where its audio is, what it is, and what is done to it."""

    name: str
    file: str = ""
    role: str = "other"
    strip: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Mix:
    """All that turns tracks into a mix."""

    sample_rate: int
    tracks: tuple[Track, ...]
    master: tuple[Stage, ...] = ()


def setting(stages: Sequence[Stage], name: str, default: Any = None) -> Any:
    """The first setting of that name in a strip, such as its `pan`."""
    return next((s.settings[name] for s in stages if name in s.settings), default)


def save_mix(path: str | Path, mix: Mix) -> None:
    """Write `mix.json`, with the tracks' files relative to it."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "sample_rate": mix.sample_rate,
        "tracks": [
            {
                "name": track.name,
                "file": Path(os.path.relpath(track.file, Path(path).parent)).as_posix(),
                "role": track.role,
                "strip": [to_node(*stage) for stage in track.strip],
            }
            for track in mix.tracks
        ],
        "master": [to_node(*stage) for stage in mix.master],
    }
    Path(path).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def load_mix(path: str | Path) -> Mix:
    """Read `mix.json`; the tracks' files come back relative to the present folder."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON text ({error})") from error
    try:
        mix = _read_mix(document, Path(path).parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return mix


def is_mix(document: Any) -> bool:
    """Whether a JSON document says that it is a mix."""
    return isinstance(document, dict) and document.get("format") == FORMAT


def _read_mix(document: Any, folder: Path) -> Mix:
    if not is_mix(document):
        raise ValueError(f'expected a mix, an object with "format": "{FORMAT}"')
    if document.get("version") != VERSION:
        raise ValueError(f"expected version {VERSION}, got {document.get('version')!r}")
    _check_keys(document, ("format", "version", "sample_rate", "tracks", "master"), "the mix")
    sample_rate = document.get("sample_rate")
    if not isinstance(sample_rate, int) or sample_rate <= 0:
        raise ValueError(f"sample_rate: expected a positive whole number, got {sample_rate!r}")
    tracks = document.get("tracks")
    if not isinstance(tracks, list) or not tracks:
        raise ValueError("tracks: expected a list of at least one track")
    return Mix(
        sample_rate,
        tuple(_read_track(track, f"tracks[{i}]", folder) for i, track in enumerate(tracks)),
        _read_stages(document.get("master", []), "master"),
    )


def _read_track(track: Any, where: str, folder: Path) -> Track:
    if not isinstance(track, dict):
        raise ValueError(f"{where}: expected an object, got {track!r}")
    _check_keys(track, ("name", "file", "role", "strip"), where)
    for key in ("name", "file"):
        if not isinstance(track.get(key), str) or not track[key]:
            raise ValueError(f"{where}.{key}: expected a text, got {track.get(key)!r}")
    return Track(
        name=track["name"],
        file=str(folder / track["file"]),
        role=str(track.get("role", "other")),
        strip=_read_stages(track.get("strip", []), f"{where}.strip"),
    )


def _read_stages(nodes: Any, where: str) -> tuple[Stage, ...]:
    if not isinstance(nodes, list):
        raise ValueError(f"{where}: expected a list of processors, got {nodes!r}")
    stages = tuple(Stage(*from_node(node, f"{where}[{i}]")) for i, node in enumerate(nodes))
    for i, (processor, settings) in enumerate(stages):
        for key in [*required_inputs(processor), *(settings.keys() & set(processor.inputs))]:
            raise ValueError(f"{where}[{i}]: {key}: a mix cannot name files inside a strip")
    return stages


def _check_keys(node: dict, known: Sequence[str], where: str) -> None:
    for key in node.keys() - set(known):
        raise ValueError(f"{where}: unknown key {key!r}{did_you_mean(key, known)}")
