"""`dasp process`: files through a processor or a chain."""

import argparse
import sys
from pathlib import Path

from dasp.cli.effects import (
    EFFECT_HELP,
    chain_file,
    effect,
    in_series,
    load_inputs,
    save_chain_file,
)
from dasp.cli.output import add_output_options, refuse_existing


def add_parser(subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "process",
        help="run files through effects",
        description="Run each file through a processor, or several in series.",
    )
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="an audio file")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT",
        help="the new file; for several inputs, or with a / at the end, a folder",
    )  # fmt: skip
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "-e", "--effect", dest="effects", action="append", type=effect, help=EFFECT_HELP
    )
    what.add_argument("--chain", type=chain_file, metavar="JSON", help="a chain of effects")
    parser.add_argument("--save-chain", type=Path, metavar="JSON", help="keep the effects as chain")
    parser.add_argument(
        "--tail", type=_seconds, default=0.0, metavar="SECONDS",
        help="silence added at the end of each file, for what rings on (default: 0)",
    )  # fmt: skip
    parser.add_argument("--device", type=_device, default="cpu", help="cpu, cuda, … (default: cpu)")
    add_output_options(parser)
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """Process every input; those that fail are reported, and the others written."""
    from tqdm import tqdm

    processor, settings = args.chain or in_series(args.effects)
    outputs = _outputs(args.inputs, args.output)
    refuse_existing(args, *outputs, *filter(None, [args.save_chain]))
    failures = 0
    pairs = list(zip(args.inputs, outputs, strict=True))
    for source, target in tqdm(pairs, unit="file", leave=False, disable=None):
        try:
            _process(source, target, processor, settings, args)
        except (ValueError, OSError) as error:
            if args.debug:
                raise
            tqdm.write(f"dasp process: {_naming(source, error)}", file=sys.stderr)
            failures += 1
        else:
            tqdm.write(str(target), file=sys.stdout)
    if args.save_chain and not failures:
        save_chain_file(args.save_chain, processor, settings)
    return 1 if failures else 0


def _process(source: Path, target: Path, processor, settings, args: argparse.Namespace) -> None:
    import torch
    import torch.nn.functional as nnf

    from dasp.audio_io import load_audio, save_audio

    x, sample_rate = load_audio(source)
    x = nnf.pad(x.to(args.device), (0, round(args.tail * sample_rate)))
    with torch.inference_mode():
        y = processor(x, sample_rate, **load_inputs(processor, settings, x, sample_rate))
    target.parent.mkdir(parents=True, exist_ok=True)
    save_audio(target, y, sample_rate, subtype=args.subtype, overwrite=args.force)


def _outputs(inputs: list[Path], output: str) -> list[Path]:
    folder = Path(output)
    if len(inputs) == 1 and not output.endswith("/") and not folder.is_dir():
        return [folder]
    names = [path.name for path in inputs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{folder / name}: two inputs would be written to this file")
    return [folder / name for name in names]


def _naming(source: Path, error: Exception) -> str:
    """The error with the file it belongs to, where it does not name one."""
    from dasp.audio_io import AudioFileError

    return str(error) if isinstance(error, AudioFileError) else f"{source}: {error}"


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected 0 seconds or more, got {text}")
    return seconds


def _device(text: str):
    import torch

    try:
        return torch.empty(0, device=text).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise argparse.ArgumentTypeError(f"{text!r} cannot be used here: {reason}") from error
