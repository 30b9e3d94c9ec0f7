"""`dasp list`: the processors, or the data sets."""

import argparse
import inspect
import json

from dasp.processors.catalogue import CATALOGUE
from dasp.songs.table import DATASETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = "Every processor, with one line of what it does; or every data set."
    parser.add_argument(
        "--data", action="store_true",
        help="the data sets, which 'dasp train' and 'dasp eval' take as --data NAME:FOLDER",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the catalogue, or the table of data sets."""
    if args.data:
        descriptions = {name: entry.what for name, entry in DATASETS.items()}
    else:
        processors = {**CATALOGUE, **CATALOGUE.others()}
        descriptions = {name: describe(processor) for name, processor in processors.items()}
    if args.json:
        print(json.dumps(descriptions, indent=2))
        return 0
    width = max(map(len, descriptions))
    for name, description in descriptions.items():
        print(f"{name:{width}}  {description}")
    return 0


def describe(processor) -> str:
    """The first sentence of what a processor's function says of itself."""
    paragraph = (inspect.getdoc(processor.function) or "").split("\n\n")[0]
    sentence = " ".join(paragraph.split()).split(". ")[0]
    return sentence.replace("`", "").rstrip(".:") + "."
