"""How near every automatic mixer comes to known mixes: `python -m benchmarks.mixing_systems`.

Every system of `dasp mix --system` that hears no reference and every baseline mixes

- `songs`: synthetic songs, of seeds that no recipe has, against their engineer's mix,
- `brought`: such songs as people bring them (`dasp.songs.brought`), with all that lies in the
  folder, put right as `dasp mix` does it, against their engineer's mix,
- `grooves`: a real drum kit, of hits that no recipe has, against its engineer's mix,
- `drums`: seven microphones of another kit against their human engineer's dry mix,
- `released`: five released songs, whose stems are first brought to one loudness, so that the
  artist's balance is the answer to find, against the sum of the stems as they were,
- `as they are`: the same stems at the levels that the artist left them at,
- `dry song`: four dry stems of a song at one loudness, against its human mix.

The default system mixes a released song by what was fitted to the others alone
(`benchmarks.auto_evidence`). The table `default` has what the default is to reach, piece by piece,
and whether it does. All but `songs` and `brought` need recordings beside the project, and are left
out without them. Writes results/mixing_systems.json and the tables of docs/mixing_systems.md. With
`--systems` or `--groups` only those are run, and what was recorded of all others stays.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.auto_evidence import kept_stems, left_out
from benchmarks.common import environment
from benchmarks.recordings import FOLDER, have_recordings
from dasp.analysis import measure_loudness
from dasp.audio_io import load_audio
from dasp.controllers.auto.system import auto
from dasp.controllers.heard import heard_of
from dasp.controllers.never import without_the_unforgivable
from dasp.controllers.rules.equal_loudness import equal_loudness_gains
from dasp.controllers.systems import SYSTEMS, audio_of, automatic_mix
from dasp.controllers.table import DEFAULT, NETWORKS
from dasp.evaluation.baselines import anchor, baseline_mixes
from dasp.evaluation.bootstrap import mean_interval
from dasp.evaluation.metrics import measure_errors
from dasp.evaluation.tracks import Standing, measure_standing, measure_track_errors
from dasp.mixing.mixdown import mix_down
from dasp.mixing.preparation import Preparation
from dasp.mixing.roles import stereo_pairs
from dasp.mixing.routing import as_stereo
from dasp.mixing.settings import Mix
from dasp.mixing.targets import MIX_LUFS
from dasp.preparation import prepare_song
from dasp.songs.brought import BroughtSongs
from dasp.songs.kit_groove import KitGrooves, halves, load_kit
from dasp.songs.multitrack import Multitrack, Recording, load_folder
from dasp.songs.synthetic import SyntheticSongs
from dasp.units import db_to_gain

HERE = Path(__file__).resolve().parent
DATA = FOLDER
RESULTS = HERE / "results" / "mixing_systems.json"
PAGE = HERE.parent / "docs" / "mixing_systems.md"

FIRST_SEED = 1_000_000
"""From here on no recipe has seen a seed."""

GROUPS = ("songs", "brought", "grooves", "drums", "released", "as they are", "dry song")
STEM_LUFS = -23.0
KITS = ("grooves", "drums")
"""The groups of drum kits alone: those networks that mix nothing else are for these, and those for
whole songs for all others."""

KIT_NETWORKS = ("wave-u-net", "wave-u-net-wet")
TWINS = {"rules": "rule mix", "equal-loudness": "equal loudness"}
"""Systems that stand in the tables as baselines."""

METRICS = ("panning", "spectrum", "gain_invariant_sdr", "audio_features", "side_share")
COLUMNS = {
    "level": "track levels, LU",
    "place": "track places",
    "lead": "furthest lead",
    "panning": "panning",
    "spectrum": "spectrum, dB",
    "gain_invariant_sdr": "SDR, dB",
    "audio_features": "audio features",
    "side_share": "side share",
}
SHOWN = {
    "songs": ("level", "place", "panning", "spectrum", "gain_invariant_sdr", "audio_features"),
    "released": ("level", "place", "panning", "spectrum", "gain_invariant_sdr", "audio_features"),
    "drums": ("panning", "spectrum", "gain_invariant_sdr", "audio_features"),
    "dry song": ("lead", "spectrum", "side_share", "audio_features"),
}
"""The columns of the tables of groups; those that are not here have those of `songs`."""

LEADS = ("vocal", "bass", "kick")

BASELINES = ("rule mix", "equal loudness", "mono sum")

TO_REACH = (
    *((("released", song), "gain_invariant_sdr", floor) for song, floor in (
        ("hydrogen", 9.8), ("lithium", 14.9), ("potassium", 5.3), ("rubidium", 10.3),
        ("sodium", 10.9), ("", 11.5),
    )),
    (("drums", ""), "gain_invariant_sdr", 14.8),
    (("grooves", ""), "gain_invariant_sdr", None),
    (("dry song", ""), "spectrum", 4.2),
    (("dry song", ""), "side_share", 0.09),
    (("dry song", ""), "audio_features", 0.06),
    (("songs", ""), "level", 1.2),
    (("songs", ""), "place", 0.1),
    (("brought", ""), "level", None),
    (("brought", ""), "place", None),
    (("brought", ""), "gain_invariant_sdr", None),
    (("brought", ""), "spectrum", None),
)  # fmt: skip
"""What the default is to reach: group, piece ("" is the mean over all), what is measured, and the
value; None is what a plain sum has."""


class Piece(NamedTuple):
    """Tracks to mix, and what should come out."""

    group: str
    song: Multitrack
    reference: Tensor
    standing: Standing | None
    """Where the tracks stand in the reference, if that is known."""
    start: Mix | None = None
    """The mix to start from, which knows of doubles."""


def main() -> None:
    """Run what was asked for, and write all that is known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mixing_systems")
    parser.add_argument("--songs", type=int, default=16, help="and half as many grooves")
    parser.add_argument("--seconds", type=float, default=12.0, help="length of each")
    parser.add_argument("--systems", nargs="+", metavar="NAME", choices=(*SYSTEMS, *NETWORKS))
    parser.add_argument("--groups", nargs="+", metavar="NAME", choices=GROUPS, default=GROUPS)
    parser.add_argument("--dry-run", action="store_true", help="only print the tables")
    options = parser.parse_args()
    drawn = {"songs": options.songs, "seconds": options.seconds}
    with torch.inference_mode():
        rows = [
            {"group": piece.group, "piece": piece.song.name, "system": name} | errors
            for piece in tqdm(pieces(**drawn, groups=options.groups), disable=None)
            for name, errors in all_errors(piece, options.systems).items()
        ]
    if options.systems or options.groups != GROUPS:
        rows = with_recorded(rows, drawn)
    for table in (tables := all_tables(rows)).values():
        print(table, end="\n\n")
    if not options.dry_run:
        record = {"environment": environment(), **drawn, "rows": rows}
        RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")


# What is mixed


def pieces(songs: int, seconds: float, groups: Sequence[str]) -> Iterator[Piece]:
    """All material of some groups, in the order of the tables."""
    if "songs" in groups:
        for song in SyntheticSongs(songs, FIRST_SEED, seconds, mixed=True):
            yield known_mix("songs", song)
    if "brought" in groups:
        for song in BroughtSongs(songs, FIRST_SEED, seconds, mixed=True):
            yield brought_song(song)
    if not have_recordings("made songs alone"):
        return
    if "grooves" in groups:
        unheard = halves(load_kit(DATA / "drumbank_gogodze_7mic"))[1]
        for groove in KitGrooves(unheard, songs // 2, FIRST_SEED, seconds, mixed=True):
            yield known_mix("grooves", groove)
    if "drums" in groups:
        drums = load_folder(DATA / "drums_enst066" / "tracks")
        human, _ = load_audio(DATA / "drums_enst066" / "human_dry_mix.flac")
        yield Piece("drums", replace(drums, name="drum kit"), human, None)
    for folder in sorted(DATA.glob("song_*")):
        if (folder / "meta.json").exists():  # or the human part is more than levels
            song = load_folder(folder / "stems")
            song = replace(song, name=folder.name.removeprefix("song_"))
            if "released" in groups:
                yield released_song(song)
            if "as they are" in groups:
                yield released_song(song)._replace(group="as they are", song=song)
    if "dry song" in groups:
        yield dry_song(DATA / "song_fxnorm_008")


def known_mix(group: str, song: Multitrack) -> Piece:
    """A song that came with its engineer's mix."""
    return Piece(
        group, song, song.mix("engineer"), measure_standing(song.details["mix"], song.tracks)
    )


def brought_song(song: Multitrack) -> Piece:
    """A folder as somebody brings it, put right: what is none of the song is left out if found."""
    piece = known_mix("brought", song)
    prepared = prepare_song(song.song).mix
    heard, start = heard_of(song.song, prepared)
    doubles = {t.name: Preparation(double_of=t.prepare.double_of) for t in prepared.tracks}
    start = replace(start, tracks=tuple(replace(t, prepare=doubles[t.name]) for t in start.tracks))
    inside = [song.names.index(name) for name in heard.names]
    recordings = map(Recording, heard.names, heard.roles, heard.tracks)
    song = replace(song, recordings=tuple(recordings), mixes=())
    standing = Standing(*(x[inside] for x in piece.standing))
    return Piece("brought", song, piece.reference, standing, start)


def released_song(song: Multitrack) -> Piece:
    """Stems at one loudness, and how loud the artist had them."""
    artist = sum(as_stereo(track) for track in song.tracks)
    standing = measure_standing(song.plain_mix(), song.tracks)
    levels = [measure_loudness(track, song.sample_rate).item() for track in song.tracks]
    recordings = tuple(
        recording._replace(source=track * db_to_gain(STEM_LUFS - level))
        for recording, track, level in zip(song.recordings, song.tracks, levels, strict=True)
    )
    return Piece("released", replace(song, recordings=recordings), artist, standing)


def dry_song(folder: Path) -> Piece:
    """Dry stems at one loudness, and the human mix of the wet ones."""
    song = load_folder(folder / "dry")
    human, _ = load_audio(folder / "human_mix.mp3")
    frames = min(song.frames, human.shape[-1])
    gains_db = equal_loudness_gains(song.tracks, song.sample_rate).tolist()
    recordings = tuple(
        recording._replace(source=(track * db_to_gain(gain_db))[:, :frames].float())
        for recording, track, gain_db in zip(song.recordings, song.tracks, gains_db, strict=True)
    )
    song = replace(song, name="008", recordings=recordings)
    return Piece("dry song", song, human[:, :frames], None)


# Who mixes


def all_errors(piece: Piece, only: Sequence[str] | None) -> dict[str, dict[str, float]]:
    """The errors of every baseline and system, or of some systems, by their names."""
    song = piece.song.song
    mixes: dict[str, Mix | Tensor] = {}
    if only is None:
        mixes |= baseline_mixes(song)
        mixes["anchor"] = anchor(song)
    systems = [*(name for name in SYSTEMS if name not in TWINS), *NETWORKS]
    for name in systems if only is None else only:
        if name in NETWORKS and (name in KIT_NETWORKS) != (piece.group in KITS):
            continue
        try:
            if name in NETWORKS:
                mixes[name] = audio_of(song, name).tracks[0]
            elif name == DEFAULT and piece.group in ("released", "as they are"):
                mixes[name] = default_left_out(piece)
            else:
                mixes[name] = automatic_mix(song, piece.start, system=name)
        except (ValueError, OSError) as error:
            tqdm.write(f"{name} does not mix {piece.song.name}: {error}")
    return {TWINS.get(name, name): errors_of(mix, piece) for name, mix in mixes.items()}


def default_left_out(piece: Piece) -> Mix:
    """The mix of the default, fitted to the other released songs."""
    song, start = piece.song.song, piece.song.plain_mix()
    finished = left_out(piece.song.name, kept_stems())
    mix = auto(song, start, MIX_LUFS, finished=finished)
    return without_the_unforgivable(mix, song, start, MIX_LUFS)


def errors_of(mix: Mix | Tensor, piece: Piece) -> dict[str, float]:
    """Those of the tracks, where there are settings, and those of the sound."""
    errors = {}
    audio = mix
    if isinstance(mix, Mix):
        audio = mix_down(piece.song.tracks, mix)
        standing = measure_standing(mix, piece.song.tracks)
        leads = [i for i, role in enumerate(piece.song.roles) if role in LEADS]
        if leads and not stereo_pairs(list(piece.song.names)).keys() & set(leads):
            errors["lead"] = standing.place[leads].abs().max().item()
        if piece.standing is not None:
            errors |= measure_track_errors(standing, piece.standing)._asdict()
    rate = piece.song.sample_rate
    errors |= measure_errors(audio, piece.reference, rate, names=METRICS)
    return {name: round(value, 6) for name, value in errors.items()}


def with_recorded(rows: list[dict], drawn: Mapping) -> list[dict]:
    """New rows, and those of an earlier run on the same material that they do not replace."""
    if not RESULTS.exists():
        return rows
    record = json.loads(RESULTS.read_text(encoding="utf-8"))
    if any(record[key] != value for key, value in drawn.items()):
        return rows
    new = {(row["group"], row["system"]) for row in rows}
    kept = [row for row in record["rows"] if (row["group"], row["system"]) not in new]
    return sorted([*kept, *rows], key=lambda row: GROUPS.index(row["group"]))


# What is shown


def all_tables(rows: Sequence[Mapping]) -> dict[str, str]:
    """A table of means for each group, and one of each of the released songs."""
    groups = dict.fromkeys(row["group"] for row in rows)
    tables = {"default": default_table(rows)} | {
        group: means_table(
            [row for row in rows if row["group"] == group], SHOWN.get(group, SHOWN["songs"])
        )
        for group in groups
    }
    if "released" in groups:
        tables["released, song by song"] = songs_table(
            [row for row in rows if row["group"] == "released"]
        )
    return tables


def default_table(rows: Sequence[Mapping]) -> str:
    """What the default reaches, what it is to reach, and the sign of the difference to the best."""

    def mean(system: str, group: str, piece: str, key: str) -> float | None:
        own = [
            row[key] for row in rows
            if row["system"] == system and row["group"] == group and piece in ("", row["piece"])
            and key in row
        ]  # fmt: skip
        return sum(own) / len(own) if own else None

    lines = [["piece", "measured", DEFAULT, "to reach", "reached", *BASELINES, "best of all"]]
    lines.append(["---"] * len(lines[0]))
    systems = dict.fromkeys(row["system"] for row in rows)
    for (group, piece), key, floor in TO_REACH:
        own = mean(DEFAULT, group, piece, key)
        if own is None:
            continue
        higher = key == "gain_invariant_sdr"
        floor = mean("mono sum", group, piece, key) if floor is None else floor
        others = {name: mean(name, group, piece, key) for name in systems if name != DEFAULT}
        known = {name: x for name, x in others.items() if x is not None}
        best = (max if higher else min)(known, key=lambda name: known[name], default="")
        sign = "-" if not best else "+" if (own >= known[best]) == higher else "−"
        to_reach = "-" if floor is None else f"{floor:.3g}"
        reached = "-" if floor is None else "yes" if (own >= floor) == higher else "no"
        lines.append([
            piece or (f"{group}, mean" if group != "dry song" else group), COLUMNS[key],
            f"**{own:.3g}**", to_reach, reached,
            *("-" if others.get(b) is None else f"{others[b]:.3g}" for b in BASELINES),
            f"{best} {known[best]:.3g} ({sign})" if best else "-",
        ])  # fmt: skip
    leads = [row["lead"] for row in rows if row["system"] == DEFAULT and "lead" in row]
    if leads:
        lines.append(["all pieces", "furthest lead, bass or kick", f"**{max(leads):.3g}**", "0.1",
                      "yes" if max(leads) <= 0.1 else "no", *["-"] * 4])  # fmt: skip
    return markdown(lines)


def means_table(rows: Sequence[Mapping], keys: Sequence[str] = SHOWN["songs"]) -> str:
    """The mean of every error over pieces, and its 95 % interval."""
    columns = {key: COLUMNS[key] for key in keys if any(key in row for row in rows)}
    lines = [["mix", *columns.values()], ["---"] * (1 + len(columns))]
    for system in dict.fromkeys(row["system"] for row in rows):
        own = [row for row in rows if row["system"] == system]
        lines.append([system, *(mean_cell([r[key] for r in own if key in r]) for key in columns)])
    return markdown(lines)


def mean_cell(values: Sequence[float]) -> str:
    """A mean and its interval, or one value."""
    if not values:
        return "-"
    mean, low, high = (f"{x:.3g}" for x in mean_interval(values))
    return f"{mean} [{low}, {high}]" if len(values) > 1 else mean


def songs_table(rows: Sequence[Mapping]) -> str:
    """Error of the stems' levels and SDR, for each song."""
    songs = dict.fromkeys(row["piece"] for row in rows)
    found = {(row["system"], row["piece"]): row for row in rows}
    lines = [["levels, LU / SDR, dB", *songs], ["---"] * (1 + len(songs))]
    for system in dict.fromkeys(row["system"] for row in rows):
        cells = []
        for song in songs:
            row = found.get((system, song), {})
            level, sdr = (
                f"{row[key]:.1f}" if key in row else "-" for key in ("level", "gain_invariant_sdr")
            )
            cells.append(f"{level} / {sdr}")
        lines.append([system, *cells])
    return markdown(lines)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """A page with what stands between `<!-- NAME -->` and `<!-- end -->` exchanged.

    >>> with_tables("a <!-- t --> old <!-- end --> b", {"t": "new"})
    'a <!-- t -->\\nnew\\n<!-- end --> b'
    """
    for name, table in tables.items():
        between = re.compile(rf"(<!-- {re.escape(name)} -->).*?(<!-- end -->)", re.DOTALL)
        page = between.sub(lambda found, t=table: f"{found[1]}\n{t}\n{found[2]}", page)
    return page


if __name__ == "__main__":
    main()
