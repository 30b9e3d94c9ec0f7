"""`dasp info`: what is in audio files, and how loud."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.audio_io import AudioFileError, audio_info
from dasp.batch.measure_file import measure_file
from dasp.cli.pipes import is_pipe, receive
from dasp.cli.printing import print_table
from dasp.cli.reading import add_truncated_option
from dasp.layouts import layout_name

HEAD = (
    "file", "rate", "length", "channels", "format", "LUFS", "LRA", "max M", "max S", "dBTP"
)  # fmt: skip

LEAST_PEAK_DBTP = -150.0
"""What is softer is silence: the least step of 24 bits is at -138 dB."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Rate, length, channels and format of each file, its integrated loudness "
        "(BS.1770-4), loudness range (EBU Tech 3342), the maxima of momentary and short-term "
        "loudness (EBU Tech 3341), and true peak. Files may have any length."
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="an audio file, or - for a pipe"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--dual-mono", action="store_true",
        help="count a mono file as played on two loudspeakers: 3 LU more",
    )  # fmt: skip
    add_truncated_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print what each file is; those that cannot be read are reported at the end."""
    known, errors = [], []
    with ExitStack() as pipes:
        for path in tqdm(args.files, unit="file", leave=False, disable=None):
            try:
                file = receive(pipes) if is_pipe(path) else path
                known.append(_head(file) | {"file": str(path)})
                known[-1] |= _measures(file, args.dual_mono)
            except AudioFileError as error:
                if args.debug:
                    raise
                errors.append(f"{path}: {error.reason}")
    if args.json:
        print(json.dumps(known, indent=2))
    elif known:
        print_table(HEAD, [_row(facts) for facts in known])
    for line in errors:
        print(f"dasp info: {line}", file=sys.stderr)
    return 1 if errors else 0


def _head(path: Path) -> dict:
    """What is known before a sample is read, and no measures."""
    info = audio_info(path)
    return {
        "file": str(path),
        "sample_rate": info.sample_rate,
        "channels": info.channels,
        "layout": layout_name(info.layout) if info.layout else None,
        "frames": info.frames,
        "duration_s": info.duration_s,
        "format": info.format,
        "subtype": info.subtype,
        "loudness_lufs": None,
        "loudness_range_lu": None,
        "max_momentary_lufs": None,
        "max_short_term_lufs": None,
        "true_peak_dbtp": None,
        "sample_peak_dbfs": None,
    }


def _measures(path: Path, dual_mono: bool) -> dict:
    measured = measure_file(path, dual_mono=dual_mono)
    levels = measured.levels
    facts = {"frames": levels.frames, "duration_s": levels.frames / measured.info.sample_rate}
    if levels.true_peak_dbtp is not None and levels.sample_peak_dbfs is not None:
        facts["true_peak_dbtp"] = round(levels.true_peak_dbtp, 3)
        facts["sample_peak_dbfs"] = round(levels.sample_peak_dbfs, 3)
    if levels.loudness is not None:
        names = ("loudness_lufs", "loudness_range_lu", "max_momentary_lufs", "max_short_term_lufs")
        facts |= {name: round(value, 3) for name, value in zip(names, levels.loudness, strict=True)}
    return facts


def _row(facts: dict) -> tuple[str, ...]:
    layout = facts["layout"]
    named = f" ({layout})" if layout not in (None, "mono", "stereo") else ""
    lra = facts["loudness_range_lu"]
    return (
        facts["file"],
        f"{facts['sample_rate']} Hz",
        f"{facts['duration_s']:.2f} s",
        f"{facts['channels']}{named}",
        f"{facts['format']} {facts['subtype']}",
        lufs_text(facts["loudness_lufs"]),
        "-" if lra is None else f"{lra:.1f}",
        lufs_text(facts["max_momentary_lufs"]),
        lufs_text(facts["max_short_term_lufs"]),
        peak_text(facts["true_peak_dbtp"]),
    )


def lufs_text(level: float | None) -> str:
    """A loudness for a table."""
    return _text(level, ABSOLUTE_GATE_LUFS)


def peak_text(level: float | None) -> str:
    """A true peak for a table."""
    return _text(level, LEAST_PEAK_DBTP)


def _text(level: float | None, lowest: float) -> str:
    """A level for a table: nothing that is known, silence, or its decibels."""
    if level is None:
        return "-"
    return f"{level:.1f}" if level >= lowest else "silent"
