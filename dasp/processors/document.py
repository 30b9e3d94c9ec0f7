"""Chains as JSON: a node of `dasp.processors.node`, a `chain`, with `"format"` and `"version"`.

A tensor that a processor takes, such as an impulse response, stands as the name of a file, for the
program that reads the chain to load.

A document is data: it names processors of the catalogue and nothing else, and is refused where it
is larger or deeper than any that a person has a use for.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dasp._texts import decoded
from dasp.file_names import as_found
from dasp.functional._processor import Processor, check_processor
from dasp.processors.node import from_json, to_json
from dasp.processors.stage import Stage

FORMAT, VERSION = "dasp-chain", 1

MOST_BYTES = 2**20
MOST_LEVELS = 64
"""Lists and objects within each other; one processor inside another is two levels."""


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
    >>> from dasp.processors.chain import chain
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
    check_processor("processor", processor)
    node = to_json(Stage(processor, settings))
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
    stage = from_json(node, "chain")
    return stage.processor, dict(stage.settings)


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
