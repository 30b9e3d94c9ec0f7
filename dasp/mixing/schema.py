"""The JSON schema of mix documents, for editors and other programs.

`python -m dasp.mixing.schema > mix.schema.json` writes it, with the processors of all packages that
are installed.
"""

import math
from collections.abc import Sequence
from typing import Any

from dasp.mixing.document import FORMAT, VERSION
from dasp.mixing.json_layout import readable_json
from dasp.mixing.preparation import CORRECTIONS
from dasp.mixing.routing import send_param
from dasp.processors import Option, Param, Processor
from dasp.processors.catalogue import CATALOGUE, TIME_SHIFT
from dasp.processors.chain import COMBINATIONS

_TEXT = {"type": "string", "minLength": 1}
_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 1}
_STRIP = {"type": "array", "items": {"$ref": "#/$defs/node"}}
_FLAG = {"type": "boolean"}
_HEARD = {"mute": _FLAG, "solo": _FLAG}


def mix_schema() -> dict:
    """Return the JSON schema of mix documents, with the range of every setting of the catalogue.

    Returns:
        The schema, of dictionaries, lists, texts and numbers.
    """
    track = {
        "name": _TEXT,
        "file": _TEXT,
        "role": _TEXT,
        "strip": _STRIP,
        "group": _TEXT,
        "sends_db": {"type": "object", "additionalProperties": _number(send_param("bus"))},
        "locked": _FLAG,
        **_HEARD,
        "prepare": _preparation(),
    }
    channel = {"name": _TEXT, "strip": _STRIP, **_HEARD}
    channels = {"type": "array", "items": _object(channel, "name")}
    document = {
        "$schema": {"type": "string"},
        "format": {"const": FORMAT},
        "version": {"const": VERSION},
        "sample_rate": {"type": "integer", "minimum": 1},
        "tracks": {"type": "array", "minItems": 1, "items": _object(track, "name", "file")},
        "groups": channels,
        "buses": channels,
        "master": _STRIP,
    }
    nodes = [
        _processor_node(processor)
        for processor in (*CATALOGUE.values(), *CATALOGUE.others().values())
    ]
    nodes += [_combination_node(kind) for kind in COMBINATIONS]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A mix of dasp",
        **_object(document, "format", "version", "sample_rate", "tracks"),
        "$defs": {"node": {"anyOf": nodes}},
    }


def _preparation() -> dict:
    offset = {"type": "array", "items": {"type": "number", "minimum": -1, "maximum": 1}}
    return _object({
        "offset": offset,
        "mono": _FLAG,
        "inverted": _FLAG,
        "swapped": _FLAG,
        "delay_samples": _number(TIME_SHIFT.params[0]),
        "double_of": _TEXT,
        "because": _object(dict.fromkeys(CORRECTIONS, _TEXT)),
    })  # fmt: skip


def _processor_node(processor: Processor) -> dict:
    settings = {param.name: _values(param) for param in processor.params}
    settings |= {option.name: _option(option) for option in processor.options}
    if "taps" in processor.inputs:
        settings["taps"] = {"anyOf": [_NUMBERS, {"type": "array", "items": _NUMBERS}]}
    moving = {param.name: {"type": "array", "items": _values(param)} for param in processor.params}
    node = {
        "processor": {"const": processor.name},
        "settings": _object(settings),
        "automation": _object({"time_s": _NUMBERS, **moving}, "time_s"),
        "locked": _FLAG,
        "bypass": _FLAG,
    }
    if "sidechain" in processor.inputs:
        node["sidechain"] = _TEXT
    return _object(node, "processor")


def _combination_node(kind: str) -> dict:
    parts = {"$ref": "#/$defs/node"} if kind == "dry_wet" else _STRIP
    return _object(
        {
            kind: parts,
            "settings": {"type": "object"},
            "automation": {"type": "object"},
            "locked": _FLAG,
            "bypass": _FLAG,
        },
        kind,
    )


def _object(properties: dict[str, Any], *required: str) -> dict:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _values(param: Param) -> dict:
    """The schema of one number, or of one number for each band."""
    if param.bands is None:
        return _number(param)
    number = {"type": "number", "minimum": min(_each(param.low)), "maximum": max(_each(param.high))}
    bands = {"minItems": param.bands, "maxItems": param.bands}
    return {"anyOf": [number, {"type": "array", "items": number, **bands}]}


def _number(param: Param | Option) -> dict:
    limits = {"minimum": min(_each(param.low)), "maximum": max(_each(param.high))}
    return {"type": "number", **{k: v for k, v in limits.items() if math.isfinite(v)}}


def _each(end: float | Sequence[float]) -> Sequence[float]:
    """The end of the range of each band."""
    return end if isinstance(end, Sequence) else (end,)


def _option(option: Option) -> dict:
    if option.choices is not None:
        return {"enum": list(option.choices)}
    if option.default is None:
        return {"anyOf": [_number(option), {"type": "null"}]}
    return _number(option)


if __name__ == "__main__":
    print(readable_json(mix_schema()))
