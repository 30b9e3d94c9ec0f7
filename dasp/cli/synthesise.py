"""`dasp synthesise`: the stems of a song that nobody has played."""

import argparse
from pathlib import Path

from dasp.cli.output import add_force_option, refuse_existing


def add_parser(subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "synthesise",
        help="make the stems of a song from a seed",
        description="Write eight stems of a made-up song, at random recording levels. The same "
        "seed gives the same samples.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the stems go")
    parser.add_argument("--seed", type=int, default=0, help="which song (default: 0)")
    parser.add_argument("--seconds", type=float, default=20.0, help="its length (default: 20)")
    parser.add_argument("--rate", type=int, default=44_100, metavar="HZ", help="default: 44100")
    add_force_option(parser)
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """Synthesise and write the stems."""
    from dasp.audio_io import save_audio
    from dasp.data.synthetic import INSTRUMENTS, synthesise_song

    refuse_existing(args, *(args.folder / f"{name}.wav" for name in INSTRUMENTS))
    song = synthesise_song(args.seed, seconds=args.seconds, sample_rate=args.rate)
    args.folder.mkdir(parents=True, exist_ok=True)
    for name, audio in song.items():
        path = args.folder / f"{name}.wav"
        save_audio(path, audio, args.rate, overwrite=args.force)
        print(path)
    return 0
