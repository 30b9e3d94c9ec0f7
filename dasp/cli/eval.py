"""`dasp eval`: how near mixes come to others, with baselines, and files for a listening test."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

from dasp.audio_io import load_audio
from dasp.cli.numbers import seed
from dasp.cli.output import add_force_option
from dasp.cli.printing import print_table
from dasp.cli.reading import add_truncated_option
from dasp.data.folders import load_song
from dasp.evaluation.automix_toolkit import percentage_errors
from dasp.evaluation.baselines import baselines
from dasp.evaluation.bootstrap import mean_interval
from dasp.evaluation.metrics import METRICS, measure_errors
from dasp.evaluation.stimuli import write_stimuli
from dasp.signal.resample import resample

COLUMNS = (
    "loudness", "true_peak", "crest_factor", "spectrum", "side_share", "panning", "sdr",
    "gain_invariant_sdr", "audio_features",
)  # fmt: skip


class Song(NamedTuple):
    """One reference, and the mixes that are compared with it, by name."""

    name: str
    reference: Tensor
    mixes: dict[str, Tensor]
    sample_rate: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Measure the error of each MIX against its reference, in the unit of each "
        "measure, and the mean over songs with 95 % bootstrap intervals. With one reference, all "
        "mixes are of that song; with as many as mixes, each has its own. SDRs are better the "
        "larger, all else the smaller."
    )
    parser.add_argument("mixes", nargs="+", type=Path, metavar="MIX", help="a mix to judge")
    parser.add_argument(
        "--reference", nargs="+", required=True, type=Path, metavar="REF", help="what it should be"
    )
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
    if len(args.reference) not in (1, len(args.mixes)):
        args.usage_error(f"expected one reference or {len(args.mixes)}, got {len(args.reference)}")
    if args.stems and len(args.stems) != len(args.reference):
        args.usage_error("expected as many folders of stems as references")

    rows = []
    with torch.inference_mode():
        for song in tqdm(_songs(args), total=len(args.reference), leave=False, disable=None):
            rows += [
                (song.name, system, _errors(args, mix, song)) for system, mix in song.mixes.items()
            ]
            if args.stimuli:
                _write_stimuli(args, song)
    if args.json:
        print(json.dumps({"songs": _as_objects(rows), "means": _means(rows)}, indent=2))
    else:
        _print_tables(rows, None if args.mape else COLUMNS)
    return 0


def _songs(args: argparse.Namespace) -> Iterator[Song]:
    """The songs one after the other, each mix cut or filled to the length of its reference."""
    for i, path in enumerate(args.reference):
        reference, rate = load_audio(path)
        own = args.mixes if len(args.reference) == 1 else [args.mixes[i]]
        names = [mix.stem for mix in own] if len(args.reference) == 1 else ["mix"]
        if len(set(names)) < len(names):
            names = [str(mix) for mix in own]
        mixes = {
            name: _fitted(*load_audio(mix), reference, rate, mix)
            for name, mix in zip(names, own, strict=True)
        }
        if args.stems:
            others = (*args.mixes, *args.reference)
            stems = load_song(args.stems[i], sample_rate=rate, besides=others)
            for remark in stems.remarks:
                print(f"note: {remark}", file=sys.stderr)
            time = reference.shape[-1]
            _note_length(args.stems[i], stems.frames - time, rate)
            heard = replace(stems.song, tracks=stems.excerpt(0, time))
            mixes |= baselines(heard, seed=args.seed)
        name = path.stem
        if [p.stem for p in args.reference].count(name) > 1:
            name = path.parent.name
        yield Song(name, reference, mixes, rate)


def _fitted(x, rate: int, reference, reference_rate: int, path: Path):
    """A mix at the rate and of the length of its reference, with a note where it had another."""
    if rate != reference_rate:
        print(f"note: {path}: resampled from {rate} to {reference_rate} Hz", file=sys.stderr)
        x = resample(x, rate, reference_rate)
    longer = x.shape[-1] - reference.shape[-1]
    _note_length(path, longer, reference_rate)
    return pad(x, (0, -longer))


def _note_length(path: Path, longer: int, rate: int) -> None:
    if longer:
        what = "longer" if longer > 0 else "shorter"
        print(f"note: {path}: {abs(longer) / rate:.3f} s {what} than the reference",
              file=sys.stderr)  # fmt: skip


def _errors(args: argparse.Namespace, mix, song: Song) -> dict[str, float]:
    measure = percentage_errors if args.mape else measure_errors
    return measure(mix, song.reference, song.sample_rate)


def _write_stimuli(args: argparse.Namespace, song: Song) -> None:
    mixes = {"reference": song.reference, **song.mixes}
    named = {Path(name).stem.replace(" ", "_"): mix for name, mix in mixes.items()}
    write_stimuli(args.stimuli, song.name, named, song.sample_rate, overwrite=args.force)


def _as_objects(rows: list[tuple]) -> list[dict]:
    return [{"song": song, "mix": system, **errors} for song, system, errors in rows]


def _means(rows: list[tuple]) -> dict[str, dict[str, dict[str, float]]]:
    """For each mix the mean of every error over songs, and the interval round it."""
    systems = dict.fromkeys(system for _, system, _ in rows)
    metrics = rows[0][2].keys()
    return {
        system: {
            metric: mean_interval([e[metric] for _, s, e in rows if s == system])._asdict()
            for metric in metrics
        }
        for system in systems
    }


def _print_tables(rows: list[tuple], columns: tuple[str, ...] | None) -> None:
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
            for system, m in _means(rows).items()
        ],
    )  # fmt: skip
