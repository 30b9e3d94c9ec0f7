"""Effects on the command line: `-e name:key=value,…` or a chain file, and the files they name."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dasp.file_names import named_from
from dasp.processors.chain import combined, required_inputs
from dasp.processors.document import load_chain, save_chain, to_document
from dasp.processors.node import spread_bands
from dasp.processors.stage import Stage
from dasp.processors.written import parse_effect

EFFECT_HELP = (
    "a processor with its settings, e.g. 'compressor:threshold_db=-18dB,ratio=4:1'; numbers may "
    "have units (1k, 2.5kHz, 10ms, 50%%); bands are '1/2/3', one of them is 'peak_gain_db[2]=3', "
    "all '[all]'; a tensor is the name of an audio file, in quotes if it "
    "has a comma; may be given several times, in series"
)

DEFAULTS = {"convolution_reverb": {"normalise": "energy"}}
"""What `-e` takes where the function's own default is for programs: files come at any level."""


def effect(text: str) -> Stage:
    """The type of an `-e` argument."""
    try:
        stage = parse_effect(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; see 'dasp list' and 'dasp show'") from error
    _check_inputs(stage)
    return stage._replace(settings={**DEFAULTS.get(stage.processor.name, {}), **stage.settings})


def chain_file(text: str) -> Stage:
    """The type of a chain argument: files that a chain names lie relative to its folder."""
    try:
        stage = Stage(*load_chain(text))
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(f"{text}: does not exist") from error
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    _check_inputs(stage)
    settings = spread_bands(stage.processor, stage.settings)
    return stage._replace(settings=settings | _files(stage, Path(text).parent.joinpath))


def save_chain_file(path: Path, chain: Stage) -> None:
    """Write a chain that `chain_file` reads back: the files it names become relative to it."""
    folder = path.resolve().parent
    files = _files(chain, lambda file: named_from(file, folder))
    save_chain(path, chain.processor, {**chain.settings, **files})


def as_document(chain: Stage) -> dict[str, Any]:
    """The document of a chain, in which every file has its full name."""
    return to_document(chain.processor, {**chain.settings, **_files(chain, os.path.abspath)})


def in_series(effects: list[Stage]) -> Stage:
    """One stage of the effects of several `-e` arguments."""
    return effects[0] if len(effects) == 1 else combined("chain", effects)


def _files(stage: Stage, place: Callable[[str], str | Path]) -> dict[str, str]:
    """The files that a stage names, at another place."""
    return {
        key: str(place(stage.settings[key]))
        for key in stage.processor.inputs
        if key in stage.settings
    }


def _check_inputs(stage: Stage) -> None:
    for key in required_inputs(stage.processor):
        if key not in stage.settings:
            raise argparse.ArgumentTypeError(
                f"{stage.processor.name} needs an audio file, {key}=FILE"
            )
