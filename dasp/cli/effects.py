"""Effects on the command line: `-e name:key=value,…` or a chain file, and the files they name."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dasp.batch.settings import spread_bands
from dasp.file_names import named_from
from dasp.processors import Processor
from dasp.processors.chain import chain, part_names, required_inputs
from dasp.processors.document import load_chain, save_chain, to_document
from dasp.processors.written import parse_effect

EFFECT_HELP = (
    "a processor with its settings, e.g. 'compressor:threshold_db=-18dB,ratio=4:1'; numbers may "
    "have units (1k, 2.5kHz, 10ms, 50%%); bands are '1/2/3', one of them is 'peak_gain_db[2]=3', "
    "all '[all]'; a tensor is the name of an audio file, in quotes if it "
    "has a comma; may be given several times, in series"
)

DEFAULTS = {"convolution_reverb": {"normalise": "energy"}}
"""What `-e` takes where the function's own default is for programs: files come at any level."""


def effect(text: str) -> tuple[Processor, dict[str, Any]]:
    """The type of an `-e` argument."""
    try:
        processor, settings = parse_effect(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; see 'dasp list' and 'dasp show'") from error
    _check_inputs(processor, settings)
    return processor, {**DEFAULTS.get(processor.name, {}), **settings}


def chain_file(text: str) -> tuple[Processor, dict[str, Any]]:
    """The type of a chain argument: files that a chain names lie relative to its folder."""
    try:
        processor, settings = load_chain(text)
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(f"{text}: does not exist") from error
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    _check_inputs(processor, settings)
    folder = Path(text).parent
    files = {key: str(folder / settings[key]) for key in processor.inputs if key in settings}
    return processor, {**spread_bands(processor, settings), **files}


def save_chain_file(path: Path, processor: Processor, settings: Mapping[str, Any]) -> None:
    """Write a chain that `chain_file` reads back: the files it names become relative to it."""
    folder = path.resolve().parent
    files = {key: named_from(settings[key], folder) for key in processor.inputs if key in settings}
    save_chain(path, processor, {**settings, **files})


def as_document(processor: Processor, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a processor, in which every file has its full name."""
    files = {key: os.path.abspath(settings[key]) for key in processor.inputs if key in settings}
    return to_document(processor, {**settings, **files})


def in_series(
    effects: list[tuple[Processor, dict[str, Any]]],
) -> tuple[Processor, dict[str, Any]]:
    """One processor, with its settings, of the effects of several `-e` arguments."""
    if len(effects) == 1:
        return effects[0]
    processors = [processor for processor, _ in effects]
    settings = {
        f"{prefix}.{key}": value
        for prefix, (_, own) in zip(part_names("chain", processors), effects, strict=True)
        for key, value in own.items()
    }
    return chain(*processors), settings


def _check_inputs(processor: Processor, settings: Mapping[str, Any]) -> None:
    for key in required_inputs(processor):
        if key not in settings:
            raise argparse.ArgumentTypeError(f"{processor.name} needs an audio file, {key}=FILE")
