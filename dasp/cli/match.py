"""`dasp match`: a mix to the style of a reference, by the settings of a mastering chain."""

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.audio_io import load_audio
from dasp.batch.job import Job
from dasp.batch.process_file import ProcessFile
from dasp.cli.effects import as_document, save_chain_file
from dasp.cli.numbers import longer_than_nothing, number, share
from dasp.cli.output import (
    add_output_options,
    clipping_notes,
    refuse_existing,
    refuse_formats,
    with_room,
    writing,
)
from dasp.cli.printing import print_notes, print_table
from dasp.cli.reading import add_truncated_option, load_at
from dasp.estimation.matching import Match, match
from dasp.estimation.matching.mastering import DYNAMICS
from dasp.estimation.matching.style import GROUPS
from dasp.file_names import as_found
from dasp.mixing.roles import KNOWN_ROLES
from dasp.pictures import draw_match
from dasp.processors.chain import parts_of

UNITS = {"loudness": "LU", "image": ""}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Master MIX like a reference: EQ, dynamics, balance, width and a limiter, set so that "
        "loudness, spectrum, dynamics and width come near those of other music. The settings are "
        "written beside the master, as OUT with the ending .json; 'dasp process --chain' runs them."
    )
    parser.add_argument("mix", type=Path, metavar="MIX", help="the mix, or a single stem")
    parser.add_argument(
        "--reference", required=True, nargs="+", type=Path, metavar="REF",
        help="other music in the wanted style, at any rate; of several the mean is wanted",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", required=True, type=as_found, metavar="OUT", help="e.g. master.wav"
    )
    parser.add_argument(
        "--chain", type=Path, metavar="JSON", help="where the settings go (default: OUT.json)"
    )
    parser.add_argument(
        "--amount", type=share, default=1.0, metavar="SHARE",
        help="how far to go from the mix, 0, to the reference, 1 (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--dynamics", choices=DYNAMICS, default=DYNAMICS[0],
        help="one compressor, three bands, or none (default: single)",
    )  # fmt: skip
    parser.add_argument(
        "--role", choices=KNOWN_ROLES, metavar="ROLE",
        help="what MIX plays where it is a single stem; for a vocal what engineers do to voices is "
        "believed",
    )  # fmt: skip
    parser.add_argument(
        "--weight", action="append", default=[], type=_weight, metavar="GROUP=FACTOR",
        help=f"how much more a part of the style counts, as in crest=2: {', '.join(GROUPS)}; the "
        f"last is what the effect encoder hears, and left out unless it is asked for",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=longer_than_nothing, default=12.0,
        help="how much is heard, where loud (default: 12)",
    )  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="JSON", help="what was and is apart")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="a picture; needs matplotlib")
    add_output_options(parser)
    add_truncated_option(parser)


def _weight(text: str) -> tuple[str, float]:
    """The type of an argument that is a group of the style and its factor."""
    name, _, factor = text.partition("=")
    if name not in GROUPS:
        raise argparse.ArgumentTypeError(f"no part of a style is called {name!r}")
    return name, number(low=0.0)(factor)


def run(args: argparse.Namespace) -> int:
    """Match, write the master and the settings, and print what has become of the differences."""
    document = args.chain or args.output.with_suffix(".json")
    refuse_formats(args, args.output)
    refuse_existing(args, args.output, *filter(None, [document, args.report, args.plot]))
    mix, rate = load_audio(args.mix)
    references = [load_at(path, rate) for path in args.reference]
    with tqdm(unit="step", leave=False, disable=None) as bar:

        def on_step(distance: float) -> None:
            bar.set_postfix_str(f"distance {distance:.1f}")
            bar.update()

        found = match(
            mix, rate, references, amount=args.amount, dynamics=args.dynamics,
            role=args.role, weights=dict(args.weight), excerpt_s=args.seconds, on_step=on_step,
        )  # fmt: skip
    process = ProcessFile(
        as_document(found.chain),
        writing=writing(args),
        allow_truncated=args.allow_truncated,
        overwrite=args.force,
    )
    facts = process(Job(args.mix, (args.output,)))
    save_chain_file(with_room(document), found.chain)
    if args.plot:
        draw_match(found).savefig(with_room(args.plot))
    master, _ = load_audio(args.output)
    level = {
        "loudness_lufs": measure_loudness(master, rate).item(),
        "true_peak_dbtp": measure_true_peak(master, rate).max().item(),
    }
    if args.report:
        _write_report(with_room(args.report), found, level)
    clipped = clipping_notes(args.output, facts["over"], facts["gain_db"])
    print_notes((*facts.get("notes", ()), *found.notes, *clipped))
    _print(found, level)
    print(args.output)
    print(document)
    return 0


def _print(found: Match, level: dict[str, float]) -> None:
    rows = [
        (name, f"{found.before[name]:.2f}", f"{found.after[name]:.2f}", UNITS.get(name, "dB"))
        for name in found.before
    ]
    print_table(("from the reference", "before", "after", ""), rows)
    print()
    for line in _settings(found):
        print(line)
    loudness, true_peak = level["loudness_lufs"], level["true_peak_dbtp"]
    print(f"\nloudness {loudness:.1f} LUFS, true peak {true_peak:.1f} dBTP")


def _settings(found: Match) -> list[str]:
    """A line for each stage, with the knobs that were turned."""
    lines = []
    for processor, settings, *_ in parts_of(found.chain)[1]:
        knobs = {param.name for param in processor.params}
        turned = [f"{key} {_number(value)}" for key, value in settings.items() if key in knobs]
        lines.append(f"{processor.name}: {', '.join(turned)}")
    return lines


def _number(value) -> str:
    values = value if isinstance(value, list) else [value]
    return "/".join(f"{v:.3g}" for v in values)


def _write_report(path: Path, found: Match, level: dict[str, float]) -> None:
    report = {
        "before": dict(found.before),
        "after": dict(found.after),
        "distance": list(found.distance),
        **level,
        "notes": list(found.notes),
    }
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
