"""`dasp mix --first-stage`: raw tracks to stems, before they are mixed."""

import argparse
from dataclasses import replace
from pathlib import Path

from dasp.batch.paths import check_apart, inside
from dasp.cli.output import refuse_existing, with_room, writing
from dasp.cli.printing import print_notes
from dasp.controllers.table import FIRST_STAGES
from dasp.desk import all_wishes
from dasp.mixing.mixdown import prepared_tracks
from dasp.mixing.preparation import Preparation
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.mixing.wishes import Wishes, with_roles
from dasp.songs.multitrack import Multitrack


def add_first_stage_options(parser: argparse.ArgumentParser) -> None:
    """Declare what may turn raw tracks to stems."""
    parser.add_argument(
        "--first-stage", choices=FIRST_STAGES, metavar="NAME",
        help=f"what turns raw tracks to stems before they are mixed: {', '.join(FIRST_STAGES)}. It "
        f"makes audio, without settings: the stems are written in a folder beside OUT, and the "
        f"settings of the mix are for these (default: nothing)",
    )  # fmt: skip
    parser.add_argument(
        "--first-stage-weights", type=Path, metavar="FILE",
        help="what its training has written (default: those of the package)",
    )  # fmt: skip


def refuse_first_stage(args: argparse.Namespace) -> None:
    """What cannot go together with a first stage."""
    if args.first_stage is None:
        if args.first_stage_weights:
            args.usage_error("--first-stage-weights: there is no --first-stage")
    elif args.start:
        args.usage_error("--first-stage: the settings of --start are for the tracks as they are")


def through_first_stage(
    args: argparse.Namespace, wishes: Wishes, stems: Multitrack, start: Mix
) -> tuple[Multitrack, Mix]:
    """The song and the mix to start from with what the first stage makes of the tracks, which is
    written."""
    if args.first_stage is None:
        return stems, start
    told = with_roles(start, all_wishes(stems, start, wishes).role)
    roles = tuple(track.role for track in told.tracks)
    raw = Song(stems.names, roles, tuple(prepared_tracks(stems.tracks, start)), start.sample_rate)
    made = FIRST_STAGES[args.first_stage].load()(raw, weights=args.first_stage_weights)
    folder = args.output.with_name(f"{args.output.stem} - {args.first_stage}")
    plain = [name.replace("/", "-").replace("\\", "-") for name in stems.names]
    files = [inside(folder, f"{name}.wav") for name in plain]
    check_apart(files)
    refuse_existing(args, *files)
    how = replace(writing(args), subtype="FLOAT")
    for file, track in zip(files, made.tracks, strict=True):
        how.save(with_room(file), track, start.sample_rate, overwrite=args.force)
    changed = [
        name for name, old, new in zip(stems.names, raw.tracks, made.tracks, strict=True)
        if new is not old
    ]  # fmt: skip
    print_notes([
        f"{args.first_stage} makes audio, and has no settings to turn: {len(changed)} of "
        f"{len(files)} tracks ({', '.join(changed) or 'none'}) are mixed as it made them; they are "
        f"in {folder}"
    ])  # fmt: skip
    tracks = tuple(
        replace(track, file=str(file), prepare=Preparation())
        for track, file in zip(start.tracks, files, strict=True)
    )
    return stems.with_tracks(made.tracks), replace(start, tracks=tracks)
