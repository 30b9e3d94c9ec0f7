"""`dasp mix`: a folder of stems to a mix, with the settings that made it."""

import argparse
import sys
from contextlib import contextmanager
from pathlib import Path

from dasp.cli.output import add_output_options, refuse_existing


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


def run(args: argparse.Namespace) -> int:
    """Mix, write the audio and the settings, and print both."""
    from dataclasses import replace

    import torch

    from dasp.controllers.rules.rule_mix import rule_mix
    from dasp.data.multitrack import load_folder
    from dasp.mixing.settings import save_mix

    document = args.output.with_suffix(".json")
    refuse_existing(args, args.output, document)
    with steps("reading", "listening", "mixing") as step, torch.inference_mode():
        step()
        song = load_folder(args.stems)
        step()
        mix = rule_mix(song.names, song.tracks, song.sample_rate, target_lufs=args.target_lufs)
        files = zip(mix.tracks, song.files, strict=True)
        mix = replace(mix, tracks=tuple(replace(track, file=str(file)) for track, file in files))
        step()
        audio = mix_and_save(args, song.tracks, mix)
    save_mix(document, mix)
    print_notes(song.notes)
    print_mix(mix, audio)
    print(f"{args.output}\n{document}")
    return 0


def mix_and_save(args: argparse.Namespace, tracks, mix):
    """The audio of a mix, which is also written to the output."""
    from dasp.audio_io import save_audio
    from dasp.mixing.console import mix_down

    audio = mix_down(tracks, mix)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    save_audio(args.output, audio, mix.sample_rate, subtype=args.subtype, overwrite=args.force)
    return audio


@contextmanager
def steps(*names: str):
    """A progress bar that says which of a few long steps is under way."""
    from tqdm import tqdm

    with tqdm(total=len(names), leave=False, disable=None, bar_format="{desc} {bar:20}") as bar:
        remaining = iter(names)

        def step() -> None:
            bar.set_description_str(next(remaining))
            bar.update()

        yield step


def print_mix(mix, audio) -> None:
    """The settings of every strip, and what the mix measures."""
    from dasp.analysis import measure_loudness, measure_true_peak

    _print_strips(mix)
    print()
    for processor, settings in mix.master:
        values = ", ".join(f"{name} {value}" for name, value in settings.items())
        print(f"master {processor.name}: {values}")
    loudness = measure_loudness(audio, mix.sample_rate).item()
    true_peak = measure_true_peak(audio, mix.sample_rate).max().item()
    print(f"\nloudness {loudness:.1f} LUFS, true peak {true_peak:.1f} dBTP")


def _print_strips(mix) -> None:
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


def pan_text(pan: float) -> str:
    """A pan as consoles print it: C, or L and R up to 100."""
    percent = round(100 * abs(pan))
    return f"{'L' if pan < 0 else 'R'}{percent}" if percent else "C"


def print_notes(notes) -> None:
    """What was done to make the stems fit, on stderr."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
