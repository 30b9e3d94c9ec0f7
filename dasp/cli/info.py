"""`dasp info`: what is in audio files, and how loud."""

import argparse
import json
import sys
from pathlib import Path

from dasp.cli.show import print_table

HEAD = ("file", "rate", "length", "channels", "format", "LUFS", "dBTP")


def add_parser(subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "info",
        help="format, loudness and true peak of files",
        description="Rate, length, channels, format, integrated loudness (BS.1770-4) and true "
        "peak of each file.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an audio file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """Print what each file is; those that cannot be read are reported at the end."""
    from tqdm import tqdm

    from dasp.audio_io import AudioFileError

    known, errors = [], []
    for path in tqdm(args.files, unit="file", leave=False, disable=None):
        try:
            known.append(_measure(path))
        except AudioFileError as error:
            if args.debug:
                raise
            errors.append(error)
    if args.json:
        print(json.dumps(known, indent=2))
    elif known:
        print_table(HEAD, [_row(facts) for facts in known])
    for error in errors:
        print(f"dasp info: {error}", file=sys.stderr)
    return 1 if errors else 0


def _measure(path: Path) -> dict:
    from dasp.analysis import measure_loudness, measure_true_peak
    from dasp.audio_io import audio_info, load_audio

    info = audio_info(path)
    x, sample_rate = load_audio(path)
    return {
        "file": str(path),
        "sample_rate": info.sample_rate,
        "channels": info.channels,
        "frames": x.shape[-1],
        "duration_s": x.shape[-1] / sample_rate,
        "format": info.format,
        "subtype": info.subtype,
        "loudness_lufs": _number(measure_loudness, x, sample_rate),
        "true_peak_dbtp": _number(measure_true_peak, x, sample_rate),
    }


def _number(measure, x, sample_rate: int) -> float | None:
    """The largest number of a measure; None where it has no meaning, as for no samples."""
    try:
        return round(measure(x, sample_rate).max().item(), 3)
    except ValueError:
        return None


def _row(facts: dict) -> tuple[str, ...]:
    return (
        facts["file"],
        f"{facts['sample_rate']} Hz",
        f"{facts['duration_s']:.2f} s",
        str(facts["channels"]),
        f"{facts['format']} {facts['subtype']}",
        _level(facts["loudness_lufs"], lowest=-70.0),
        _level(facts["true_peak_dbtp"], lowest=-150.0),
    )


def _level(level: float | None, *, lowest: float) -> str:
    if level is None:
        return "-"
    return f"{level:.1f}" if level >= lowest else "silent"
