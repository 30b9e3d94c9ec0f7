"""`dasp show`: the parameters of a processor."""

import argparse
import json
import math
from collections.abc import Sequence

from dasp._suggestion import did_you_mean
from dasp.cli.effects import DEFAULTS
from dasp.cli.list import describe
from dasp.cli.printing import print_table
from dasp.processors.catalogue import CATALOGUE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = "The parameters, options and inputs of a processor, with units and ranges."
    parser.add_argument("processor", type=_processor, help="its name; 'dasp list' has them")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print one processor."""
    processor = args.processor
    if args.json:
        print(json.dumps(_document(processor), indent=2))
        return 0
    print(f"{processor.name}: {describe(processor)}")
    if processor.params:
        print()
        print_table(("parameter", "unit", "from", "to", "scale", "default"), _rows(processor))
    if processor.options:
        own = DEFAULTS.get(processor.name, {})
        rows = [
            (
                option.name,
                _choices(option),
                _text(option.default)
                + (f" (-e: {_text(own[option.name])})" if option.name in own else ""),
            )
            for option in processor.options
        ]
        print()
        print_table(("option", "choices", "default"), rows)
    if processor.inputs:
        print(f"\naudio files: {', '.join(processor.inputs)}")
    if processor.neutral is not None:
        settings = ", ".join(f"{k}={_text(v)}" for k, v in processor.neutral.items())
        print(f"\nchanges nothing with: {settings or 'its defaults'}")
    return 0


def _rows(processor) -> list[tuple[str, ...]]:
    return [
        (
            param.name + (f" (x{param.bands})" if param.bands else ""),
            param.unit,
            _text(param.low),
            _text(param.high),
            param.scale,
            _text(param.default),
        )
        for param in processor.params
    ]


def _choices(option) -> str:
    """What an option may be."""
    if option.choices is not None:
        return " ".join(map(_text, option.choices))
    return f"{_text(option.low)} to {_text(option.high)}"


def _finite(limit: float) -> float | None:
    """A limit as JSON can hold it."""
    return limit if math.isfinite(limit) else None


def _text(value: object) -> str:
    """A value as `-e` takes it; bands that are all the same as one number."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        same = len(set(value)) == 1
        return _text(value[0]) if same else "/".join(map(_text, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _document(processor) -> dict:
    return {
        "name": processor.name,
        "description": describe(processor),
        "parameters": [
            {
                "name": param.name,
                "unit": param.unit,
                "low": param.low,
                "high": param.high,
                "default": param.default,
                "scale": param.scale,
                "bands": param.bands,
                "automatable": param.automatable,
                "differentiable": param.differentiable,
            }
            for param in processor.params
        ],
        "options": [
            {
                "name": option.name,
                "choices": option.choices,
                "low": _finite(option.low),
                "high": _finite(option.high),
                "default": option.default,
            }
            for option in processor.options
        ],
        "inputs": processor.inputs,
        "neutral": processor.neutral,
    }


def _processor(name: str):
    if name not in CATALOGUE:
        raise argparse.ArgumentTypeError(
            f"no processor {name!r}{did_you_mean(name, CATALOGUE)} ('dasp list' has them all)"
        )
    try:
        return CATALOGUE[name]
    except ValueError as error:  # another package's, which fails
        raise argparse.ArgumentTypeError(str(error)) from error
