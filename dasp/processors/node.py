"""A stage as a node of a JSON document: processors by name, settings in physical units.

A node is one of

    {"processor": "compressor", "settings": {"threshold_db": -18}}
    {"chain": [node, ...]}
    {"parallel": [node, ...]}
    {"dry_wet": node, "settings": {"mix": 0.5}}

Settings that are left out have their defaults. A tensor that a processor takes, such as an impulse
response, stands as the name of a file, for the program that reads the document to load, or as
numbers. Where a document has more than settings, a node may also have

    "automation": {"time_s": [0, 12.5, 13], "gain_db": [-3, -3, 0]}
    "sidechain": "kick"
    "locked": true
    "bypass": true
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from torch import Tensor

from dasp._checks import check_range
from dasp._json_checks import as_list, at, check_keys, check_name, check_object, flag
from dasp.functional._processor import Processor
from dasp.processors.catalogue import CATALOGUE
from dasp.processors.chain import COMBINATIONS, combined, parts_of
from dasp.processors.stage import Stage

LEAST_STEP_S = 1e-3
"""Breakpoints are this far apart or more."""

MORE_KEYS = ("automation", "sidechain", "locked", "bypass")
"""Of a node, beside its processor and settings."""


def to_json(stage: Stage) -> dict[str, Any]:
    """Describe a stage as a node.

    Args:
        stage: A processor of the catalogue, or a combination of such, with its settings.

    Returns:
        Dictionaries, lists, texts and numbers, as JSON has them.

    Raises:
        ValueError: If the processor is not in the catalogue, has no parameter of a name in the
            settings, or is bypassed for some items of a batch alone.

    >>> from dasp.processors.catalogue import GAIN
    >>> to_json(Stage(GAIN, {"gain_db": -6.0}, locked=True))
    {'processor': 'gain', 'settings': {'gain_db': -6.0}, 'locked': True}
    """
    processor, settings = stage.processor, stage.settings
    if not isinstance(stage.on, bool):
        raise ValueError(f"{processor.name}: a document has no stage that is bypassed for some")
    processor.check_names(settings)
    more = {
        "automation": _plain(stage.automation),
        "sidechain": stage.sidechain,
        "locked": stage.locked,
        "bypass": not stage.on,
    }
    more = {key: value for key, value in more.items() if value}
    if not processor.parts:
        if CATALOGUE.get(processor.name) != processor:
            raise ValueError(f"{processor.name} is not in the catalogue and cannot be saved")
        return {"processor": processor.name, "settings": _plain(settings), **more}
    own, parts = parts_of(stage)
    nodes = [to_json(part) for part in parts]
    node: dict[str, Any] = {processor.name: nodes[0] if processor.name == "dry_wet" else nodes}
    return {**node, **({"settings": _plain(own)} if own else {}), **more}


def from_json(node: Any, where: str, *, more: Sequence[str] = (), numbers: bool = False) -> Stage:
    """Read a stage.

    Args:
        node: What JSON holds.
        where: Place of the node in its document, with which messages of errors begin.
        more: Those of `MORE_KEYS` that the document has; a part of a combination has none.
        numbers: Whether the tensors that a processor takes stand as numbers, and not as the names
            of files.

    Returns:
        The stage, with the settings that the node gives.

    Raises:
        ValueError: If `node` is no such node, or a setting is unknown or out of its range.

    >>> from_json({"processor": "gain", "settings": {"gain_db": -6}}, "chain").settings
    {'gain_db': -6}
    """
    check_object(node, where)
    kinds = ["processor", *COMBINATIONS]
    kind = next((key for key in kinds if key in node), None)
    if kind is None:
        raise ValueError(f"{where}: expected one of the keys {', '.join(kinds)}")
    check_keys(node, (kind, "settings", *more), where)
    settings = node.get("settings", {})
    check_object(settings, f"{where}.settings")
    if kind == "processor":
        stage = Stage(_by_name(node[kind], where), settings)
    else:
        stage = _combination(kind, node[kind], settings, where, numbers)
    _check(stage.processor, settings, where, numbers)
    automation, sidechain = node.get("automation", {}), node.get("sidechain", "")
    _check_automation(stage, automation, f"{where}.automation")
    if sidechain and "sidechain" not in stage.processor.inputs:
        raise ValueError(f"{where}.sidechain: {stage.processor.name} listens to no other track")
    locked, bypass = (flag(node, key, where) for key in ("locked", "bypass"))
    return Stage(stage.processor, stage.settings, automation, sidechain, locked, not bypass)


def spread_bands(processor: Processor, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Repeat a single number of a parameter with bands for each band.

    Args:
        processor: The processor that the settings are of.
        settings: Values by keyword.

    Returns:
        Values by keyword.

    >>> from dasp.processors.catalogue import MULTIBAND_COMPRESSOR
    >>> spread_bands(MULTIBAND_COMPRESSOR, {"ratio": 2.0})["ratio"]
    [2.0, 2.0, 2.0]
    """
    spread = {
        param.name: [settings[param.name]] * param.bands
        for param in processor.params
        if param.bands and isinstance(settings.get(param.name), int | float)
    }
    return {**settings, **spread}


def _by_name(name: Any, where: str) -> Processor:
    check_name(name, CATALOGUE, where, "processor")
    return CATALOGUE[name]


def _combination(
    kind: str, nodes: Any, settings: Mapping[str, Any], where: str, numbers: bool
) -> Stage:
    nodes = [nodes] if kind == "dry_wet" else nodes
    if not isinstance(nodes, list) or not nodes:
        raise ValueError(f"{where}: expected a list of processors in {kind!r}")
    parts = [from_json(part, f"{where}[{i}]", numbers=numbers) for i, part in enumerate(nodes)]
    return combined(kind, parts, settings)


def _check(processor: Processor, settings: Mapping[str, Any], where: str, numbers: bool) -> None:
    """Refuse settings out of their ranges, and tensors in a form that the document has not."""
    inputs = {key: value for key, value in settings.items() if key in processor.inputs}
    for key, value in inputs.items():
        if not numbers and not isinstance(value, str):
            raise ValueError(f"{where}: {key}: expected the name of a file, got {value!r}")
        if numbers and not isinstance(value, str) and not _are_numbers(value):
            raise ValueError(f"{where}: {key}: expected a list of numbers, or one for each side")
    for param in processor.params:
        if param.bands is None and isinstance(settings.get(param.name), list | dict):
            raise ValueError(
                f"{where}: {param.name}: expected a number, got {settings[param.name]!r}"
            )
    at(where, processor.check_settings, {k: v for k, v in settings.items() if k not in inputs})


def _are_numbers(value: Any) -> bool:
    rows = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    return all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows) and all(
        isinstance(number, int | float) for row in rows for number in row
    )


def _check_automation(stage: Stage, automation: Any, where: str) -> None:
    check_object(automation, where)
    if not automation:
        return
    times_s = as_list(automation.get("time_s"), f"{where}.time_s", "breakpoints")
    for time_s in times_s:
        at(where, partial(check_range, low=0.0), "time_s", time_s)
    if not times_s or any(later - time_s < LEAST_STEP_S for time_s, later in pairwise(times_s)):
        raise ValueError(f"{where}.time_s: expected seconds that rise, got {times_s}")
    params = {param.name: param for param in stage.processor.params}
    for name, values in automation.items():
        if name == "time_s":
            continue
        check_name(name, params, where, f"parameter of {stage.processor.name}")
        if name in stage.settings:
            raise ValueError(f"{where}: {name} stands in the settings as well")
        if len(as_list(values, f"{where}.{name}", "values")) != len(times_s):
            raise ValueError(
                f"{where}.{name}: expected {len(times_s)} values, one for each time_s, "
                f"got {len(values)}"
            )
        for value in values:
            at(where, params[name].check, value)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, Tensor) else v for k, v in values.items()}
