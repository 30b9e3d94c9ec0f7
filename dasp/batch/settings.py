"""Settings as people write them in files, made into what a processor takes."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.nn.functional as nnf
from torch import Tensor

from dasp._texts import decoded
from dasp.audio_io import load_audio
from dasp.functional._processor import is_sidechain
from dasp.processors import Processor
from dasp.processors.written import parse_settings
from dasp.signal.resample import resample
from dasp.signal.responses import resample_response

MOST_BYTES = 2**26
"""Of a table of settings: a million files with ten numbers each."""

Table = dict[str, dict[str, Any]]


def load_inputs(
    processor: Processor, settings: Mapping[str, Any], x: Tensor, sample_rate: float
) -> dict[str, Any]:
    """The settings with every named file loaded for `x`: at its rate, on its device.

    A side chain is a signal, and is cut, or completed with silence, to the length of `x`. All else
    is a response, whose taps depend on the rate in size too.
    """
    loaded = {}
    for key in processor.inputs:
        if key not in settings:
            continue
        file, file_rate = load_audio(settings[key], dtype=x.dtype)
        if is_sidechain(key):
            file = resample(file, file_rate, sample_rate)
            file = nnf.pad(file, (0, x.shape[-1] - file.shape[-1]))
        else:
            file = resample_response(file, file_rate, sample_rate)
        loaded[key] = file.to(x.device)
    return {**settings, **loaded}


def read_table(
    path: Path, processor: Processor, settings: Mapping[str, Any] | None = None
) -> Table:
    """Settings for each file of a CSV: a column `file`, and one for each parameter by its name.

    Files stand as their names relative to the input folder, with `/`. An empty cell leaves the
    setting as it is. In a chain, parameters are `part.parameter`. A column may be one band,
    `peak_gain_db[2]`; the others stand as in `settings`, those of all files.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: a table has at most {MOST_BYTES} bytes, this has more")
    table: Table = {}
    # Names that are no UTF-8 stand in it as they stand on the disk.
    text = decoded(path.read_bytes(), "surrogateescape")
    with io.StringIO(text, newline="") as file:
        reader = csv.DictReader(file, restkey="", strict=True)
        try:
            if "file" not in (reader.fieldnames or ()):
                raise ValueError("expected a first line with a column 'file'")
            for row in reader:
                name, own = _row(row, processor, path.parent, settings)
                if name in table:
                    raise ValueError(f"{name!r} is there twice")
                table[name] = own
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path}: line {reader.line_num}: {error}") from error
    return table


def _row(
    row: Mapping[str, Any], processor: Processor, folder: Path, before: Mapping[str, Any] | None
) -> tuple[str, dict[str, Any]]:
    if "" in row or None in row.values():
        raise ValueError("expected as many cells as the first line has")
    cells = {key.strip(): value.strip() for key, value in row.items()}
    name = cells.pop("file")
    pairs = [(key, value) for key, value in cells.items() if value]
    settings = parse_settings(processor, pairs, before)
    files = {key: str(folder / settings[key]) for key in settings if key in processor.inputs}
    settings = {key: value for key, value in settings.items() if key not in files}
    processor.check_settings(settings)
    return name, {**settings, **files}
