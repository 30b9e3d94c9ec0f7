"""`dasp plot`: the responses, level curves or gain reductions of a chain, or a mix as a console."""

import argparse
from pathlib import Path

import torch

from dasp.audio_io import load_audio
from dasp.batch.settings import load_inputs
from dasp.cli.effects import EFFECT_HELP, chain_file, effect, in_series
from dasp.cli.numbers import sample_rate
from dasp.cli.output import add_force_option, refuse_existing, with_room
from dasp.desk import render
from dasp.functional._processor import is_sidechain
from dasp.mixing.document import MOST_BYTES, is_mix, load_mix
from dasp.mixing.settings import Mix
from dasp.pictures import draw_chain, draw_console, draw_gain_reduction
from dasp.processors.document import read_json
from dasp.processors.stage import Stage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Draw each stage of a chain: the frequency response of a linear one, the "
        "output level over the input level of any other. With --input, draw the levels and the "
        "gain reduction of each dynamics stage along that file. Or draw the console of a mix.json, "
        "and the loudness of its mix over time. Needs matplotlib."
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
        "--input",
        type=Path,
        metavar="AUDIO",
        help="audio through the chain, to see its gain reductions along time",
    )
    parser.add_argument(
        "--rate",
        type=sample_rate,
        default=48_000,
        metavar="HZ",
        help="sample rate of responses and level curves (default: 48000)",
    )
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and draw."""
    if (args.document is None) == (args.effects is None):
        args.usage_error("expected either a document or -e effects")
    if args.input is not None and isinstance(args.document, Mix):
        args.usage_error("--input goes with a chain: a mix.json names its own files")
    refuse_existing(args, args.output)

    with torch.inference_mode():
        if isinstance(args.document, Mix):
            figure = _draw_mix(args.document)
        elif args.input is not None:
            chain = args.document or in_series(args.effects)
            x, rate = load_audio(args.input)
            settings = load_inputs(chain.processor, chain.settings, x, rate)
            figure = draw_gain_reduction(chain.processor, x, rate, **settings)
        else:
            chain = args.document or in_series(args.effects)
            figure = draw_chain(chain.processor, args.rate, **_loaded(chain, args.rate))
    figure.savefig(with_room(args.output))
    print(args.output)
    return 0


def _document(text: str):
    """A `Mix`, or a chain."""
    try:
        mix = is_mix(read_json(text, most_bytes=MOST_BYTES))
        return load_mix(text, with_files=True) if mix else chain_file(text)
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(f"{text}: does not exist") from error
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _loaded(chain: Stage, rate: int) -> dict:
    """The settings with every response loaded; side chains, which a picture does not hear, go."""
    heard = {key: value for key, value in chain.settings.items() if not is_sidechain(key)}
    return load_inputs(chain.processor, heard, torch.zeros(2, 1), rate)


def _draw_mix(mix):
    """Render the mix, and draw its console."""
    return draw_console(mix, render(mix))
