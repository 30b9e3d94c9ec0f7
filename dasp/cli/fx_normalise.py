"""`dasp fx-normalise`: the stems of a song, brought to the average effects of their groups."""

import argparse
from pathlib import Path

import torch

from dasp.cli.numbers import seed
from dasp.cli.output import (
    add_output_options,
    refuse_existing,
    refuse_formats,
    suffix,
    with_room,
    writing,
)
from dasp.cli.printing import print_notes, print_table
from dasp.cli.reading import add_truncated_option
from dasp.controllers.fxnorm import (
    EffectFeatures,
    add_room,
    fx_normalise,
    group_stems,
    load_features,
    measure_effects,
)
from dasp.controllers.fxnorm.features import MUSDB18
from dasp.songs.opening import open_song

IN_A_ROOM = ("vocals", "other")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Bring the stems of a song to the average effects of their groups: spectrum, "
        "peaks, panning and loudness. Tracks are added up to vocals, drums, bass and other first, "
        "by their roles; OUT gets a file for each. Another song's stems, treated so, sound as if "
        "they came from the same studio: what a network needs that learns to mix from mixed stems."
    )
    parser.add_argument("stems", type=Path, metavar="STEMS", help="a folder with a file a track")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="OUT",
        help="where the new files go",
    )
    parser.add_argument(
        "--features", type=Path, default=MUSDB18, metavar="FILE",
        help="what 'dasp train fx_features' has written (default: those of MUSDB18)",
    )  # fmt: skip
    parser.add_argument(
        "--room", type=seed, metavar="SEED",
        help="first add the reverberation of a random room to vocals and other",
    )  # fmt: skip
    parser.add_argument("--format", type=suffix, default=".wav", help="default: wav")
    add_output_options(parser)
    add_truncated_option(parser)


def run(args: argparse.Namespace) -> int:
    """Normalise, write, and print what each stem was and is."""
    features = load_features(args.features)
    source = open_song(args.stems)
    print_notes(source.notes)
    stems = group_stems(source.song)
    files = {group: args.output / f"{group}{args.format}" for group in stems}
    refuse_formats(args, *files.values())
    refuse_existing(args, *files.values())
    if args.room is not None:
        generator = torch.Generator().manual_seed(args.room)
        for group in [name for name in IN_A_ROOM if name in stems]:
            stems[group] = add_room(stems[group], source.sample_rate, generator=generator)
    normalised = fx_normalise(stems, source.sample_rate, features)
    rows = []
    for group, new in normalised.items():
        writing(args).save(with_room(files[group]), new, source.sample_rate, overwrite=args.force)
        measured = [measure_effects(x, source.sample_rate, group) for x in (stems[group], new)]
        rows.append((str(files[group]), *_texts(*measured)))
    print_table(("file", "LUFS", "after", "peaks dB", "after", "similarity", "after"), rows)
    return 0


def _texts(before: EffectFeatures | None, after: EffectFeatures | None) -> tuple[str, ...]:
    """The numbers of a stem before and after; of a silent one none."""
    if before is None or after is None:
        return ("silent", "", "", "", "", "")
    both = (before, after)
    return (
        *(f"{one.loudness_lufs:.1f}" for one in both),
        *(f"{one.peaks_db:.1f}" for one in both),
        *(f"{one.similarity.mean().item():.2f}" for one in both),
    )
