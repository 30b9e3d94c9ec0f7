"""How near mixes and masters come to a reference: `python -m benchmarks.reference_mixing`.

- `style`: four recordings with a reference and the truth, which a published converter was made for;
- `console`: made songs, of seeds that no recipe has, whose tracks one console with random settings
  mixes: one half is the reference, and the other has to be mixed alike (method 1 of Diff-MST);
- `mastering`: the plain sums of released songs, each with another song as its reference, beside the
  package matchering where that is installed.

The first and the last need recordings beside the project, and are left out without them. Writes
results/reference_mixing.json and the tables of docs/matching.md; `--only` runs some of the groups,
and what was recorded of the others stays.
"""

import argparse
import importlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.common import environment
from benchmarks.mixing_systems import FIRST_SEED, markdown, mean_cell, with_tables
from benchmarks.recordings import FOLDER, have_recordings
from dasp.analysis import (
    measure_crest_factor,
    measure_loudness,
    measure_octave_spectrum,
    measure_stereo_width,
    measure_true_peak,
)
from dasp.audio_io import load_audio, save_audio
from dasp.controllers.style import convert, hear_style
from dasp.controllers.systems import automatic_mix
from dasp.estimation import match
from dasp.evaluation.metrics import measure_errors
from dasp.mixing.mixdown import mix_down
from dasp.mixing.routing import as_stereo
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.processors.catalogue import GAIN, PARAMETRIC_EQ, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.reference import mix_like
from dasp.signal.resample import resample
from dasp.songs.multitrack import load_folder
from dasp.songs.synthetic import synthetic_song

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "reference_mixing.json"
PAGE = HERE.parent / "docs" / "matching.md"

STYLE = ("spectrum", "crest_factor", "audio_features", "side_share")
CONSOLE = ("spectrum", "audio_features")
TITLES = {
    "spectrum": "spectrum, dB", "crest_factor": "crest, dB", "audio_features": "audio features",
    "side_share": "side share", "loudness": "loudness, LU", "octaves": "octave spectrum, dB",
    "true_peak": "true peak, dBTP", "seconds": "CPU seconds",
}  # fmt: skip

PAIRS = (
    ("hydrogen", "lithium"), ("lithium", "sodium"), ("sodium", "potassium"),
    ("potassium", "rubidium"), ("rubidium", "caesium_a"), ("hydrogen", "caesium_a"),
)  # fmt: skip
"""A song to master, and the song that is the reference: its plain sum, or its master."""


MASTER_GAIN = 2.0
"""The master is stored at half of its level."""


def main() -> None:
    """Run what was asked for, and write all that is known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reference_mixing")
    parser.add_argument("--songs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each half of a made song")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=tuple(GROUPS))
    parser.add_argument("--dry-run", action="store_true", help="only print the tables")
    options = parser.parse_args()
    drawn = {"songs": options.songs, "seconds": options.seconds}
    rows: list[dict] = []
    if RESULTS.exists():
        record = json.loads(RESULTS.read_text(encoding="utf-8"))
        rows = [row for row in record["rows"] if row["group"] not in options.only]
    for group in options.only:
        make = partial(console, **drawn) if group == "console" else GROUPS[group]
        rows += [{"group": group, **row} for row in tqdm(make(), group, disable=None)]
    for table in (tables := all_tables(rows)).values():
        print(table, end="\n\n")
    if not options.dry_run:
        record = {"environment": environment(), **drawn, "rows": rows}
        RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")


# The style of a recording


STEM_OF = {"single_stem_bass": "bass", "single_stem_vocals": "vocals"}
"""What kind of stem a recording is; the others are mixes."""


def style() -> Iterator[dict]:
    """Errors to the truth: of the input, the published systems, the converter and the match."""
    if not have_recordings("made songs alone"):
        return
    for folder in sorted((FOLDER / "style_transfer_koo").iterdir()):
        heard = {file.stem: load_audio(file) for file in sorted(folder.glob("*.flac"))}
        (mix, rate), (reference, _), (truth, _) = (heard[k] for k in ("input", "reference", "gt"))
        outputs = {"input": mix, **{k: x for k, (x, _) in heard.items() if k.startswith("out_")}}
        group = STEM_OF.get(folder.name)
        ways = {
            "dasp convert": converted,
            "dasp convert --stem": partial(converted, group=group),
            "dasp match": lambda x, rate, like: match(x, rate, like).chain.run(x, rate),
        }
        took = {}
        for system, way in ways.items():
            start = time.process_time()
            outputs[system] = way(mix, rate, reference)
            took[system] = {"seconds": time.process_time() - start}
        for system, output in outputs.items():
            errors = measure_errors(output, truth, rate, names=STYLE)
            yield {"piece": folder.name, "system": system, **errors, **took.get(system, {})}


def converted(mix: Tensor, rate: int, reference: Tensor, group: str | None = None) -> Tensor:
    """What the network of the package makes of a mix, or of a stem without its own effects."""
    return convert(mix, rate, hear_style([reference], rate, group=group), group=group)


# A console


def console(songs: int, seconds: float) -> Iterator[dict]:
    """Errors to the true mix of a half of a song, of which the other half is the reference."""
    for seed in range(FIRST_SEED, FIRST_SEED + songs):
        song = synthetic_song(seed, seconds=2 * seconds).song
        time_half = song.tracks[0].shape[-1] // 2
        first, second = (
            replace(song, tracks=tuple(track[..., part] for track in song.tracks))
            for part in (slice(0, time_half), slice(time_half, 2 * time_half))
        )
        draw = torch.Generator().manual_seed(seed)
        wanted, other = random_mix(song, draw), random_mix(song, draw)
        reference, truth = mix_down(first.tracks, wanted), mix_down(second.tracks, wanted)
        mixes: dict[str, Mix] = {}
        took: dict[str, dict[str, float]] = {}
        for name, mixer in mixers(second, reference).items():
            start = time.process_time()
            mixes[name] = mixer()
            took[name] = {"seconds": time.process_time() - start}
        mixes["random console"] = other
        with torch.inference_mode():
            for system, mix in mixes.items():
                output = mix_down(second.tracks, mix)
                errors = measure_errors(output, truth, song.sample_rate, names=CONSOLE)
                yield {"piece": str(seed), "system": system, **errors, **took.get(system, {})}


def mixers(song: Song, reference: Tensor) -> dict[str, Callable[[], Mix]]:
    """Both that hear the reference, and those that do not."""
    deaf = {
        name: partial(automatic_mix, song, system=name)
        for name in ("console", "rules", "equal-loudness")
    }
    return {
        "dasp mix --reference": lambda: mix_like(song, [reference]).mix,
        "diff-mst": partial(automatic_mix, song, system="diff-mst", references=[reference]),
        **deaf,
    }


def random_mix(song: Song, draw: torch.Generator) -> Mix:
    """Faders within 12 dB, pans anywhere, and an EQ within 12 dB, most of whose bands are used."""

    def around_zero(count: int, most: float) -> Tensor:
        return most * (2 * torch.rand(count, generator=draw) - 1)

    def strip() -> tuple[Stage, ...]:
        low, *peaks, high = (around_zero(6, 12.0) * (torch.rand(6, generator=draw) < 0.7)).tolist()
        eq = {"low_shelf_gain_db": low, "peak_gain_db": peaks, "high_shelf_gain_db": high}
        gain = {"gain_db": around_zero(1, 12.0).item()}
        pan = {"pan": around_zero(1, 1.0).item()}
        return Stage(GAIN, gain), Stage(PARAMETRIC_EQ, eq), Stage(STEREO_PANNER, pan)

    plain = song.plain_mix()
    return replace(plain, tracks=tuple(replace(track, strip=strip()) for track in plain.tracks))


# A master


def mastering() -> Iterator[dict]:
    """How far masters are from their references, of other music."""
    if not have_recordings("made songs alone"):
        return
    for name, other in PAIRS:
        mix, rate = plain_sum(name)
        reference, own = finished(other)
        reference = reference if own == rate else resample(reference, own, rate)
        start = time.process_time()
        masters = {"dasp match": match(mix, rate, reference).chain.run(mix, rate)}
        took = {"dasp match": {"seconds": time.process_time() - start}}
        masters = {"plain sum": mix, **masters, **by_matchering(mix, reference, rate)}
        for system, master in masters.items():
            found = apart(master, reference, rate) | took.get(system, {})
            yield {"piece": f"{name} like {other}", "system": system, **found}


def plain_sum(name: str) -> tuple[Tensor, int]:
    """The artist's mix before mastering."""
    song = load_folder(FOLDER / f"song_{name}" / "stems")
    return sum(as_stereo(track) for track in song.tracks), song.sample_rate


def finished(name: str) -> tuple[Tensor, int]:
    """The master of a song, or its plain sum where there is none."""
    masters = sorted((FOLDER / f"song_{name}").glob("*master*"))
    if not masters:
        return plain_sum(name)
    master, rate = load_audio(masters[0])
    return MASTER_GAIN * master, rate


def by_matchering(mix: Tensor, reference: Tensor, rate: int) -> dict[str, Tensor]:
    """The master of the package matchering, if that is installed."""
    try:
        matchering = importlib.import_module("matchering")
    except ImportError:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.wav" for name in ("mix", "reference", "master")]
        for file, audio in zip(files, (mix, reference), strict=False):
            save_audio(file, audio / max(1.0, audio.abs().max().item()), rate, subtype="FLOAT")
        matchering.process(
            target=str(files[0]), reference=str(files[1]),
            results=[matchering.Result(str(files[2]), subtype="FLOAT")],
        )  # fmt: skip
        master, own = load_audio(files[2])
    return {"matchering": master if own == rate else resample(master, own, rate)}


def apart(master: Tensor, reference: Tensor, rate: int) -> dict[str, float]:
    """What a listener could tell of two pieces of music that differ anyway."""

    def octaves(x: Tensor) -> Tensor:
        return measure_octave_spectrum(x, rate).mean(-2)[:9] - measure_loudness(x, rate)

    def side(x: Tensor) -> Tensor:
        width = measure_stereo_width(x, rate)
        return width / (1 + width)

    measures = {
        "loudness": lambda x: measure_loudness(x, rate),
        "crest_factor": lambda x: measure_crest_factor(x, rate).mean(),
        "octaves": octaves,
        "side_share": side,
    }
    return {
        **{
            name: (measure(master) - measure(reference)).abs().mean().item()
            for name, measure in measures.items()
        },
        "true_peak": measure_true_peak(master, rate).amax().item(),
    }


GROUPS = {"style": style, "console": console, "mastering": mastering}


# What is shown


def all_tables(rows: Sequence[Mapping]) -> dict[str, str]:
    """A table of means for each group."""
    tables = {}
    for group in dict.fromkeys(row["group"] for row in rows):
        own = [row for row in rows if row["group"] == group]
        names = [name for name in TITLES if any(name in row for row in own)]
        lines = [["", *(TITLES[name] for name in names)], ["---"] * (1 + len(names))]
        for system in dict.fromkeys(row["system"] for row in own):
            of_it = [row for row in own if row["system"] == system]
            cells = [mean_cell([row[n] for row in of_it if n in row]) for n in names]
            lines.append([system, *cells])
        tables[group] = markdown(lines)
    return tables


if __name__ == "__main__":
    main()
