"""`dasp export`: a mix for a studio, as a project of another program."""

import argparse
import sys
from pathlib import Path

from dasp.cli.output import add_force_option, refuse_existing


def add_parser(subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "export",
        help="a mix.json as a REAPER project",
        description="Write the mix of a mix.json as a project of REAPER: tracks, items, volumes, "
        "pans, groups and sends, with its stock plug-ins for EQ, compressor and limiter. What "
        "does not carry over is printed, and stands in the notes of the project.",
    )
    parser.add_argument("mix", type=Path, metavar="MIX.json", help="the settings of a mix")
    parser.add_argument("--to", required=True, choices=("reaper",), help="the program")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="RPP", help="the new project"
    )
    add_force_option(parser)
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """Write the project, and say what is not in it."""
    from dasp.audio_io import audio_info
    from dasp.mixing.document import load_mix
    from dasp.mixing.reaper import reaper_project

    refuse_existing(args, args.output)
    mix = load_mix(args.mix, with_files=True)
    infos = [audio_info(track.file) for track in mix.tracks]
    text, notes = reaper_project(
        mix,
        [info.duration_s for info in infos],
        [info.channels == 1 for info in infos],
        args.output.parent,
    )
    args.output.parent.mkdir(parents=True, exist_ok=True)
    # The bytes of a name that is no UTF-8 are those that the other program looks for.
    args.output.write_text(text, encoding="utf-8", errors="surrogateescape")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    print(args.output)
    return 0
