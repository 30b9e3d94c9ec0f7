"""The command line: `dasp COMMAND …`. Results on stdout, errors on stderr.

It exits with 0 when all is well, 1 where the work failed (a bad file, say), 2 for wrong usage.
"""

import argparse
import codecs
import sys
from collections.abc import Sequence

from dasp._version import __version__
from dasp.cli import (
    batch,
    doctor,
    eval,
    export,
    fit,
    info,
    list,
    mix,
    normalise,
    plot,
    process,
    render,
    show,
    synthesise,
    train,
    unmix,
)
from dasp.cli.output import print_to_nobody
from dasp.cli.parser import Parser
from dasp.cli.reading import reading
from dasp.signal import compile_first

COMMANDS = (
    mix, unmix, render, process, batch, normalise, fit, train, eval, list, show, info, plot, export,
    synthesise, doctor,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit status."""
    _print_any_name()
    args = _parser().parse_args(argv)
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
        print(f"dasp {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(args: argparse.Namespace) -> int:
    if "allow_truncated" not in args:
        return args.handler(args)
    with reading(args.allow_truncated):
        return args.handler(args)


def _print_any_name() -> None:
    """Let no name end a run that the encoding of the output does not have.

    Bytes that are no text go out as they are, for the next program; other signs are written out.
    """
    codecs.register_error("dasp-names", _as_bytes)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="dasp-names")
    if hasattr(sys.stderr, "reconfigure"):
        sys.stderr.reconfigure(errors="backslashreplace")


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return b"".join(
        bytes([ord(sign) - 0xDC00]) if 0xDC80 <= ord(sign) <= 0xDCFF
        else sign.encode("ascii", "backslashreplace")
        for sign in signs
    ), error.end  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="dasp",
        description="Process, mix and measure audio files with the processors of dasp.",
        epilog="'dasp COMMAND --help' tells more of each command.",
    )
    parser.add_argument("--version", action="version", version=f"dasp-audio {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where in the code errors arise")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser
