"""The command line: `dasp COMMAND …`. Results on stdout, errors on stderr.

It exits with 0 when all is well, 1 where the work failed (a bad file, say), 2 for wrong usage.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from dasp.cli import (
    batch,
    doctor,
    eval,
    export,
    fit,
    info,
    list,
    mix,
    plot,
    process,
    render,
    show,
    synthesise,
    train,
    unmix,
)
from dasp.cli.parser import Parser

COMMANDS = (
    mix, unmix, render, process, batch, fit, train, eval, list, show, info, plot, export,
    synthesise, doctor,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit status."""
    args = _parser().parse_args(argv)
    try:
        return args.handler(args)
    except BrokenPipeError:
        # Whoever read what this prints has seen enough; nothing is left to write to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        if args.debug:
            raise
        print(f"dasp {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="dasp",
        description="Process, mix and measure audio files with the processors of dasp.",
        epilog="'dasp COMMAND --help' tells more of each command.",
    )
    parser.add_argument("--version", action="version", version=_version())
    parser.add_argument("--debug", action="store_true", help="show where in the code errors arise")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def _version() -> str:
    try:
        return f"dasp-audio {version('dasp-audio')}"
    except PackageNotFoundError:
        return "dasp-audio (not installed)"
