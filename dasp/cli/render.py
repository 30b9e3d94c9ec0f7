"""`dasp render`: the mix that a `mix.json` describes, and its stems."""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from dasp.audio_io import has_subtype
from dasp.batch.paths import check_apart, inside
from dasp.cli.mix import print_mix, steps
from dasp.cli.output import (
    add_output_options,
    clipping_notes,
    refuse_existing,
    refuse_formats,
    suffix,
    with_room,
    writing,
)
from dasp.cli.printing import print_notes
from dasp.cli.reading import add_truncated_option
from dasp.file_names import as_found
from dasp.mixing.document import load_mix
from dasp.mixing.mixdown import mix_stems, through_master
from dasp.songs.folders import check_is_no_track, taken_for_a_track
from dasp.songs.opening import open_song


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Mix the tracks that a mix.json names, with its settings. The same settings "
        "and files give the same samples. With --stems every track, group and bus is written as it "
        "is heard behind its strip, for any studio: tracks without a group, groups and buses add "
        "up to what the master strip hears."
    )
    parser.add_argument("mix", type=Path, metavar="MIX.json", help="the settings of a mix")
    parser.add_argument(
        "-o", "--output", type=as_found, metavar="OUT", help="the mix, e.g. mix.wav"
    )
    parser.add_argument(
        "--stems", type=as_found, metavar="FOLDER",
        help="where 'kick.wav', 'drums (group).wav' and 'reverb (bus).wav' go; of floats, unless "
        "--subtype says otherwise, so that nothing clips",
    )  # fmt: skip
    parser.add_argument(
        "--format",
        default="wav",
        metavar="ENDING",
        help="of the stems: wav, flac, ... (default: wav)",
    )
    add_output_options(parser)
    add_truncated_option(parser)


def run(args: argparse.Namespace) -> int:
    """Load the tracks, mix them, write the audio."""
    if not args.output and not args.stems:
        args.usage_error("expected -o OUT for the mix, --stems FOLDER for its stems, or both")

    mix = load_mix(args.mix, with_files=True)
    files = _stem_files(args, mix) if args.stems else []
    outputs = [*files, *([args.output] if args.output else [])]
    for output in outputs:
        check_is_no_track(output, [track.file for track in mix.tracks])
    refuse_formats(args, *outputs)
    refuse_existing(args, *outputs)
    notes = []
    with steps("reading", "mixing") as step, torch.inference_mode():
        step()
        song = open_song(mix)
        step()
        tracks = song.tracks
        stems = mix_stems(tracks, mix)
        audio = through_master(stems, tracks, mix)
        if args.output:
            notes += _save(args, args.output, audio, mix.sample_rate)
            notes += taken_for_a_track(args.output, [track.file for track in mix.tracks])
        for file, stem in zip(files, stems, strict=bool(files)):
            notes += _save(args, file, stem.audio, mix.sample_rate, "FLOAT")
    if files:
        notes += _what_the_sum_is(stems)
    print_notes([*song.notes, *notes])
    print_mix(mix, audio, tracks)
    print(*outputs, sep="\n")
    return 0


def _stem_files(args: argparse.Namespace, mix) -> list[Path]:
    """The files of tracks, groups and buses, in that order."""
    names = [track.name for track in mix.tracks]
    names += [f"{group.name} (group)" for group in mix.groups]
    names += [f"{bus.name} (bus)" for bus in mix.buses]
    ending = suffix(args.format)
    plain = [name.replace("/", "-").replace("\\", "-") for name in names]
    for name in plain:
        if plain.count(name) > 1:
            raise ValueError(f"{args.mix}: two stems would be called {name}{ending}")
    files = [inside(args.stems, f"{name}{ending}") for name in plain]
    check_apart(files)
    return files


def _save(args: argparse.Namespace, path: Path, x, sample_rate: int, subtype: str = "") -> list:
    """Write a file; `subtype` is how samples are stored where nothing else is asked for."""
    how = writing(args)
    if how.subtype is None and subtype and has_subtype(path, subtype):
        how = replace(how, subtype=subtype)
    saved = how.save(with_room(path), x, sample_rate, overwrite=args.force)
    return clipping_notes(path, saved.over, saved.gain_db)


def _what_the_sum_is(stems) -> list[str]:
    inside = [stem.name for stem in stems if not stem.to_master]
    if not inside:
        return ["all stems add up to what the master strip hears"]
    return [
        f"all stems but {', '.join(inside)} (which are in their groups) add up to what the master "
        f"strip hears"
    ]
