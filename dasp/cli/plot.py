"""`dasp plot`: a chain as frequency responses and level curves, or a mix as a console."""

import argparse
from pathlib import Path

from dasp.cli.effects import EFFECT_HELP, chain_file, effect, in_series
from dasp.cli.numbers import sample_rate
from dasp.cli.output import add_force_option, refuse_existing


def add_parser(subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "plot",
        help="a picture of a chain or a mix",
        description="Draw each stage of a chain: the frequency response of a linear one, the "
        "output level over the input level of any other. Or draw the console of a mix.json, and "
        "the loudness of its mix over time. Needs matplotlib.",
    )
    parser.add_argument(
        "document", nargs="?", type=_document, metavar="JSON", help="a chain of effects, or a mix"
    )
    parser.add_argument(
        "-e", "--effect", dest="effects", action="append", type=effect, help=EFFECT_HELP
    )
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="PNG", help="the new picture"
    )
    parser.add_argument(
        "--rate",
        type=sample_rate,
        default=48_000,
        metavar="HZ",
        help="sample rate (default: 48000)",
    )
    add_force_option(parser)
    parser.set_defaults(handler=run, usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Measure and draw."""
    if (args.document is None) == (args.effects is None):
        args.usage_error("expected either a document or -e effects")
    refuse_existing(args, args.output)
    import torch

    from dasp.cli.chain_picture import draw_chain
    from dasp.mixing.settings import Mix

    with torch.inference_mode():
        if isinstance(args.document, Mix):
            _draw_mix(args.output, args.document)
        else:
            draw_chain(args.output, args.rate, *(args.document or in_series(args.effects)))
    print(args.output)
    return 0


def _document(text: str):
    """A `Mix`, or a processor with its settings."""
    from dasp.mixing.document import MOST_BYTES, is_mix, load_mix
    from dasp.processors.document import read_json

    try:
        mix = is_mix(read_json(text, most_bytes=MOST_BYTES))
        return load_mix(text, with_files=True) if mix else chain_file(text)
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(f"{text}: does not exist") from error
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _draw_mix(path: Path, mix) -> None:
    """Render the mix, and draw its console."""
    from dasp.cli.console_picture import draw_console
    from dasp.cli.mix import load_mix_tracks
    from dasp.mixing.mixdown import mix_down

    draw_console(path, mix, mix_down(load_mix_tracks(mix).tracks, mix))
