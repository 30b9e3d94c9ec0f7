"""`dasp normalise`: files at a loudness, below a true peak."""

import argparse
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from dasp.audio_io import read_tags
from dasp.batch.normalise_files import Target, measure_all, plan_all
from dasp.batch.paths import Found, check_apart, find_files
from dasp.batch.run import plan
from dasp.batch.threads import in_threads
from dasp.cli.info import lufs_text, peak_text
from dasp.cli.numbers import count, number, target_lufs
from dasp.cli.output import (
    add_output_options,
    clipping_notes,
    refuse_existing,
    refuse_formats,
    suffix,
    writing,
)
from dasp.cli.pipes import is_pipe, receive, send, to_send
from dasp.cli.printing import print_notes, print_table, tell
from dasp.cli.reading import add_truncated_option
from dasp.file_names import as_found
from dasp.mixing.targets import CEILING_DB, FILE_LUFS

HEAD = ("file", "LUFS", "dBTP", "gain", "LUFS after", "dBTP after")


class File(NamedTuple):
    """A file: what it is called, where it is read, and where its new one goes."""

    name: str
    source: Path
    target: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Bring each file to an integrated loudness (ITU-R BS.1770-4) by one gain, as "
        "far as its true peak allows, and print what it was and is. Nothing else is changed. With "
        "--album all files get the same gain, and stay as far apart as they are. Files may have "
        "any length. Silence is left as it is, and named."
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE",
        help="an audio file, a folder, a quoted 'in/**/*.wav', or - for a pipe",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="OUT",
        help="the new file; for several files, or with a / at the end, a folder, in which they "
        "stand as the old ones did beneath the input; - is a WAV into a pipe",
    )  # fmt: skip
    parser.add_argument(
        "--suffix", default="", metavar="TEXT",
        help="put before the ending of the new names, e.g. _loud (one that begins with a dash "
        "needs an equals sign: --suffix=-loud); without -o the new files stand beside the old ones",
    )  # fmt: skip
    parser.add_argument(
        "--name", default="{stem}", metavar="TEMPLATE",
        help="name of the new files in a folder, without the ending (default: {stem}, the old "
        "name)",
    )  # fmt: skip
    parser.add_argument("--format", metavar="ENDING", help="wav, flac, ... (default: the old one)")
    parser.add_argument(
        "--lufs", type=target_lufs, default=FILE_LUFS, metavar="LUFS",
        help=f"the integrated loudness (default: {FILE_LUFS:g})",
    )  # fmt: skip
    parser.add_argument(
        "--true-peak", type=number("dB", low=-60.0, high=0.0), default=CEILING_DB,
        metavar="DBTP", help=f"the true peak that is not exceeded (default: {CEILING_DB:g})",
    )  # fmt: skip
    parser.add_argument(
        "--limit", action="store_true",
        help="where peaks forbid the loudness, limit them instead of stopping short",
    )  # fmt: skip
    parser.add_argument("--album", action="store_true", help="one gain for all files")
    parser.add_argument(
        "--dual-mono", action="store_true",
        help="count mono files as played on two loudspeakers: 3 LU more",
    )  # fmt: skip
    parser.add_argument(
        "-j", "--jobs", type=count, metavar="N",
        help="files at a time (default: the number of cores)",
    )  # fmt: skip
    parser.add_argument(
        "--dry-run", action="store_true", help="measure, and say what would be done"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_truncated_option(parser)
    add_output_options(parser)


def run(args: argparse.Namespace) -> int:
    """Measure all, plan, write, and report."""
    if not (args.output or args.suffix or args.dry_run):
        args.usage_error("expected -o OUT, --suffix TEXT, or --dry-run")
    with ExitStack() as pipes:
        files = _files(args, pipes)
        targets = [file.target for file in files if file.target is not None]
        if not (args.dry_run or is_pipe(args.output or "")):
            refuse_formats(args, *targets)
            refuse_existing(args, *targets)
        return _normalise(args, files)


def _normalise(args: argparse.Namespace, files: list[File]) -> int:
    target = Target(args.lufs, args.true_peak, args.limit, args.album, args.dual_mono)
    workers = args.jobs or os.cpu_count() or 1
    attempts = measure_all([file.source for file in files], target, workers)
    pairs = list(zip(files, attempts, strict=True))
    good = [(file, one) for file, one in pairs if not isinstance(one, Exception)]
    for file, error in pairs:
        if isinstance(error, Exception):
            if args.debug:
                raise error
            tell(f"dasp normalise: {_naming(file, error)}", sys.stderr)
    if args.album and len(good) < len(pairs):
        raise ValueError("an album needs all of its files: nothing was written")
    plans = plan_all([f.source for f, _ in good], [m for _, m in good], target, workers)
    planned = [(file, plan) for (file, _), plan in zip(good, plans, strict=True)]
    failures = len(pairs) - len(good)
    if not args.dry_run:
        failures += _write_all(args, planned, workers)
    _report(args, planned)
    return 1 if failures else 0


def _write_all(args: argparse.Namespace, planned: list, workers: int) -> int:
    """Write the new files; how many could not be."""

    def write(pair):
        file, plan = pair
        info = plan.measured.info
        tags = read_tags(file.source, info.sample_rate)
        choices = writing(args).in_blocks(file.target, like=info, tags=tags)
        try:
            return plan.write(file.target, args.true_peak, {**choices, "overwrite": True})
        except (ValueError, OSError) as error:
            return error

    failures = 0
    for (file, _), saved in zip(planned, in_threads(write, planned, workers), strict=True):
        if isinstance(saved, Exception):
            if args.debug:
                raise saved
            tell(f"dasp normalise: {_naming(file, saved)}", sys.stderr)
            failures += 1
            continue
        print_notes([f"{file.target}: {note}" for note in saved.notes])
        if is_pipe(args.output or ""):
            send(file.target)
        else:
            print_notes(clipping_notes(file.target, saved.over, saved.gain_db))
    return failures


def _files(args: argparse.Namespace, pipes: ExitStack) -> list[File]:
    """Every file with the place of its new one."""
    into_pipe = is_pipe(args.output or "")
    suffixes = [suffix(args.format)] if args.format else []
    if any(map(is_pipe, args.files)):
        if len(args.files) > 1:
            raise ValueError("-: one file comes out of a pipe, got several")
        if not (into_pipe or args.output or args.dry_run):
            args.usage_error("expected -o OUT or --dry-run for a pipe")
        target = to_send(pipes) if into_pipe else args.output and as_found(args.output)
        return [File("-", receive(pipes), target)]
    notes: list[str] = []
    found = find_files(args.files, notes)
    print_notes(notes)
    if not found:
        raise ValueError(f"{' '.join(args.files)}: nothing to do, no such files")
    if into_pipe:
        if len(found) > 1:
            raise ValueError("-: one file goes into a pipe, got several")
        return [File(str(found[0].path), found[0].path, to_send(pipes))]
    name = args.name + args.suffix
    if args.output is None:
        if not args.suffix:
            return [File(str(item.path), item.path, None) for item in found]
        return _beside(args.suffix, found, name, suffixes)
    is_folder = args.output.endswith("/") or as_found(args.output).is_dir()
    if len(found) == 1 and not is_folder and not Path(args.files[0]).is_dir():
        return [File(str(found[0].path), found[0].path, as_found(args.output))]
    jobs = plan(found, as_found(args.output), name=name, suffixes=suffixes)
    return [File(str(job.source), job.source, job.targets[0]) for job in jobs]


def _beside(suffix: str, found: list, name: str, suffixes: list[str]) -> list[File]:
    """New names in the folders of the old files, of which earlier results are none."""
    earlier = [item.path for item in found if item.path.stem.endswith(suffix)]
    print_notes([f"{path}: is an earlier result by its name, and passed over" for path in earlier])
    files = [
        File(str(job.source), job.source, job.targets[0])
        for path in (item.path for item in found)
        if path not in earlier
        for job in plan([Found(path, path.parent)], path.parent, name=name, suffixes=suffixes)
    ]
    targets = [target for _, _, target in files if target]
    for target in targets:
        if targets.count(target) > 1:
            raise ValueError(f"{target}: two files would be written to this one")
    check_apart(targets)
    return files


def _naming(file: File, error: Exception) -> str:
    """The error with the file it belongs to."""
    return f"{file.name}: {getattr(error, 'reason', error)}"


def _report(args: argparse.Namespace, planned: list) -> None:
    """The table, or JSON; beside audio in a pipe, on stderr."""
    stream = sys.stderr if is_pipe(args.output or "") and not args.dry_run else sys.stdout
    print_notes([f"{file.name}: {plan.note}" for file, plan in planned if plan.note])
    if args.json:
        print(json.dumps([_facts(file, plan) for file, plan in planned], indent=2), file=stream)
    elif planned:
        print_table(HEAD, [_row(file, plan) for file, plan in planned], stream)


def _row(file: File, plan) -> tuple[str, ...]:
    before, after = plan.measured.levels, plan.after
    return (
        file.name,
        lufs_text(before.loudness and before.loudness.integrated_lufs),
        peak_text(before.true_peak_dbtp),
        f"{plan.gain_db:+.1f} dB" + (", limited" if plan.through_limiter else ""),
        lufs_text(after.loudness and after.loudness.integrated_lufs),
        peak_text(after.true_peak_dbtp),
    )


def _facts(file: File, plan) -> dict:
    return {
        "file": file.name,
        "output": None if file.target is None else str(file.target),
        "gain_db": round(plan.gain_db, 3),
        "limited": plan.through_limiter,
        "before": _levels(plan.measured.levels),
        "after": _levels(plan.after),
        "note": plan.note,
    }


def _levels(levels) -> dict:
    loudness = levels.loudness and levels.loudness.integrated_lufs
    return {
        "loudness_lufs": None if loudness is None else round(loudness, 3),
        "true_peak_dbtp": levels.true_peak_dbtp and round(levels.true_peak_dbtp, 3),
    }
