"""`dasp show`: the parameters of a processor, or the settings of a mix."""

import argparse
import json
import math
from collections.abc import Sequence

from dasp._suggestion import did_you_mean
from dasp.cli.effects import DEFAULTS
from dasp.cli.list import describe
from dasp.cli.mix import print_settings
from dasp.cli.printing import print_table
from dasp.mixing.document import load_mix
from dasp.mixing.settings import Mix
from dasp.processors.catalogue import CATALOGUE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "The parameters, options and inputs of a processor, with units and ranges. Or the settings "
        "of a mix.json: what each strip does, what is muted, soloed, bypassed or put right before "
        "its strip, and why."
    )
    parser.add_argument(
        "subject", type=_subject, metavar="PROCESSOR|MIX.json",
        help="the name of a processor ('dasp list' has them), or the settings of a mix",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print one processor, or one mix."""
    if isinstance(args.subject, Mix):
        return _show_mix(args)
    processor = args.subject
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


def _show_mix(args: argparse.Namespace) -> int:
    mix = args.subject
    if args.json:
        args.usage_error("--json goes with a processor: a mix.json is JSON already")
    print_settings(mix)
    reasons = [
        (track.name, correction, why)
        for track in mix.tracks
        for correction, why in track.prepare.because.items()
    ]
    if reasons:
        print()
        print_table(("track", "prepared", "because"), reasons)
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


def _subject(name: str):
    """A processor by its name, or a mix by its file."""
    if not name.lower().endswith(".json"):
        return _processor(name)
    try:
        return load_mix(name)
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _processor(name: str):
    if name not in CATALOGUE:
        raise argparse.ArgumentTypeError(
            f"no processor {name!r}{did_you_mean(name, CATALOGUE)} ('dasp list' has them all)"
        )
    try:
        return CATALOGUE[name]
    except ValueError as error:  # another package's, which fails
        raise argparse.ArgumentTypeError(str(error)) from error
