"""`dasp export`: a mix for a studio, as a project of another program."""

import argparse
from pathlib import Path

from dasp.audio_io import audio_info, save_audio
from dasp.cli.output import add_force_option, refuse_existing, with_room
from dasp.cli.printing import print_notes
from dasp.mixing.document import load_mix
from dasp.mixing.reaper import reaper_project
from dasp.mixing.reaper_reverb import impulse_responses


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Write the mix of a mix.json as a project of REAPER: tracks, items, volumes, "
        "pans, groups and sends, with its stock plug-ins for EQ, compressor, limiter and reverb; "
        "impulse responses of reverbs come beside it. What does not carry over is printed, and "
        "stands in the notes of the project."
    )
    parser.add_argument("mix", type=Path, metavar="MIX.json", help="the settings of a mix")
    parser.add_argument("--to", required=True, choices=("reaper",), help="the program")
    parser.add_argument(
        "-o", "--output", required=True, type=_project, metavar="RPP", help="the new project"
    )
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    """Write the project, and say what is not in it."""
    mix = load_mix(args.mix, with_files=True)
    responses = {
        args.output.with_name(f"{args.output.stem} - {name.replace('/', '-')} response.wav"): x
        for name, x in impulse_responses(mix).items()
    }
    refuse_existing(args, args.output, *responses)
    infos = [audio_info(track.file) for track in mix.tracks]
    text, notes = reaper_project(
        mix,
        [info.duration_s for info in infos],
        [info.channels == 1 for info in infos],
        args.output.parent,
        [info.subtype if info.subtype == "OPUS" else info.format for info in infos],
    )
    # The bytes of a name that is no UTF-8 are those that the other program looks for.
    with_room(args.output).write_text(text, encoding="utf-8", errors="surrogateescape")
    for path, response in responses.items():
        save_audio(path, response.float(), mix.sample_rate, subtype="FLOAT", overwrite=args.force)
    print_notes(notes)
    print(args.output, *responses, sep="\n")
    return 0


def _project(text: str) -> Path:
    """The type of an argument that names a project: REAPER opens what ends in .rpp."""
    if Path(text).suffix.lower() != ".rpp":
        raise argparse.ArgumentTypeError(f"expected a name that ends in .rpp, got {text!r}")
    return Path(text)
