"""`dasp mix --reference` and `--reference-stems`: other music for a mix to sound like."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor
from tqdm import tqdm

from dasp.cli.reading import load_at
from dasp.controllers.table import BY_REFERENCE
from dasp.desk import mix as find_mix
from dasp.mixing.settings import Mix
from dasp.songs.multitrack import Multitrack

if TYPE_CHECKING:
    from dasp.estimation.matching.console import MixMatch


def add_reference_option(parser: argparse.ArgumentParser) -> None:
    """`--reference`, or `--reference-stems`."""
    references = parser.add_mutually_exclusive_group()
    references.add_argument(
        "--reference", nargs="+", default=[], type=Path, metavar="REF",
        help="other music whose style the mix is to have, at any rate; of several the mean",
    )  # fmt: skip
    references.add_argument(
        "--reference-stems", type=Path, metavar="FOLDER",
        help="the stems of other music, whose sum is the mix of it: each track is set like the "
        "stem that plays its role",
    )  # fmt: skip


def read_references(args: argparse.Namespace, sample_rate: int) -> list[Tensor]:
    """The references at a rate."""
    return [load_at(path, sample_rate) for path in args.reference]


def like_references(
    args: argparse.Namespace, song: Multitrack, how: dict[str, Any]
) -> tuple[Mix, list[str]]:
    """The mix, and what there is to say of how near it came."""
    # What listens and solves is slow to import, and seldom asked for.
    from dasp.estimation.matching.pieces import reference_notes
    from dasp.reference import mix_like, mix_like_stems

    if args.reference_stems:
        with tqdm(unit="step", leave=False, disable=None) as bar:
            found = mix_like_stems(
                song, args.reference_stems, on_step=lambda distance: bar.update(), **how
            )
        return found.mix, [*found.notes, _nearer(found)]
    references = read_references(args, song.sample_rate)
    if args.system in BY_REFERENCE:  # which hears references itself
        notes = reference_notes(references, song.sample_rate)
        return find_mix(song, references=references, **how), notes
    with tqdm(unit="step", leave=False, disable=None) as bar:
        found = mix_like(song, references, on_step=lambda distance: bar.update(), **how)
    return found.mix, [*found.notes, _nearer(found)]


def _nearer(found: "MixMatch") -> str:
    changes = ", ".join(
        f"{name} {found.before[name]:.2f} to {found.after[name]:.2f}"
        for name in ("crest", "dynamics", "spectrum", "width")
    )
    return f"dB from the reference: {changes}"
