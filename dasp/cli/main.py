"""The command line: `dasp COMMAND …`. Results on stdout, errors on stderr.

It exits with 0 when all is well, 1 where the work failed (a bad file, say), 2 for wrong usage.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from dasp._version import __version__
from dasp.cli.parser import Parser
from dasp.cli.streams import print_any_name, print_to_nobody
from dasp.signal import compile_first

COMMANDS = {
    "mix": "mix a folder of stems",
    "prepare": "find what is wrong with stems, and put it right",
    "unmix": "find the settings behind a mix",
    "render": "mix from the settings in a mix.json, or write its stems",
    "process": "run files through effects",
    "batch": "run folders of files through effects, on all cores",
    "normalise": "bring files to a loudness",
    "fx-normalise": "bring stems to the average effects of their groups",
    "fit": "estimate the settings of a chain from two recordings",
    "match": "master a mix like a reference",
    "convert": "give a mix or a stem the style of a reference, by a network",
    "train": "train a model by one of the recipes",
    "eval": "how near mixes come to references",
    "listen": "a listening test as a page, and its answers",
    "list": "the processors",
    "show": "the parameters of a processor, or the settings of a mix",
    "info": "format, loudness and true peak of files",
    "plot": "a picture of a chain or a mix",
    "export": "a mix.json as a REAPER project, or as a page to play with",
    "synthesise": "make the stems of a song from a seed, and a known mix",
    "doctor": "whether everything works here",
}
"""Each command, a module of `dasp.cli`, with its line in `dasp --help`."""

ALIASES = {"normalise": ["normalize"], "fx-normalise": ["fx-normalize"]}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit status."""
    print_any_name()
    words = sys.argv[1:] if argv is None else argv
    args = _parser(words).parse_args(words)
    try:
        with compile_first():  # so that a command writes the same bytes whenever it runs
            status = _run(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        print_to_nobody()
        return 1
    except (ValueError, OSError) as error:
        if args.debug:
            raise
        print(f"dasp {args.command}: {_told(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _told(error: Exception) -> str:
    """An error for a person: of one that the system has raised, the file before the reason."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _run(args: argparse.Namespace) -> int:
    with args.reading(args.allow_truncated) if "reading" in args else nullcontext():
        return args.run(args)


def _parser(words: Sequence[str]) -> Parser:
    """The parser of a command line: of all commands the names, and of the one asked for the rest.

    No other is imported.
    """
    asked = next((word for word in words if not word.startswith("-")), None)
    parser = Parser(
        prog="dasp",
        description="Process, mix and measure audio files with the processors of dasp.",
        epilog="'dasp COMMAND --help' tells more of each command.",
    )
    parser.add_argument("--version", action="version", version=f"dasp-audio {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where in the code errors arise")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, line in COMMANDS.items():
        names = [name, *ALIASES.get(name, ())]
        command = subparsers.add_parser(name, aliases=names[1:], help=line)
        if asked in names:
            module = importlib.import_module(f"dasp.cli.{name.replace('-', '_')}")
            module.add_arguments(command)
            command.set_defaults(run=module.run, usage_error=command.error)
    return parser
