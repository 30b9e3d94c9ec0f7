"""`dasp mix`: a folder of stems to a mix, with the settings that made it."""

import argparse
import sys
from pathlib import Path


def add_parser(subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "mix",
        help="mix a folder of stems",
        description="Mix the audio files of a folder by rules: loudness balance, panning, "
        "high-passes, bus compression and a limiter at the target loudness. The settings are "
        "written beside the mix, as OUT with the ending .json; 'dasp render' mixes from them.",
    )
    parser.add_argument("stems", type=Path, metavar="STEMS", help="a folder with a file a track")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT", help="the mix, e.g. mix.wav"
    )
    parser.add_argument(
        "--target-lufs", type=float, default=-18.0, metavar="LUFS",
        help="integrated loudness of the mix (default: -18)",
    )  # fmt: skip
    add_output_options(parser)
    parser.set_defaults(handler=run)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """What every command that writes a mix takes."""
    parser.add_argument(
        "--subtype", choices=("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
        help="how samples are stored (default: PCM_24 where the format has it)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def run(args: argparse.Namespace) -> int:
    """Mix, write the audio and the settings, and print both."""
    from dataclasses import replace

    import torch

    from dasp.controllers.rules.rule_mix import rule_mix
    from dasp.data.multitrack import load_folder
    from dasp.mixing.settings import save_mix

    document = args.output.with_suffix(".json")
    refuse_existing(args, args.output, document)
    song = load_folder(args.stems)
    print_notes(song.notes)
    with torch.inference_mode():
        mix = rule_mix(song.names, song.tracks, song.sample_rate, target_lufs=args.target_lufs)
        tracks = [
            replace(track, file=str(file))
            for track, file in zip(mix.tracks, song.files, strict=True)
        ]
        mix = replace(mix, tracks=tuple(tracks))
        write_mix(args, song.tracks, mix)
    save_mix(document, mix)
    print(document)
    return 0


def write_mix(args: argparse.Namespace, tracks, mix) -> None:
    """Render a mix into the output, and print its settings and what it measures."""
    from dasp.analysis import measure_loudness, measure_true_peak
    from dasp.audio_io import save_audio
    from dasp.mixing.console import mix_down

    audio = mix_down(tracks, mix)
    print_settings(mix)
    loudness = measure_loudness(audio, mix.sample_rate).item()
    true_peak = measure_true_peak(audio, mix.sample_rate).max().item()
    print(f"\nloudness {loudness:.1f} LUFS, true peak {true_peak:.1f} dBTP")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save_audio(args.output, audio, mix.sample_rate, subtype=args.subtype, overwrite=args.force)
    print(args.output)


def print_settings(mix) -> None:
    """A line for each track, and one for each stage of the master strip."""
    from dasp.cli.show import print_table
    from dasp.mixing.settings import setting

    rows = []
    for track in mix.tracks:
        high_pass_hz = setting(track.strip, "freq_hz")
        rows.append(
            (
                track.name,
                track.role,
                f"{high_pass_hz:.0f} Hz" if high_pass_hz else "-",
                f"{setting(track.strip, 'gain_db', 0.0):+.1f} dB",
                pan_text(setting(track.strip, "pan", 0.0)),
            )
        )
    print_table(("track", "role", "high-pass", "gain", "pan"), rows)
    print()
    for processor, settings in mix.master:
        values = ", ".join(f"{name} {value}" for name, value in settings.items())
        print(f"master {processor.name}: {values}")


def pan_text(pan: float) -> str:
    """A pan as consoles print it: C, or L and R up to 100."""
    percent = round(100 * abs(pan))
    return f"{'L' if pan < 0 else 'R'}{percent}" if percent else "C"


def print_notes(notes) -> None:
    """What was done to make the stems fit, on stderr."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def refuse_existing(args: argparse.Namespace, *paths: Path) -> None:
    """Nothing is overwritten without `--force`, and nothing is computed in vain."""
    for path in paths:
        if path.exists() and not args.force:
            raise ValueError(f"{path}: exists already; --force replaces it")
