"""`dasp unmix`: the console settings that turn stems into a finished mix."""

import argparse
import sys
from pathlib import Path

from torch import Tensor

from dasp._suggestion import did_you_mean
from dasp.cli.mix import print_mix, steps
from dasp.cli.numbers import longer_than_nothing, whole_number
from dasp.cli.output import add_force_option, refuse_existing, with_room
from dasp.cli.printing import print_notes, print_table
from dasp.cli.reading import add_truncated_option
from dasp.estimation.unmixing.opening import open_beside_mix
from dasp.estimation.unmixing.report import measure_unexplained
from dasp.estimation.unmixing.unmix import DEFAULT_STAGES, STAGES, Unmixed, plan_stages, unmix
from dasp.mixing.document import save_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song
from dasp.pictures import draw_unmix


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "The settings that turn the stems of a folder into a finished mix: levels and "
        "pans, delays, high-passes and EQs, and on request compressors, the room and the master "
        "strip. 'dasp render' mixes from the document. What the settings do not explain is "
        "reported for each stage, track and octave."
    )
    parser.add_argument(
        "stems", type=Path, metavar="STEMS", help="the folder of a song, as 'dasp mix' takes it"
    )
    parser.add_argument("mix", type=Path, metavar="MIX", help="the finished mix")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT.json", help="the settings"
    )
    parser.add_argument(
        "--stages", type=_stages, default=DEFAULT_STAGES, metavar="NAMES",
        help=f"which of {','.join(STAGES)} to go through (default: {','.join(DEFAULT_STAGES)})",
    )  # fmt: skip
    parser.add_argument(
        "--filters", type=whole_number("samples", low=0), default=0, metavar="TAPS",
        help="instead of delays, high-passes and EQs, a filter of so many taps a track and side",
    )  # fmt: skip
    parser.add_argument(
        "--excerpt", type=longer_than_nothing, default=8.0, metavar="SECONDS",
        help="how much is listened to for compressors and the master (default: 8)",
    )  # fmt: skip
    parser.add_argument(
        "--room", type=longer_than_nothing, default=0.25, metavar="SECONDS",
        help="length of the room's impulse response (default: 0.25)",
    )  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw mix, reconstruction, rest")
    add_force_option(parser)
    add_truncated_option(parser)


def run(args: argparse.Namespace) -> int:
    """Read, unmix, write the document, print the report."""
    refuse_existing(args, args.output, *([args.plot] if args.plot else []))
    song, mix, files, notes = open_beside_mix(args.stems, args.mix)
    with steps(*plan_stages(args.stages, args.filters)) as step:
        found = unmix(
            song, mix, files=files, stages=args.stages, filter_taps=args.filters,
            excerpt_s=args.excerpt, room_s=args.room, on_stage=lambda name: step(),
        )  # fmt: skip
        output = mix_down(song.tracks, found.mix)
    save_mix(with_room(args.output), found.mix)
    if args.plot:
        draw_unmix(mix, output, song.sample_rate).savefig(with_room(args.plot))
    print_notes([*notes, *found.notes])
    print_mix(found.mix, output)
    _print_report(found, song, mix, output)
    print(args.output)
    if args.plot:
        print(args.plot)
    return 0


def _stages(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in STAGES:
            raise argparse.ArgumentTypeError(
                f"no stage {name!r}{did_you_mean(name, STAGES)} (there are {', '.join(STAGES)})"
            )
    return names


def _print_report(found: Unmixed, song: Song, mix: Tensor, output: Tensor) -> None:
    print()
    said = {True: "", False: "not kept"}
    print_table(
        ("stage", "SDR", "spectra", ""),
        [
            (s.name, f"{s.sdr_db:.1f} dB", f"{s.spectral_distance:.3f}", said[s.kept])
            for s in found.stages
        ],
    )
    print()
    unexplained = measure_unexplained(found.mix, song.tracks, mix, output, song.sample_rate)
    print_table(
        ("octave", "SDR"), [(f"{f:.0f} Hz", f"{db:.1f} dB") for f, db in unexplained.octaves]
    )
    print()
    print_table(
        ("track", "of the mix", "SDR"),
        [(n, f"{share:.1f} dB", f"{sdr:.1f} dB") for n, share, sdr in unexplained.tracks],
    )
    print(f"\nSDR {unexplained.sdr_db:.2f} dB, gain-invariant {unexplained.si_sdr_db:.2f} dB")
    if unexplained.sdr_db < 6:
        print("dasp unmix: the stems explain little of this mix", file=sys.stderr)
