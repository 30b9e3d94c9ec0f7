"""`dasp render`: the mix that a `mix.json` describes."""

import argparse
from pathlib import Path

from dasp.cli.mix import load_mix_tracks, mix_and_save, print_mix, print_notes, steps
from dasp.cli.output import add_output_options, refuse_existing


def add_parser(subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "render",
        help="mix from the settings in a mix.json",
        description="Mix the tracks that a mix.json names, with its settings. The same settings "
        "and files give the same samples.",
    )
    parser.add_argument("mix", type=Path, metavar="MIX.json", help="the settings of a mix")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT", help="the mix, e.g. mix.wav"
    )
    add_output_options(parser)
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """Load the tracks, mix them, write the audio."""
    import torch

    from dasp.data.folders import check_is_no_track
    from dasp.mixing.document import load_mix

    refuse_existing(args, args.output)
    mix = load_mix(args.mix, with_files=True)
    check_is_no_track(args.output, [track.file for track in mix.tracks])
    with steps("reading", "mixing") as step, torch.inference_mode():
        step()
        song = load_mix_tracks(mix)
        step()
        audio = mix_and_save(args, song.tracks, mix)
    print_notes(song.notes)
    print_mix(mix, audio)
    print(args.output)
    return 0
