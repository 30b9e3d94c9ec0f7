"""`dasp fit`: the settings of a chain, from a dry and a processed recording."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dasp.audio_io import load_audio
from dasp.batch.settings import load_inputs
from dasp.cli.effects import EFFECT_HELP, chain_file, effect, in_series, save_chain_file
from dasp.cli.numbers import count, longer_than_nothing, seed
from dasp.cli.output import add_force_option, refuse_existing, with_room
from dasp.cli.printing import print_table
from dasp.cli.reading import add_truncated_option
from dasp.estimation.fitting import fit
from dasp.grad import GRADIENTS, load_proxy
from dasp.pictures import draw_fit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Find the settings with which a chain makes TARGET of INPUT: two recordings "
        "of one rate and length, before and after."
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="the dry recording")
    parser.add_argument("target", type=Path, metavar="TARGET", help="the processed recording")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "-e", "--effect", dest="effects", action="append", type=effect, help=EFFECT_HELP
    )
    what.add_argument("--chain", type=chain_file, metavar="JSON", help="a chain to begin from")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="JSON", help="the fitted chain"
    )
    parser.add_argument(
        "--gradient", choices=GRADIENTS, default="autodiff",
        help="where derivatives come from (default: autodiff)",
    )  # fmt: skip
    parser.add_argument(
        "--proxy", type=Path, metavar="FILE", help="the trained proxy that --gradient proxy needs"
    )
    parser.add_argument(
        "--hold", action="append", default=[], metavar="NAME",
        help="a parameter that stays as it is, or a pattern such as '*.mix'; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--also", action="append", default=[], metavar="NAME",
        help="an option that is turned too, such as compressor.slow_mix; may be repeated",
    )  # fmt: skip
    parser.add_argument("--rounds", type=count, default=64, help="starts at most (default: 64)")
    parser.add_argument(
        "--seconds",
        type=longer_than_nothing,
        default=2.0,
        help="how much is heard, where loud (default: 2)",
    )
    parser.add_argument("--seed", type=seed, default=0, help="of other starts (default: 0)")
    parser.add_argument("--report", type=Path, metavar="JSON", help="errors, lag and history")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="a picture; needs matplotlib")
    add_force_option(parser)
    add_truncated_option(parser)


def run(args: argparse.Namespace) -> int:
    """Fit, print what was found, and write it."""
    refuse_existing(args, *filter(None, [args.output, args.report, args.plot]))
    chain = args.chain or in_series(args.effects)
    processor, settings = chain.processor, chain.settings
    dry, processed, sample_rate = _load(args.input, args.target)
    loaded = load_inputs(processor, settings, dry, sample_rate)
    with tqdm(unit="step", leave=False, disable=None) as bar:

        def on_step(stage: str, error_db: float) -> None:
            bar.set_postfix_str(f"{stage}, {error_db:.1f} dB")
            bar.update()

        found = fit(
            dry, processed, sample_rate, processor, loaded, gradient=args.gradient,
            hold=args.hold, also=args.also, rounds=args.rounds, excerpt_s=args.seconds,
            network=_network(args.proxy, processor, sample_rate), seed=args.seed, on_step=on_step,
        )  # fmt: skip
    files = {key: settings[key] for key in processor.inputs if key in settings}
    save_chain_file(with_room(args.output), chain._replace(settings={**found.settings, **files}))
    if args.report:
        _write_report(with_room(args.report), found)
    if args.plot:
        draw_fit(found, dry, processed, sample_rate).savefig(with_room(args.plot))
    _print(settings, found)
    return 0


def _load(source: Path, target: Path):
    dry, rate = load_audio(source)
    processed, target_rate = load_audio(target)
    if rate != target_rate:
        raise ValueError(f"{target}: has {target_rate} Hz, and {source} {rate} Hz")
    if dry.shape != processed.shape:
        raise ValueError(
            f"{target}: has {_shape(processed)}, and {source} {_shape(dry)}; cut or pad one of them"
        )
    return dry, processed, rate


def _shape(x) -> str:
    return f"{x.shape[-2]} channel(s) of {x.shape[-1]} samples"


def _network(path: Path | None, processor, sample_rate: float):
    if path is None:
        return None
    return load_proxy(path, processor, sample_rate)


def _print(settings: Mapping[str, Any], found) -> None:
    before = {**found.processor.defaults(), **settings}
    rows = [
        (param.name, _number(before[param.name]), _number(found.settings[param.name]), param.unit)
        for param in found.processor.params
    ]
    print_table(("parameter", "start", "fitted", ""), rows)
    print()
    print_table(("stage", "error"), [(s, f"{db:.1f} dB") for s, db in found.error_db.items()])
    print(f"\nlag: {found.lag_samples:.2f} samples")


def _number(value) -> str:
    values = value if isinstance(value, (list, tuple)) else [value]
    return "/".join(f"{v:.4g}" for v in values)


def _write_report(path: Path, found) -> None:
    report = {
        "error_db": found.error_db,
        "lag_samples": found.lag_samples,
        "history": [{"stage": stage, "error_db": error_db} for stage, error_db in found.history],
    }
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
