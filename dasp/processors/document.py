"""Chains as JSON: processors by name, settings in physical units.

A node of the document is one of

    {"processor": "compressor", "settings": {"threshold_db": -18}}
    {"chain": [node, ...]}
    {"parallel": [node, ...]}
    {"dry_wet": node, "settings": {"mix": 0.5}}

and the file is a `chain` node with `"format"` and `"version"`. Settings that are left out have
their defaults. A tensor that a processor takes, such as an impulse response, stands as the name
of a file, for the program that reads the chain to load.

A document is data: it names processors of the catalogue and nothing else, and is refused where it
is larger or deeper than any that a person has a use for.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from dasp._suggestion import did_you_mean
from dasp._texts import decoded
from dasp.file_names import as_found
from dasp.processors.catalogue import CATALOGUE
from dasp.processors.chain import chain, dry_wet, parallel, part_names
from dasp.processors.param import check_by_names
from dasp.processors.processor import Processor, check_processor

FORMAT, VERSION = "dasp-chain", 1

MOST_BYTES = 2**20
MOST_LEVELS = 64
"""Lists and objects within each other; one processor inside another is two levels."""

COMBINATIONS: dict[str, Callable[..., Processor]] = {
    "chain": chain,
    "parallel": parallel,
    "dry_wet": dry_wet,
}


def save_chain(path: str | Path, processor: Processor, settings: Mapping[str, Any]) -> None:
    """Write a processor of the catalogue, or a combination of such, with its settings as JSON.

    Args:
        path: The file to write; one that is there is replaced.
        processor: A processor of the catalogue, or made of those by `chain`, `parallel`, `dry_wet`.
        settings: Values by keyword, in physical units; the others keep their defaults. An input,
            such as an impulse response, is the name of a file.

    Raises:
        ValueError: If `processor` is not in the catalogue, or has no parameter of a name in
            `settings`.

    >>> import tempfile
    >>> from dasp.processors.catalogue import GAIN
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_chain(f"{folder}/chain.json", chain(GAIN), {"gain.gain_db": -6.0})
    ...     processor, settings = load_chain(f"{folder}/chain.json")
    >>> processor.name, settings
    ('chain', {'gain.gain_db': -6.0})
    """
    Path(path).write_text(
        json.dumps(to_document(processor, settings), indent=2) + "\n", encoding="utf-8"
    )


def load_chain(path: str | Path) -> tuple[Processor, dict[str, Any]]:
    """Read a processor and its settings from JSON.

    Args:
        path: A file as `save_chain` writes it, of at most 1 MiB.

    Returns:
        The processor, and the settings that the file gives: `processor(x, sample_rate, **settings)`
        runs it. A file that an input names is not read.

    Raises:
        ValueError: If the file is no such document, or a setting is unknown or out of its range;
            the message says where in the file.
        FileNotFoundError: If there is no file at `path`.

    >>> import tempfile
    >>> from dasp.processors.catalogue import LOW_PASS
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_chain(f"{folder}/chain.json", LOW_PASS, {"freq_hz": 500.0})
    ...     processor, settings = load_chain(f"{folder}/chain.json")
    >>> settings
    {'low_pass.freq_hz': 500.0}
    """
    document = read_json(path)
    try:
        return from_document(document)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_json(path: str | Path, *, most_bytes: int = MOST_BYTES) -> Any:
    """The JSON text of a file, of at most `most_bytes` and `MOST_LEVELS`, without NaN."""
    with open(as_found(path), "rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"{path}: a document has at most {most_bytes} bytes, this has more")
    try:
        document = json.loads(decoded(content), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a JSON text ({error})") from error
    if _levels(document) > MOST_LEVELS:
        raise ValueError(f"{path}: a document has at most {MOST_LEVELS} levels, this has more")
    return document


def to_document(processor: Processor, settings: Mapping[str, Any]) -> dict:
    """Describe a processor and its settings as a document, as `save_chain` writes it.

    Args:
        processor: A processor of the catalogue, or a combination of such.
        settings: Values by keyword, in physical units; the others keep their defaults.

    Returns:
        Dictionaries, lists, texts and numbers, as JSON has them.

    Raises:
        ValueError: If `processor` is not in the catalogue, or has no parameter of a name in
            `settings`.
    """
    node = to_node(processor, settings)
    return {
        "format": FORMAT,
        "version": VERSION,
        **(node if "chain" in node else {"chain": [node]}),
    }


def from_document(document: Any) -> tuple[Processor, dict[str, Any]]:
    """Build the processor and the settings that a document describes.

    Args:
        document: As `to_document` returns it.

    Returns:
        The processor, and the settings that the document gives.

    Raises:
        ValueError: If `document` is no such document, or a setting is unknown or out of its range;
            the message says where.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f'expected a chain, an object with "format": "{FORMAT}"')
    if document.get("version") != VERSION:
        raise ValueError(f"expected version {VERSION}, got {document.get('version')!r}")
    node = {key: value for key, value in document.items() if key not in ("format", "version")}
    return from_node(node, "chain")


def to_node(processor: Processor, settings: Mapping[str, Any]) -> dict:
    """The node of a processor with its settings."""
    check_processor("processor", processor)
    check_by_names("settings", settings)
    settings = dict(settings)
    known = [*processor.defaults(), *processor.inputs]
    for name in settings:
        if name not in known:
            raise ValueError(
                f"{processor.name} has no parameter {name!r}{did_you_mean(name, known)}"
            )
    if not processor.parts:
        if CATALOGUE.get(processor.name) != processor:
            raise ValueError(f"{processor.name} is not in the catalogue and cannot be saved")
        return {"processor": processor.name, "settings": _plain(settings)}
    children = []
    for prefix, part in zip(
        part_names(processor.name, processor.parts), processor.parts, strict=True
    ):
        own = {k: settings.pop(k) for k in list(settings) if k.startswith(f"{prefix}.")}
        children.append(to_node(part, {k.split(".", 1)[1]: v for k, v in own.items()}))
    node = {processor.name: children[0] if processor.name == "dry_wet" else children}
    return {**node, "settings": _plain(settings)} if settings else node


def from_node(node: Any, where: str) -> tuple[Processor, dict[str, Any]]:
    """The processor and the settings of a node; errors begin with `where` it stands."""
    if not isinstance(node, dict):
        raise ValueError(f"{where}: expected an object, got {node!r}")
    kinds = ["processor", *COMBINATIONS]
    kind = next((key for key in kinds if key in node), None)
    if kind is None:
        raise ValueError(f"{where}: expected one of the keys {', '.join(kinds)}")
    for key in node.keys() - {kind, "settings"}:
        raise ValueError(f"{where}: unknown key {key!r}{did_you_mean(key, [kind, 'settings'])}")
    settings = node.get("settings", {})
    if not isinstance(settings, dict):
        raise ValueError(f"{where}.settings: expected an object, got {settings!r}")
    if kind == "processor":
        processor, inherited = _named(node[kind], where), {}
    else:
        processor, inherited = _combined(kind, node[kind], where)
    _check(processor, settings, where)
    return processor, {**inherited, **settings}


def _named(name: Any, where: str) -> Processor:
    if not isinstance(name, str) or name not in CATALOGUE:
        raise ValueError(f"{where}: no processor {name!r}{did_you_mean(name, CATALOGUE)}")
    return CATALOGUE[name]


def _combined(kind: str, children: Any, where: str) -> tuple[Processor, dict[str, Any]]:
    children = [children] if kind == "dry_wet" else children
    if not isinstance(children, list) or not children:
        raise ValueError(f"{where}: expected a list of processors in {kind!r}")
    pairs = [from_node(child, f"{where}[{i}]") for i, child in enumerate(children)]
    processors = [processor for processor, _ in pairs]
    settings = {
        f"{prefix}.{key}": value
        for prefix, (_, own) in zip(part_names(kind, processors), pairs, strict=True)
        for key, value in own.items()
    }
    return COMBINATIONS[kind](*processors), settings


def _check(processor: Processor, settings: Mapping[str, Any], where: str) -> None:
    files = {key: value for key, value in settings.items() if key in processor.inputs}
    for key, value in files.items():
        if not isinstance(value, str):
            raise ValueError(f"{where}: {key}: expected the name of a file, got {value!r}")
    for param in processor.params:
        if param.bands is None and isinstance(settings.get(param.name), list | dict):
            raise ValueError(
                f"{where}: {param.name}: expected a number, got {settings[param.name]!r}"
            )
    try:
        processor.check_settings({k: v for k, v in settings.items() if k not in files})
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, Tensor) else v for k, v in settings.items()}


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _levels(document: Any) -> int:
    depth, level = 0, [document]
    while level:
        depth += 1
        outer = [value for value in level if isinstance(value, dict | list)]
        level = [
            v for value in outer for v in (value.values() if isinstance(value, dict) else value)
        ]
    return depth
