"""`dasp mix`: a folder of stems to a mix, with the settings that made it."""

import argparse
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.audio_io import whole
from dasp.cli.first_stage import (
    add_first_stage_options,
    refuse_first_stage,
    through_first_stage,
)
from dasp.cli.mix_like import add_reference_option, like_references, read_references
from dasp.cli.numbers import number, share, target_lufs, whole_number
from dasp.cli.output import (
    add_output_options,
    clipping_notes,
    refuse_existing,
    refuse_formats,
    with_room,
    writing,
)
from dasp.cli.prepare import add_no_prepare_option, add_undo_option
from dasp.cli.printing import print_notes, print_table
from dasp.cli.reading import add_truncated_option
from dasp.cli.wishes import add_wish_options, options_in, why_roles, wishes_of
from dasp.controllers.heard import heard_of
from dasp.controllers.kit_view import kit_seen_from
from dasp.controllers.rules.strips import at_loudness
from dasp.controllers.systems import audio_of, missed_target, wanted_lufs
from dasp.controllers.table import BY_REFERENCE, CONVERTERS, DEFAULT, LEARNT, NETWORKS, SYSTEMS
from dasp.controllers.variants import LEANINGS, variants
from dasp.desk import all_wishes, prepared_song
from dasp.desk import mix as find_mix
from dasp.file_names import as_found
from dasp.mixing.at_work import reductions_at_work
from dasp.mixing.document import load_mix, save_mix
from dasp.mixing.mixdown import mix_down, prepared_tracks
from dasp.mixing.roles import check_roles
from dasp.mixing.settings import Channel
from dasp.mixing.summary import pan_text, stage_text, switches
from dasp.mixing.targets import MIX_LUFS
from dasp.mixing.wishes import SEEN_FROM, Wishes, with_roles
from dasp.preparation import undo
from dasp.processors.catalogue import GAIN
from dasp.processors.stage import find_stage, setting
from dasp.signal.backends._memory import let_go
from dasp.songs.folders import SESSION, check_is_no_track, taken_for_a_track
from dasp.songs.opening import open_song
from dasp.songs.preview import preview
from dasp.songs.session import find_session

PREVIEW_S = 20.0

MAKE_AUDIO = (*NETWORKS, *CONVERTERS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Mix the audio files of a folder. If no other system is named, stems that were worked on "
        "get a balance, and dry tracks are mixed by a trained console: level, pan, EQ, compression "
        "and reverb of each track; and a limiter at the target loudness. The settings are written "
        "beside the mix, as OUT with the ending .json; 'dasp render' mixes from them. With --start "
        "the tracks are those of an earlier mix, of which all that is locked is kept. Tracks are "
        "put right first, as 'dasp prepare' does it."
    )
    tracks = parser.add_mutually_exclusive_group(required=True)
    tracks.add_argument(
        "stems",
        nargs="?",
        type=Path,
        metavar="STEMS",
        help="a folder with a file a track, or with stems/ or tracks/; mixes in it are passed over",
    )
    tracks.add_argument(
        "--start", type=Path, metavar="MIX.json", help='a mix whose "locked" settings are kept'
    )
    parser.add_argument(
        "-o", "--output", required=True, type=as_found, metavar="OUT", help="the mix, e.g. mix.wav"
    )
    add_system_option(parser, BY_REFERENCE, MAKE_AUDIO)
    parser.add_argument(
        "--weights", type=Path, metavar="FILE",
        help="what a training has written: another console, forest or network than the one of the "
        "package",
    )  # fmt: skip
    parser.add_argument(
        "--target-lufs", type=target_lufs, metavar="LUFS",
        help=f"integrated loudness of the mix (default: {MIX_LUFS:g}, or that of the genre; with "
        f"--amount 0 that of the plain sum)",
    )  # fmt: skip
    parser.add_argument(
        "--amount", type=share, default=1.0, metavar="SHARE",
        help="how far to go from the plain sum, 0, to the mix, 1 (default: 1)",
    )  # fmt: skip
    add_reference_option(parser)
    add_first_stage_options(parser)
    add_wish_options(parser)
    parser.add_argument(
        "--variants", type=whole_number(low=2, high=1 + len(LEANINGS)), metavar="COUNT",
        help=f"several mixes to choose from, OUT and its settings with the name of each behind: as "
        f"found, and leaning to {', '.join(LEANINGS)}, as far apart as can be heard",
    )  # fmt: skip
    parser.add_argument(
        "--preview", nargs="?", type=number("s", above=0.0), const=PREVIEW_S, metavar="SECONDS",
        help=f"mix only the part in which most plays, of {PREVIEW_S:g} s; no more of the files is "
        f"read",
    )  # fmt: skip
    add_no_prepare_option(parser)
    add_undo_option(parser)
    add_output_options(parser)
    add_truncated_option(parser)


def add_system_option(
    parser: argparse.ArgumentParser, like: Sequence[str] = (), networks: Sequence[str] = ()
) -> None:
    """Declare which mixer finds the settings; `like` mix like references, and `networks` make
    audio instead."""
    others = f"; those of a mix like a reference: {', '.join(like)}" if like else ""
    others += f"; or what makes the mix itself: {', '.join(networks)}" if networks else ""
    parser.add_argument(
        "--system", default=DEFAULT, choices=(*SYSTEMS, *like, *networks), metavar="NAME",
        help=f"what finds the settings of a mix: {', '.join(SYSTEMS)}{others} (default: {DEFAULT})",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Mix, write the audio and the settings, and print both."""
    if args.system in (*BY_REFERENCE, *CONVERTERS) and not args.reference:
        args.usage_error(f"--reference: {args.system} mixes like other mixes, and needs one")
    makes_audio = args.system in MAKE_AUDIO
    if args.weights and args.system not in LEARNT:
        args.usage_error(f"--weights: {args.system} has none")
    if makes_audio and (args.amount != 1 or args.start):
        args.usage_error(f"--amount, --start: {args.system} has no settings")
    if args.reference_stems and makes_audio:
        args.usage_error(f"--reference-stems: {args.system} has no settings to turn")
    if args.reference and args.system in NETWORKS:
        args.usage_error(f"--reference: {args.system} has no settings to turn")
    wishes = wishes_of(args)
    if makes_audio and (refused := options_in(wishes)):
        args.usage_error(f"{', '.join(refused)}: {args.system} makes audio, and cannot follow")
    if args.no_prepare and args.undo:
        args.usage_error("--undo: with --no-prepare nothing is done that could be undone")
    if makes_audio and args.variants:
        args.usage_error(f"--variants: {args.system} makes one mix")
    refuse_first_stage(args)
    document = args.output.with_suffix(".json")
    refuse_formats(args, args.output)
    if args.variants:
        return _run_variants(args, wishes)
    refuse_existing(args, args.output, *(() if makes_audio else (document,)))
    with steps("reading", "listening", "mixing") as step, torch.inference_mode():
        step()
        stems, start = through_first_stage(args, wishes, *read_song(args, wishes))
        step()
        asked = all_wishes(stems, start, wishes)
        if makes_audio:
            tracks, mix, notes = _made(args, stems, start, asked)
            notes += taken_for_a_track(args.output, stems.files)
        else:
            tracks = stems.tracks
            mix, notes = _found(args, stems, start, wishes)
        step()
        audio = mix_and_save(args, tracks, mix)
        if not makes_audio:
            with whole(document) as unfinished:
                save_mix(unfinished, mix)
        if missed := missed_target(mix, audio, _target_lufs(args, asked)):
            notes.append(missed)
    print_notes((*stems.notes, *notes))
    if makes_audio:
        print_mix(mix, audio)
    else:
        print_mix(mix, audio, tracks, why_roles(stems, start if args.start else None, wishes, mix))
        if view := kit_seen_from(mix, prepared_tracks(tracks, mix)):
            other = next(one for one in SEEN_FROM if one != view)
            print(f"the kit is seen as the {view} sees it; --kit {other} turns it round")
    print(args.output)
    if not makes_audio:
        print(document)
    return 0


def _run_variants(args: argparse.Namespace, wishes) -> int:
    """Write several mixes, and tell how far apart they are."""
    outputs = {
        name: args.output.with_stem(f"{args.output.stem} - {name}")
        for name in ("as found", *LEANINGS)
    }
    refuse_existing(args, *outputs.values(), *(o.with_suffix(".json") for o in outputs.values()))
    with steps("reading", "listening", "mixing") as step, torch.inference_mode():
        step()
        stems, start = through_first_stage(args, wishes, *read_song(args, wishes))
        step()
        mix, notes = _found(args, stems, start, wishes)
        lufs = wanted_lufs(args.target_lufs, all_wishes(stems, start, wishes))
        found = variants(mix, stems.tracks, lufs, args.variants)
        step()
        for variant in found:
            output = outputs[variant.name]
            audio = mix_down(stems.tracks, variant.mix)
            rate = variant.mix.sample_rate
            saved = writing(args).save(with_room(output), audio, rate, overwrite=args.force)
            notes += clipping_notes(output, saved.over, saved.gain_db)
            with whole(output.with_suffix(".json")) as unfinished:
                save_mix(unfinished, variant.mix)
    if len(found) < args.variants:
        notes.append(f"no more than {len(found)} are a step apart that could be heard")
    print_notes((*stems.notes, *notes))
    rows = [(v.name, f"{v.apart:.1f}", str(outputs[v.name])) for v in found]
    print_table(("variant", "steps to the nearest", "file"), rows)
    return 0


def _target_lufs(args: argparse.Namespace, wishes) -> float | None:
    """The loudness that the mix was to have."""
    if args.target_lufs is None and args.amount > 0:
        return MIX_LUFS if args.system in MAKE_AUDIO else wanted_lufs(None, wishes)
    return args.target_lufs


def _found(args: argparse.Namespace, song, start, wishes):
    """The settings, and what there is to say about how they were found."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        how = {
            "start": start,
            "system": args.system,
            "target_lufs": args.target_lufs,
            "weights": args.weights,
            "amount": args.amount,
            "wishes": wishes,
        }
        if args.reference or args.reference_stems:
            mix, reached = like_references(args, song, how)
        else:
            mix, reached = find_mix(song, **how), []
    path = find_session(song.files)
    notes = [f"{path}: heeded"] if path else []
    return mix, [*notes, *reached, *(str(one.message) for one in said), *mix.notes]


def _made(args: argparse.Namespace, stems, start, wishes):
    """The sound that a network makes as the one track of a mix, at the loudness; and notes."""
    roles = tuple(track.role for track in with_roles(stems.plain_mix(), wishes.role).tracks)
    heard, _ = heard_of(replace(stems.song, roles=roles), start)
    references = read_references(args, heard.sample_rate)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        made = audio_of(heard, args.system, args.weights, references)
    notes = [f"{args.system} makes the mix itself: there are no settings to write"]
    notes += [str(one.message) for one in said]
    if left := options_in(wishes):
        notes.append(f"{args.system} cannot follow what {SESSION} says of {', '.join(left)}")
    target = MIX_LUFS if args.target_lufs is None else args.target_lufs
    return made.tracks, at_loudness(made.plain_mix(), made.tracks, target), notes


def read_song(args: argparse.Namespace, wishes: Wishes):
    """The tracks, and the mix to start from: one that only names them, or an earlier one."""
    if args.start:
        start = load_mix(args.start, with_files=True)
        check_roles((t.role for t in start.tracks), f"{args.start}: tracks[{{}}].role")
        check_is_no_track(args.output, [track.file for track in start.tracks])
        return _previewed(args, open_song(start)), undo(start, args.undo)
    stems = open_song(args.stems, besides=args.reference)
    check_is_no_track(args.output, stems.files)
    stems = _previewed(args, stems)
    if args.no_prepare:
        return stems, stems.plain_mix()
    prepared = prepared_song(stems, stems.plain_mix(), wishes, part=args.preview is not None)
    print_notes(map(str, prepared.findings))
    return stems, undo(prepared.mix, args.undo)


def _previewed(args: argparse.Namespace, stems):
    """The part of a song that is asked for."""
    if args.preview is None:
        return stems
    found = preview(stems, args.preview)
    print_notes([str(found)])
    return found.song


def mix_and_save(args: argparse.Namespace, tracks, mix):
    """The audio of a mix, which is also written to the output."""
    audio = mix_down(tracks, mix)
    saved = writing(args).save(with_room(args.output), audio, mix.sample_rate, overwrite=args.force)
    print_notes(clipping_notes(args.output, saved.over, saved.gain_db))
    return audio


@contextmanager
def steps(*names: str):
    """A progress bar that says which of a few long steps is under way.

    What a step leaves behind in memory the next has no use for.
    """
    with tqdm(total=len(names), leave=False, disable=None, bar_format="{desc} {bar:20}") as bar:
        remaining = iter(names)

        def step() -> None:
            let_go()
            bar.set_description_str(next(remaining))
            bar.update()

        yield step


def print_mix(mix, audio, tracks=None, why=None) -> None:
    """The settings of every strip, what told the roles, and what the mix measures.

    With the tracks it is told how much each compressor does.
    """
    print_settings(mix, {} if tracks is None else reductions_at_work(tracks, mix), why)
    loudness = measure_loudness(audio, mix.sample_rate).item()
    true_peak = measure_true_peak(audio, mix.sample_rate).max().item()
    if loudness > ABSOLUTE_GATE_LUFS:
        print(f"\nloudness {loudness:.1f} LUFS, true peak {true_peak:.1f} dBTP")
    else:
        print(
            f"\nsilent: nothing passes the gate of the loudness meter, {ABSOLUTE_GATE_LUFS:g} LUFS"
        )


def print_settings(mix, reductions=None, why=None) -> None:
    """What every strip does, how much where that is known, and what told the roles."""
    reductions = reductions or {}
    _print_tracks(mix, reductions, why or {})
    print()
    for kind, channel in (
        *(("group", group) for group in mix.groups),
        *(("bus", bus) for bus in mix.buses),
        ("master", Channel("", mix.master)),
    ):
        said = _told(kind, channel, reductions)
        print(f"{kind} {channel.name}".rstrip() + f": {'; '.join(said) or 'as it comes'}")


def _told(kind, channel, reductions, but=()) -> list[str]:
    """The switches of a strip, and what its stages do but for some that are told elsewhere."""
    told = [
        stage_text(stage, reductions.get((kind, channel.name, i)))
        for i, stage in enumerate(channel.strip)
        if stage.on and (stage.processor.name not in but or stage.automation)
    ]
    return [*switches(channel), *filter(None, told)]


def _print_tracks(mix, reductions, why) -> None:
    rows = []
    for track in mix.tracks:
        strip = [stage for stage in track.strip if stage.on]
        high_pass = find_stage(strip, "high_pass")
        told = _told("track", track, reductions, ("high_pass", "gain", "stereo_panner"))
        told += [f"{bus} {send_db:+.1f} dB" for bus, send_db in track.sends_db.items()]
        told += [f"to {track.group}"] if track.group else []
        rows.append(
            (
                track.name,
                track.role,
                *([why[track.name]] if track.name in why else []),
                f"{setting([high_pass], 'freq_hz', 0.0):.0f} Hz" if high_pass else "-",
                f"{sum(_gains_db(strip)):+.1f} dB",
                pan_text(setting(strip, "pan", 0.0)),
                "; ".join(told),
            )
        )
    head = ("track", "role", *(["told by"] if why else []), "high-pass", "gain", "pan", "and")
    last = None if any(row[-1] for row in rows) else -1
    print_table(head[:last], [row[:last] for row in rows])


def _gains_db(strip) -> list[float]:
    return [stage.settings.get("gain_db", 0.0) for stage in strip if stage.processor is GAIN]
