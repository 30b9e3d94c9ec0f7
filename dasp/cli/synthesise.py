"""`dasp synthesise`: the stems of songs that nobody has played, and known mixes of them."""

import argparse
from dataclasses import replace
from pathlib import Path

from dasp.audio_io import save_audio
from dasp.cli.numbers import count, longer_than_nothing, sample_rate, seed
from dasp.cli.output import add_force_option, refuse_existing
from dasp.cli.printing import tell
from dasp.mixing.document import save_mix
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.synthetic import BAND, synthetic_song


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Write the stems of a made-up song, at random recording levels. The same "
        "seed gives the same samples. With --mix they go to FOLDER/stems, and beside that come "
        "mix.wav, as a made-up engineer would have it, and mix.json with its settings: a song "
        "to learn from."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the stems go")
    parser.add_argument("--seed", type=seed, default=0, help="which song (default: 0)")
    parser.add_argument(
        "--songs", type=count, metavar="N",
        help="make as many, from that seed on, each in a folder FOLDER/SEED",
    )  # fmt: skip
    parser.add_argument("--mix", action="store_true", help="also write the engineer's mix")
    parser.add_argument(
        "--band", choices=("eight", "drawn"), default="eight",
        help="who plays: always the same eight, or whoever the seed says (default: eight)",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=longer_than_nothing, default=20.0, help="its length (default: 20)"
    )
    parser.add_argument(
        "--rate", type=sample_rate, default=44_100, metavar="HZ", help="default: 44100"
    )
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    """Synthesise and write one song after the other."""
    if args.songs is None:
        _write_song(args, args.folder, args.seed)
        return 0
    for number in range(args.seed, args.seed + args.songs):
        _write_song(args, args.folder / str(number), number)
    return 0


def _write_song(args: argparse.Namespace, folder: Path, seed: int) -> None:
    ensemble = BAND if args.band == "eight" else None
    song = synthetic_song(seed, seconds=args.seconds, sample_rate=args.rate, ensemble=ensemble)
    stems = folder / "stems" if args.mix else folder
    files = {stems / f"{name}.wav": x for name, x in zip(song.names, song.tracks, strict=True)}
    mix_file, document = folder / "mix.wav", folder / "mix.json"
    refuse_existing(args, *files, *((mix_file, document) if args.mix else ()))
    stems.mkdir(parents=True, exist_ok=True)
    for path, audio in files.items():
        save_audio(path, audio, args.rate, overwrite=args.force)
        tell(str(path))
    if args.mix:
        song = with_engineers_mix(song, seed)
        mix = song.details["mix"]
        tracks = zip(mix.tracks, files, strict=True)
        placed = replace(mix, tracks=tuple(replace(t, file=str(path)) for t, path in tracks))
        save_audio(mix_file, song.mix("engineer"), args.rate, overwrite=args.force)
        save_mix(document, placed)
        tell(f"{mix_file}\n{document}")
