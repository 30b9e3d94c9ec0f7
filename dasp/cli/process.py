"""`dasp process`: files through a processor or a chain."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

import torch
from tqdm import tqdm

from dasp.audio_io import AudioFileError
from dasp.batch.job import Job
from dasp.batch.paths import check_apart, inside
from dasp.batch.process_file import ProcessFile
from dasp.cli.effects import (
    EFFECT_HELP,
    as_document,
    chain_file,
    effect,
    in_series,
    save_chain_file,
)
from dasp.cli.numbers import longer_than_nothing, sample_rate, seconds
from dasp.cli.output import (
    add_output_options,
    clipping_notes,
    refuse_existing,
    refuse_formats,
    with_room,
    writing,
)
from dasp.cli.pipes import is_pipe, receive, send, to_send
from dasp.cli.printing import print_notes, tell
from dasp.cli.reading import add_truncated_option
from dasp.file_names import as_found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = "Run each file through a processor, or several in series."
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="IN", help="an audio file, or - for a pipe"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT",
        help="the new file; for several inputs, or with a / at the end, a folder; - is a WAV "
        "into a pipe",
    )  # fmt: skip
    what = parser.add_mutually_exclusive_group(required=True)
    add_effect_options(what)
    parser.add_argument("--save-chain", type=Path, metavar="JSON", help="keep the effects as chain")
    add_run_options(parser)
    add_output_options(parser)


def add_effect_options(group) -> None:
    """`-e` and `--chain`."""
    group.add_argument(
        "-e", "--effect", dest="effects", action="append", type=effect, help=EFFECT_HELP
    )
    group.add_argument("--chain", type=chain_file, metavar="JSON", help="a chain of effects")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """`--tail`, `--rate`, `--segment` and `--device`."""
    parser.add_argument(
        "--tail", type=seconds, default=0.0, metavar="SECONDS",
        help="silence added at the end of each file, for what rings on (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--rate",
        type=sample_rate,
        metavar="HZ",
        help="sample rate of the new files (default: as it is)",
    )
    parser.add_argument(
        "--segment", type=longer_than_nothing, metavar="SECONDS",
        help="have so much of a file in memory at a time (default: all of it)",
    )  # fmt: skip
    parser.add_argument(
        "--device", type=_device, default="cpu", help="cpu, cuda, ... (default: cpu)"
    )
    add_truncated_option(parser)


def work(args: argparse.Namespace, chain, *, overwrite: bool):
    """What is done to every file."""
    return ProcessFile(
        as_document(chain),
        writing=writing(args),
        device=args.device,
        tail_s=args.tail,
        sample_rate=args.rate,
        segment_s=args.segment,
        allow_truncated=args.allow_truncated,
        overwrite=overwrite,
    )


def run(args: argparse.Namespace) -> int:
    """Process every input; those that fail are reported, and the others written."""
    chain = args.chain or in_series(args.effects)
    refuse_existing(args, *filter(None, [args.save_chain]))
    process = work(args, chain, overwrite=args.force)
    with ExitStack() as pipes:
        failures = _process_all(args, process, pipes)
    if args.save_chain and not failures:
        save_chain_file(with_room(args.save_chain), chain)
    return 1 if failures else 0


def _process_all(args: argparse.Namespace, process, pipes: ExitStack) -> int:
    """How many failed."""
    outputs = _targets(args.inputs, args.output, pipes)
    failures = 0
    if not is_pipe(args.output):
        refuse_formats(args, *outputs)
        refuse_existing(args, *outputs)
    pairs = list(zip(args.inputs, outputs, strict=True))
    for source, target in tqdm(pairs, unit="file", leave=False, disable=None):
        try:
            file = receive(pipes) if is_pipe(source) else source
            facts = process(Job(file, (target,)))
        except (ValueError, OSError) as error:
            if args.debug:
                raise
            piped = is_pipe(source) or is_pipe(args.output)
            tell(f"dasp process: {_naming(source, error, piped)}", sys.stderr)
            failures += 1
        else:
            if is_pipe(args.output):
                send(target)
            else:
                tell(str(target))
            name = args.output if is_pipe(args.output) else target
            clipped = clipping_notes(name, facts["over"], facts["gain_db"])
            print_notes([*facts.get("notes", ()), *clipped])
    return failures


def _targets(inputs: list[Path], output: str, pipes: ExitStack) -> list[Path]:
    """The new file of each input; for a pipe, one that will be sent."""
    if not is_pipe(output):
        names = [Path("standard input.wav") if is_pipe(path) else path for path in inputs]
        return _outputs(names, output)
    if len(inputs) > 1:
        raise ValueError("-: one file goes into a pipe, got several")
    return [to_send(pipes)]


def _outputs(inputs: list[Path], output: str) -> list[Path]:
    folder = as_found(output)
    if len(inputs) == 1 and not output.endswith("/") and not folder.is_dir():
        return [folder]
    names = [path.name for path in inputs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{folder / name}: two inputs would be written to this file")
    outputs = [inside(folder, name) for name in names]
    check_apart(outputs)
    return outputs


def _naming(source: Path, error: Exception, piped: bool) -> str:
    """The error with the file it belongs to, where it does not name one."""
    if isinstance(error, AudioFileError):
        return f"{source}: {error.reason}" if piped else str(error)
    return f"{source}: {error}"


def _device(text: str) -> str:
    try:
        return str(torch.empty(0, device=text).device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise argparse.ArgumentTypeError(f"{text!r} cannot be used here: {reason}") from error
