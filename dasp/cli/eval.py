"""`dasp eval`: how near mixes come to others, with baselines, and files for a listening test."""

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from dasp.audio_io import audio_info
from dasp.cli.numbers import seed
from dasp.cli.output import add_force_option
from dasp.cli.printing import print_notes, print_table
from dasp.cli.reading import add_truncated_option
from dasp.controllers.table import NETWORKS, SYSTEMS
from dasp.evaluation.automix_toolkit import percentage_errors
from dasp.evaluation.comparison import Comparison, compare, mean_errors
from dasp.evaluation.metrics import METRICS, measure_errors
from dasp.evaluation.stimuli import write_stimuli
from dasp.songs.multitrack import Multitrack
from dasp.songs.opening import open_song
from dasp.songs.table import load_dataset

COLUMNS = (
    "loudness", "true_peak", "crest_factor", "spectrum", "side_share", "panning", "sdr",
    "gain_invariant_sdr", "audio_features",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Measure the error of each MIX against its reference, in the unit of each "
        "measure, and the mean over songs with 95 % bootstrap intervals. With one reference, all "
        "mixes are of that song; with as many as mixes, each has its own. With --data the "
        "references are the mixes of a data set, and what is judged is mixed from its tracks. SDRs "
        "are better the larger, all else the smaller."
    )
    parser.add_argument("mixes", nargs="*", type=Path, metavar="MIX", help="a mix to judge")
    parser.add_argument(
        "--reference", nargs="+", type=Path, metavar="REF", default=[], help="what it should be"
    )
    parser.add_argument(
        "--data", metavar="NAME:FOLDER",
        help="a data set in place of files ('dasp list --data' has the names), with baselines",
    )  # fmt: skip
    parser.add_argument("--split", help="the part of the data set, such as test (default: all)")
    parser.add_argument(
        "--system", action="append", choices=(*SYSTEMS, *NETWORKS), default=[], metavar="NAME",
        help=f"an automatic mixer to judge on the data set: {', '.join((*SYSTEMS, *NETWORKS))}; "
        "may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--stems", nargs="+", type=Path, metavar="FOLDER", default=[],
        help="the folder of each song, as 'dasp mix' takes it, from which baselines are mixed: "
        "mono sum, equal loudness, random gains and pans, rule mix, the anchor of a listening test",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, default=0, help="of the random mix (default: 0)")
    parser.add_argument(
        "--mape", action="store_true", help="the percentage errors of automix-toolkit instead"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--stimuli", type=Path, metavar="FOLDER",
        help="also write all mixes for a listening test, matched at -28 LUFS",
    )  # fmt: skip
    add_force_option(parser)
    add_truncated_option(parser)


def run(args: argparse.Namespace) -> int:
    """Read, measure, print; and write what people listen to."""
    if args.data and (args.mixes or args.reference or args.stems):
        args.usage_error("--data stands in place of mixes, references and stems")
    if not args.data:
        _check_files(args)
    given = _of_data(args) if args.data else range(len(args.reference))

    songs = {}
    with torch.inference_mode():
        for place, one in enumerate(tqdm(given, leave=False, disable=None)):
            if isinstance(one, Multitrack):
                name, compared = one.name, _compared_song(args, one)
            else:
                name, compared = _name(args, place), _compared(args, place)
            songs[place, name] = _errors(args, compared)
            if args.stimuli:
                _write_stimuli(args, name, compared)
    rows = [(name, mix, own) for (_, name), errors in songs.items() for mix, own in errors.items()]
    means = _means(list(songs.values()))
    if args.json:
        print(json.dumps({"songs": _as_objects(rows), "means": means}, indent=2))
    else:
        _print_tables(rows, means, None if args.mape else COLUMNS)
    return 0


def _check_files(args: argparse.Namespace) -> None:
    if not args.mixes or not args.reference:
        args.usage_error("expected MIX and --reference, or --data")
    if args.split or args.system:
        args.usage_error("--split and --system are of --data")
    if len(args.reference) not in (1, len(args.mixes)):
        args.usage_error(f"expected one reference or {len(args.mixes)}, got {len(args.reference)}")
    if args.stems and len(args.stems) != len(args.reference):
        args.usage_error("expected as many folders of stems as references")


def _of_data(args: argparse.Namespace) -> list[Multitrack]:
    """The songs of a data set of which a mix is known."""
    listed = load_dataset(args.data)
    chosen = [song for song in listed if args.split in (None, song.split)]
    if not chosen:
        splits = sorted({song.split for song in listed})
        raise ValueError(f"--split: expected one of {', '.join(splits)}, got {args.split}")
    songs = [song for song in chosen if song.mixes]
    if not songs:
        raise ValueError(f"{args.data}: no mix of any song is known, with which to compare")
    if len(songs) < len(chosen):
        print_notes([f"{len(chosen) - len(songs)} songs have no mix, and are left out"])
    return songs


def _compared_song(args: argparse.Namespace, song: Multitrack) -> Comparison:
    """What systems and baselines make of a song, beside its mix."""
    print_notes(f"{song.name}: {note}" for note in song.notes if note not in song.remarks)
    return _with_notes(
        {}, song.mix(), song.sample_rate, song=song, systems=args.system, seed=args.seed
    )


def _name(args: argparse.Namespace, place: int) -> str:
    """What a song is called: as its reference, or as the folder of that where two are alike."""
    path = args.reference[place]
    alike = [other.stem for other in args.reference].count(path.stem) > 1
    return path.parent.name if alike else path.stem


def _compared(args: argparse.Namespace, place: int) -> Comparison:
    """The mixes of a song beside its reference, and the baselines; what is done to them is told."""
    reference = args.reference[place]
    own = args.mixes if len(args.reference) == 1 else [args.mixes[place]]
    names = [mix.stem for mix in own] if len(args.reference) == 1 else ["mix"]
    if len(set(names)) < len(names):
        names = [str(mix) for mix in own]
    song = None
    if args.stems:
        others = (*args.mixes, *args.reference)
        song = open_song(args.stems[place], audio_info(reference).sample_rate, besides=others)
    return _with_notes(dict(zip(names, own, strict=True)), reference, song=song, seed=args.seed)


def _with_notes(*what: Any, **how: Any) -> Comparison:
    """As `compare`, whose warnings are told as notes."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        compared = compare(*what, **how)
    print_notes(str(one.message) for one in said)
    return compared


def _errors(args: argparse.Namespace, compared: Comparison) -> dict[str, dict[str, float]]:
    measure = percentage_errors if args.mape else measure_errors
    return {
        name: measure(mix, compared.reference, compared.sample_rate)
        for name, mix in compared.mixes.items()
    }


def _write_stimuli(args: argparse.Namespace, name: str, compared: Comparison) -> None:
    mixes = {"reference": compared.reference, **compared.mixes}
    named = {Path(mix).stem.replace(" ", "_"): audio for mix, audio in mixes.items()}
    write_stimuli(args.stimuli, name, named, compared.sample_rate, overwrite=args.force)


def _as_objects(rows: list[tuple]) -> list[dict]:
    return [{"song": song, "mix": system, **errors} for song, system, errors in rows]


def _means(songs: list[dict]) -> dict[str, dict[str, dict[str, float]]]:
    """For each mix the mean of every error over songs, and the interval round it."""
    return {
        name: {metric: interval._asdict() for metric, interval in errors.items()}
        for name, errors in mean_errors(songs).items()
    }


def _print_tables(rows: list[tuple], means: dict, columns: tuple[str, ...] | None) -> None:
    columns = columns or tuple(name for name in rows[0][2] if name.startswith("mean_"))
    units = [METRICS[name].unit if name in METRICS else "" for name in columns]
    head = tuple(f"{name} {unit}".strip() for name, unit in zip(columns, units, strict=True))
    print_table(
        ("song", "mix", *head),
        [(song, system, *(f"{errors[c]:.3g}" for c in columns)) for song, system, errors in rows],
    )
    if len({song for song, _, _ in rows}) == 1:
        return
    print("\nmean over songs, and 95 % interval")
    print_table(
        ("mix", *head),
        [
            (system, *(f"{m[c]['mean']:.3g} [{m[c]['low']:.3g}, {m[c]['high']:.3g}]"
                       for c in columns))
            for system, m in means.items()
        ],
    )  # fmt: skip
