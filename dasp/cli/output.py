"""What the commands that write files share: how samples are stored, and what is kept."""

import argparse
import os
from pathlib import Path

from dasp.audio_io import CLIP_MODES, SUBTYPES
from dasp.audio_io.formats import format_of
from dasp.batch.writing import Writing
from dasp.cli.numbers import seed


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """`--subtype`, `--clip-mode`, `--dither` and `--force`."""
    parser.add_argument(
        "--subtype", choices=SUBTYPES,
        help="how samples are stored (default: as in the input, else PCM_24, where the format "
        "has it)",
    )  # fmt: skip
    parser.add_argument(
        "--clip-mode", choices=CLIP_MODES, default=CLIP_MODES[0],
        help="for samples over full scale that the subtype cannot hold: write nothing, clip them, "
        "or lower the whole file (default: error)",
    )  # fmt: skip
    parser.add_argument(
        "--dither", type=_seed_or_off, default=0, metavar="SEED",
        help="the seed of the noise before rounding to integers, or off (default: 0)",
    )  # fmt: skip
    add_force_option(parser)


def add_force_option(parser: argparse.ArgumentParser) -> None:
    """`--force` alone, for what is no audio."""
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def writing(args: argparse.Namespace) -> Writing:
    """The `Writing` that the options ask for."""
    return Writing(args.subtype, args.clip_mode, args.dither is not None, args.dither or 0)


def clipping_notes(path: Path | str, over: int, gain_db: float) -> list[str]:
    """What was done about samples over full scale, if there were any."""
    cure = f"lowered by {-gain_db:.2f} dB" if gain_db else "clipped"
    return [f"{path}: {over} samples were over full scale: {cure}"] if over else []


def refuse_existing(args: argparse.Namespace, *files: Path) -> None:
    """Nothing is overwritten without `--force`, and nothing is computed that cannot be written."""
    for file in files:
        if file.is_dir():
            raise ValueError(f"{file}: is a folder; expected the name of a file")
        if os.path.exists(file) and not args.force:
            raise ValueError(f"{file}: exists already; --force replaces it")
        above = next(folder for folder in file.absolute().parents if folder.exists())
        if not above.is_dir():
            raise ValueError(f"{file}: {above} is a file, and no folder")


def refuse_formats(args: argparse.Namespace, *audio: Path) -> None:
    """No new file has an ending that is that of no format, or of one without the subtype."""
    for file in audio:
        format_of(file, args.subtype)


def suffix(ending: str) -> str:
    """What names end in, of a `--format` with or without its dot."""
    if not ending.removeprefix(".").isalnum():
        raise ValueError(f"--format: expected an ending such as wav, got {ending!r}")
    return f".{ending.removeprefix('.')}"


def with_room(file: Path) -> Path:
    """A new file, in a folder that is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _seed_or_off(text: str) -> int | None:
    return None if text == "off" else seed(text)
