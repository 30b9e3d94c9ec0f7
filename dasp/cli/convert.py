"""`dasp convert`: a mix or a stem to the style of a reference, by a network that makes audio."""

import argparse
from pathlib import Path

from dasp.audio_io import load_audio
from dasp.cli.numbers import share
from dasp.cli.output import (
    add_output_options,
    clipping_notes,
    refuse_existing,
    refuse_formats,
    with_room,
    writing,
)
from dasp.cli.printing import print_notes
from dasp.cli.reading import add_truncated_option, load_at
from dasp.controllers.fxnorm import GROUPS
from dasp.controllers.style.conversion import (
    HeardStyle,
    between,
    convert,
    hear_style,
    load_converter,
    shipped,
)
from dasp.file_names import as_found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Let a network make IN sound like other music: its spectrum, dynamics, stereo image and "
        "loudness. There are no settings to turn; 'dasp match' finds some, and comes nearer."
    )
    parser.add_argument("input", type=Path, metavar="IN", help="the mix, or a single stem")
    parser.add_argument(
        "--reference", required=True, nargs="+", type=Path, metavar="REF",
        help="other music in the wanted style, at any rate; of several the mean is wanted",
    )  # fmt: skip
    parser.add_argument(
        "--between", nargs="+", default=[], type=Path, metavar="REF",
        help="music of a second style; what is wanted is then between the two",
    )  # fmt: skip
    parser.add_argument(
        "--amount", type=share, metavar="SHARE",
        help="how far to go from the first style, 0, to the second, 1 (default: 50%%)",
    )  # fmt: skip
    parser.add_argument(
        "--stem", choices=GROUPS, metavar="KIND",
        help=f"what kind of stem IN and the references are: {', '.join(GROUPS)}; its own effects "
        f"are then normalised first (default: a mix)",
    )  # fmt: skip
    parser.add_argument(
        "--weights", type=Path, metavar="FILE",
        help="what 'dasp train style_converter' has written (default: those of the package)",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", required=True, type=as_found, metavar="OUT", help="e.g. converted.wav"
    )
    add_output_options(parser)
    add_truncated_option(parser)


def run(args: argparse.Namespace) -> int:
    """Convert, and write the audio."""
    if args.amount is not None and not args.between:
        args.usage_error("--amount: needs a second style, --between REF")
    refuse_formats(args, args.output)
    refuse_existing(args, args.output)
    x, rate = load_audio(args.input)
    style = _heard(args.reference, rate, args.stem, "--reference")
    if args.between:
        amount = 0.5 if args.amount is None else args.amount
        style = between(style, _heard(args.between, rate, args.stem, "--between"), amount)
    converter = load_converter(args.weights) if args.weights else shipped()
    y = convert(x, rate, style, group=args.stem, converter=converter)
    saved = writing(args).save(with_room(args.output), y, rate, overwrite=args.force)
    print_notes(clipping_notes(args.output, saved.over, saved.gain_db))
    print(args.output)
    return 0


def _heard(paths: list[Path], rate: int, group: str | None, option: str) -> HeardStyle:
    """The style of files; what is wrong is told of the option."""
    try:
        return hear_style([load_at(path, rate) for path in paths], rate, group=group)
    except ValueError as error:
        raise ValueError(str(error).replace("references", option, 1)) from error
