"""`dasp batch`: folders of files through a chain, or of songs to mixes, on all cores."""

import argparse
import os
import sys
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from dasp.batch.journal import Journal
from dasp.batch.mix_song import MixSong
from dasp.batch.paths import find_files, find_songs
from dasp.batch.processes import in_processes
from dasp.batch.ray_data import import_ray, in_ray
from dasp.batch.run import plan, strangers, unfinished
from dasp.batch.run import run as run_batch
from dasp.batch.settings import read_table
from dasp.cli.effects import in_series
from dasp.cli.mix import add_system_option
from dasp.cli.numbers import count, seconds, target_lufs
from dasp.cli.output import add_output_options, clipping_notes, suffix, writing
from dasp.cli.prepare import add_no_prepare_option
from dasp.cli.printing import print_notes, tell
from dasp.cli.process import add_effect_options, add_run_options, work
from dasp.file_names import as_found
from dasp.mixing.targets import MIX_LUFS
from dasp.processors.document import from_document

JOURNAL = "dasp-batch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Run every file through effects, or with --mix every song (a folder of "
        "tracks, or with stems/ or tracks/ in it) through "
        "'dasp mix'. New files stand in OUT as the old ones did beneath the input, "
        "and beside them a journal, a line of JSON for each. A file that cannot be processed is "
        "named, and the others are written."
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="IN", help="a file, a folder, or a quoted 'in/**/*.wav'"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=as_found,
        metavar="OUT",
        help="the folder of new files",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    add_effect_options(what)
    what.add_argument("--mix", action="store_true", help="mix every song")
    parser.add_argument(
        "--settings", type=Path, metavar="CSV",
        help="settings of single files: a column 'file', and one for each parameter by its name",
    )  # fmt: skip
    add_system_option(parser)
    parser.add_argument(
        "--target-lufs", type=target_lufs, default=MIX_LUFS, metavar="LUFS",
        help=f"with --mix, the integrated loudness of the mixes (default: {MIX_LUFS:g})",
    )  # fmt: skip
    add_no_prepare_option(parser)
    parser.add_argument(
        "--name", default="{stem}", metavar="TEMPLATE",
        help="name of the new files, without the ending (default: {stem}, the old name)",
    )  # fmt: skip
    parser.add_argument(
        "--format", metavar="ENDING", help="wav, flac, ... (default: the old one; for mixes wav)"
    )
    add_run_options(parser)
    _add_batch_options(parser)
    add_output_options(parser)


def _add_batch_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-j", "--jobs", type=count, metavar="N",
        help="files at a time, each in a process of its own (default: the number of cores)",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help="give up a file that takes longer"
    )
    parser.add_argument(
        "--resume", action="store_true",
        help="go on where an earlier run was stopped: leave what is whole and was made from the "
        "same, make the rest",
    )  # fmt: skip
    parser.add_argument(
        "--shard", type=_shard, default=(1, 1), metavar="I/N",
        help="do only the I-th of N parts, for N machines that share the work",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument(
        "--report", type=Path, metavar="JSONL", help=f"the journal (default: OUT/{JOURNAL}.jsonl)"
    )
    parser.add_argument(
        "--engine", choices=("processes", "ray"), default="processes",
        help="where the work is done: processes of this machine, or a Ray cluster",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Plan, refuse what cannot be, do the rest."""
    if args.engine == "ray":
        import_ray()
    task, jobs = _mixes(args) if args.mix else _files(args)
    if not jobs:
        raise ValueError(f"{' '.join(args.inputs)}: nothing to do, no such files")
    part, parts = args.shard
    jobs = jobs[part - 1 :: parts]
    path = args.report or args.output / f"{_journal_name(part, parts)}.jsonl"
    earlier = {path, *args.output.glob(f"{JOURNAL}*.jsonl")} if args.resume else ()
    journal = Journal(path, args.output, [file for file in sorted(earlier) if file.exists()])
    todo = unfinished(task, jobs, journal) if args.resume else jobs
    if args.dry_run:
        return _say_what_would_be_done(jobs, todo)
    in_the_way = strangers(todo, journal)
    if in_the_way and not args.force:
        more = f", and {len(in_the_way) - 1} more" if len(in_the_way) > 1 else ""
        raise ValueError(
            f"{in_the_way[0]}: exists already{more}; --force replaces what exists, --resume goes "
            f"on where an earlier run was stopped"
        )
    args.output.mkdir(parents=True, exist_ok=True)
    with journal:
        return _do(args, task, todo, journal, skipped=len(jobs) - len(todo))


def _files(args: argparse.Namespace):
    if args.no_prepare:
        args.usage_error("--no-prepare is for --mix, not for effects")
    task = work(args, args.chain or in_series(args.effects), overwrite=True)
    processor, settings = from_document(task.document)
    table = read_table(args.settings, processor, settings) if args.settings else None
    suffixes = [suffix(args.format)] if args.format else []
    notes: list[str] = []
    found = find_files(args.inputs, notes)
    print_notes(notes)
    return task, plan(found, args.output, name=args.name, suffixes=suffixes, table=table)


def _mixes(args: argparse.Namespace):
    if args.settings or args.tail or args.rate or args.segment or args.device != "cpu":
        args.usage_error(
            "--settings, --tail, --rate, --segment and --device are for effects, not for --mix"
        )
    task = MixSong(
        args.system,
        args.target_lufs,
        writing(args),
        allow_truncated=args.allow_truncated,
        overwrite=True,
        prepare=not args.no_prepare,
    )
    suffixes = [suffix(args.format or "wav"), ".json"]
    notes: list[str] = []
    songs = find_songs(args.inputs, notes)
    print_notes(notes)
    return task, plan(songs, args.output, name=args.name, suffixes=suffixes)


def _do(args: argparse.Namespace, task, todo, journal, *, skipped: int) -> int:
    engine = in_ray if args.engine == "ray" else in_processes
    workers = args.jobs or (os.cpu_count() if args.device == "cpu" else 1) or 1
    written = failures = 0
    outcomes = run_batch(
        task,
        todo,
        journal,
        workers=max(1, min(workers, len(todo))),
        timeout_s=args.timeout,
        engine=engine,
    )
    try:
        with (
            tqdm(total=len(todo), unit="file", leave=False, disable=None) as bar,
            closing(outcomes),
        ):
            for job, outcome in outcomes:
                bar.update()
                if outcome["status"] != "ok":
                    failures += 1
                    tell(f"dasp batch: {outcome['reason']}", sys.stderr)
                    continue
                written += 1
                print_notes(f"{job.source}: {remark}" for remark in outcome.get("notes", ()))
                print_notes(clipping_notes(job.targets[0], outcome["over"], outcome["gain_db"]))
    except KeyboardInterrupt:
        print("dasp batch: stopped; --resume goes on from here", file=sys.stderr)
        return 130
    finally:
        print(f"{written} written, {skipped} whole already, {failures} failed")
    return 1 if failures else 0


def _say_what_would_be_done(jobs, todo) -> int:
    needed = {job.targets for job in todo}
    for job in jobs:
        targets = " ".join(map(str, job.targets))
        print(f"{job.source} -> {targets}{'' if job.targets in needed else ' (whole already)'}")
    return 0


def _journal_name(part: int, parts: int) -> str:
    return JOURNAL if parts == 1 else f"{JOURNAL}-{part}-of-{parts}"


def _shard(text: str) -> tuple[int, int]:
    part, slash, parts = text.partition("/")
    if not slash or not part.isdigit() or not parts.isdigit() or not 1 <= int(part) <= int(parts):
        raise argparse.ArgumentTypeError(f"expected I/N with I from 1 to N, got {text!r}")
    return int(part), int(parts)
