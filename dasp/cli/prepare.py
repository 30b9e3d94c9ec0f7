"""`dasp prepare`: what is wrong with the tracks of a song, and a mix in which it is put right."""

import argparse

import torch

from dasp.audio_io import whole
from dasp.cli.output import add_force_option, refuse_existing, with_room
from dasp.cli.printing import print_notes, print_table
from dasp.cli.reading import add_truncated_option
from dasp.desk import prepared_song
from dasp.file_names import as_found
from dasp.mixing.document import load_mix, save_mix
from dasp.mixing.preparation import CORRECTIONS
from dasp.preparation import undo
from dasp.songs.opening import open_song

DOCUMENT = "mix.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Look through the tracks of a song for offsets, silence, one channel in two, clipping, "
        "noise, duplicates, takes, bounces of the mix, click tracks, and tracks of one source that "
        "cancel each other or come late. What is beyond doubt is put right, everything else told. "
        "No file is changed: with -o all of it is written as a mix.json, which 'dasp render' plays "
        "and 'dasp mix --start' mixes. 'dasp mix' does the same by itself."
    )
    parser.add_argument(
        "source", type=as_found, metavar="STEMS|MIX.json",
        help="a folder with a file a track; or an earlier mix.json, of which something is undone",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=as_found, metavar="OUT",
        help=f"the new mix.json, or a folder for {DOCUMENT}; without it nothing is written",
    )  # fmt: skip
    add_undo_option(parser)
    add_force_option(parser)
    add_truncated_option(parser)


def add_undo_option(parser: argparse.ArgumentParser) -> None:
    """What is not to be put right."""
    parser.add_argument(
        "--undo", action="append", default=[], metavar="TRACK[:WHAT]",
        help=f"leave a track as it was, or one of {', '.join(CORRECTIONS)} of it; may be given "
        f"several times",
    )  # fmt: skip


def add_no_prepare_option(parser: argparse.ArgumentParser) -> None:
    """For commands that prepare by themselves."""
    parser.add_argument(
        "--no-prepare", action="store_true",
        help="mix the tracks as they are: nothing is put right or left out, as 'dasp prepare' does",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Look, print, and write what is asked for."""
    output = args.output
    if output is not None and output.suffix.lower() != ".json":
        output = output / DOCUMENT
    if output is not None:
        refuse_existing(args, output)
    with torch.inference_mode():
        mix, rows, notes = _undone(args) if args.source.is_file() else _prepared(args)
    print_notes(notes)
    if rows:
        print_table(("track", "", "found"), rows)
    else:
        print("nothing is wrong that could be measured")
    if output is not None:
        with whole(with_room(output)) as unfinished:
            save_mix(unfinished, mix)
        print(output)
    return 0


def _prepared(args: argparse.Namespace):
    """The mix of a folder, a row for each finding, and notes."""
    stems = open_song(args.source)
    prepared = prepared_song(stems, stems.plain_mix())
    mix = undo(prepared.mix, args.undo)
    rows = [(f.track, "put right" if f.done else "told", f.text) for f in prepared.findings]
    return mix, rows, [*stems.notes, *(f"{text}: undone" for text in args.undo)]


def _undone(args: argparse.Namespace):
    """An earlier mix with something undone, what is left of its preparation, and notes."""
    if not args.undo:
        args.usage_error(f"{args.source}: a mix needs --undo; a folder of stems is looked through")
    mix = undo(load_mix(args.source), args.undo)
    rows = [
        (track.name, "put right", why)
        for track in mix.tracks
        for why in track.prepare.because.values()
    ]
    return mix, rows, [f"{text}: undone" for text in args.undo]
