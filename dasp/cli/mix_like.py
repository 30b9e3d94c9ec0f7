"""`dasp mix --reference`: what the command adds to its own for other music to sound like."""

import argparse
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dasp.audio_io import load_audio
from dasp.controllers.table import BY_REFERENCE
from dasp.desk import mix as find_mix
from dasp.mixing.settings import Mix
from dasp.signal.resample import resample
from dasp.songs.multitrack import Multitrack


def add_reference_option(parser: argparse.ArgumentParser) -> None:
    """`--reference`."""
    parser.add_argument(
        "--reference", nargs="+", default=[], type=Path, metavar="REF",
        help="other music whose style the mix is to have, at any rate; of several the mean",
    )  # fmt: skip


def like_references(
    args: argparse.Namespace, song: Multitrack, how: dict[str, Any]
) -> tuple[Mix, list[str]]:
    """The mix, and what there is to say of how near it came."""
    from dasp.reference import mix_like  # whose solver is slow to import, and seldom asked for

    references = []
    for path in args.reference:
        audio, rate = load_audio(path)
        references.append(
            audio if rate == song.sample_rate else resample(audio, rate, song.sample_rate)
        )
    if args.system in BY_REFERENCE:  # which hears references itself
        return find_mix(song, references=references, **how), []
    with tqdm(unit="step", leave=False, disable=None) as bar:
        found = mix_like(song, references, on_step=lambda distance: bar.update(), **how)
    changes = ", ".join(
        f"{name} {found.before[name]:.2f} to {found.after[name]:.2f}"
        for name in ("crest", "dynamics", "spectrum", "width")
    )
    return found.mix, [*found.notes, f"dB from the reference: {changes}"]
