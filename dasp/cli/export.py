"""`dasp export`: a mix for a studio, as a project of another program, or for a browser."""

import argparse
from pathlib import Path

from dasp.audio_io import audio_info, save_audio
from dasp.cli.output import add_force_option, refuse_existing, with_room
from dasp.cli.printing import print_notes
from dasp.desk import song_of
from dasp.mixing.document import load_mix
from dasp.mixing.reaper import reaper_project
from dasp.mixing.reaper_reverb import impulse_responses
from dasp.pages import build_mix_page
from dasp.songs.opening import open_song


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Write the mix of a mix.json for elsewhere. --to reaper: a project of REAPER, with "
        "tracks, items, volumes, pans, groups and sends, and its stock plug-ins for EQ, "
        "compressor, limiter and reverb; impulse responses of reverbs come beside it; what does "
        "not carry over is printed, and stands in its notes. --to web: a page with the rendered "
        "stems behind faders, pans, mutes and solos, which opens in any browser; several mixes can "
        "be compared there, at equal loudness."
    )
    parser.add_argument(
        "mix", type=Path, nargs="+", metavar="MIX.json", help="the settings of a mix"
    )
    parser.add_argument("--to", required=True, choices=("reaper", "web"), help="where to")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT",
        help="the new project, that ends in .rpp, or the new folder of the page",
    )  # fmt: skip
    parser.add_argument("--title", default="Mix", help="of the page")
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    """Write the project or the page, and say what is not in it."""
    return _web(args) if args.to == "web" else _reaper(args)


def _web(args: argparse.Namespace) -> int:
    names = [path.stem for path in args.mix]
    if len(set(names)) < len(names):
        raise ValueError(f"MIX.json: expected files of different names, got {', '.join(names)}")
    mixes = {}
    for name, path in zip(names, args.mix, strict=True):
        mix = load_mix(path, with_files=True)
        mixes[name] = (mix, song_of(mix, open_song(mix)))
    print(build_mix_page(mixes, args.output, title=args.title, beside=args.mix[0].parent))
    return 0


def _reaper(args: argparse.Namespace) -> int:
    if len(args.mix) > 1:
        args.usage_error("a project has one mix")
    # REAPER opens what ends in .rpp.
    if args.output.suffix.lower() != ".rpp":
        args.usage_error(f"-o: expected a name that ends in .rpp, got {str(args.output)!r}")
    mix = load_mix(args.mix[0], with_files=True)
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
