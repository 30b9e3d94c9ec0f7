"""Do auto-encoders come nearer to stems than an equaliser? `python -m benchmarks.dae`.

Raw tracks of made songs that no training has heard go through the networks of several files of
weights, through one static equaliser a group, which is learnt from the pairs that the networks
learnt from, and through the best equaliser of each song, which knows its stem. All are compared
with the stem of the engineer, at one loudness: by the magnitudes of the spectrum, as a share of
those of the stem, and by their logarithms in dB.

Then made songs are mixed by some systems with the first stage of the package and without it, and
compared with the mix of the engineer.

Pictures show the waveform and the spectrogram of a raw track, its stem and the output of the
networks of one of the files, as the poster has them.
"""

import argparse
import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.mixing_systems import FIRST_SEED
from dasp.controllers.dae.equaliser import mean_response_db
from dasp.controllers.dae.frames import SAMPLE_RATE, magnitudes
from dasp.controllers.dae.network import Networks
from dasp.controllers.dae.system import GROUPS, WEIGHTS, dae_stems, load_trained, through
from dasp.controllers.systems import automatic_mix
from dasp.evaluation.metrics import measure_errors
from dasp.mixing.mixdown import mix_down
from dasp.recipes.dae import Config, Errors, by_song, made_takes
from dasp.songs.synthetic import SyntheticSongs
from dasp.units import gain_to_db

SHOWN_FFT, SHOWN_DB = 2048, 70.0

MIXED_BY = ("equal-loudness", "rules", "console")
MIXED_S = 12.0


def named(text: str) -> tuple[str, Path]:
    """`NAME=FILE`."""
    name, _, path = text.partition("=")
    return name, Path(path)


def interval(values: list[float]) -> str:
    """A mean with its interval of 95 % over songs."""
    half = 1.96 * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{fmean(values):.3g} ± {half:.2g}"


def print_tables(found: dict[str, dict[str, list[Errors]]]) -> None:
    """A table of each error, with a column for each group."""
    systems = list(dict.fromkeys(name for group in found.values() for name in group))
    for i, title in enumerate(("spectrum, share of the stem", "log-spectrum, dB")):
        print(f"\n| {title} | {' | '.join(found)} |\n|{' --- |' * (1 + len(found))}")
        for name in systems:
            cells = [
                interval([errors[i] for errors in group[name]]) if name in group else "-"
                for group in found.values()
            ]
            print(f"| {name} | {' | '.join(cells)} |")


def print_differences(found: dict[str, dict[str, list[Errors]]], networks: list[str]) -> None:
    """How much nearer networks come than the static equaliser, song by song: below 0 is nearer."""
    for i, title in enumerate(("spectrum beside static EQ", "log-spectrum beside it, dB")):
        print(f"\n| {title} | {' | '.join(found)} |\n|{' --- |' * (1 + len(found))}")
        for name in networks:
            cells = []
            for group in found.values():
                pairs = zip(group.get(name, ()), group["static EQ"], strict=False)
                away = [own[i] - static[i] for own, static in pairs]
                nearer = sum(difference < 0 for difference in away)
                cells.append(f"{interval(away)} ({nearer} of {len(away)})" if away else "-")
            print(f"| {name} | {' | '.join(cells)} |")


@torch.no_grad()
def print_mixes(count: int) -> None:
    """How near mixes with the first stage come to those of the engineer, and mixes without it."""
    found: dict[str, dict[str, list[float]]] = {}
    for song in tqdm(SyntheticSongs(count, FIRST_SEED, MIXED_S, mixed=True), leave=False):
        for where, heard in (("", song.song), (" after dae", dae_stems(song.song))):
            for system in MIXED_BY:
                audio = mix_down(heard.tracks, automatic_mix(heard, system=system))
                errors = measure_errors(
                    audio, song.mix("engineer"), song.sample_rate, names=("spectrum", "sdr")
                )
                for name, value in errors.items():
                    found.setdefault(system + where, {}).setdefault(name, []).append(value)
    print("\n| mix | spectrum, dB | SDR, dB |\n| --- | --- | --- |")
    for name in sorted(found):
        print(f"| {name} | {' | '.join(map(interval, found[name].values()))} |")


def draw(parts: dict[str, Tensor], path: Path) -> None:
    """Waveforms over spectrograms, `(time,)` each, at one scale."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    axes = figure.subplots(2, len(parts), sharex=True, sharey="row")
    most = max(audio.abs().max().item() for audio in parts.values())
    loudest = max(gain_to_db(magnitudes(x, SHOWN_FFT)).max().item() for x in parts.values())
    for (name, audio), (above, below) in zip(parts.items(), axes.T, strict=True):
        seconds = len(audio) / SAMPLE_RATE
        peaks = audio[: len(audio) // 441 * 441].view(-1, 441)
        at = torch.arange(len(peaks)) * 441 / SAMPLE_RATE
        above.fill_between(at, peaks.amin(1) / most, peaks.amax(1) / most, linewidth=0)
        above.set_title(name, fontsize=9)
        heard = gain_to_db(magnitudes(audio, SHOWN_FFT))[::2, : SHOWN_FFT // 4].T
        below.imshow(
            heard, origin="lower", aspect="auto", cmap="magma", vmax=loudest,
            vmin=loudest - SHOWN_DB, extent=(0, seconds, 0, SAMPLE_RATE / 4000),
        )  # fmt: skip
        below.set_xlabel("s", fontsize=8)
    axes[0, 0].set_ylabel("amplitude", fontsize=8)
    axes[1, 0].set_ylabel("kHz", fontsize=8)
    figure.savefig(path, dpi=72)


def compare(options: argparse.Namespace) -> None:
    """Measure, print and draw."""
    networks: dict[str, Networks] = {name: load_trained(path) for name, path in options.weights}
    config = Config(cache=options.cache, songs=options.seen_songs)
    judged = range(FIRST_SEED, FIRST_SEED + options.songs)
    found: dict[str, dict[str, list[Errors]]] = {}
    for group in tqdm(GROUPS, leave=False, disable=None):
        own = replace(config, groups=(group,))
        seen = made_takes(range(own.songs), own, own.pitches_cents)[group]
        unseen = made_takes(judged, own, (0.0,))[group]
        systems = {
            name: partial(through, some.of(group))
            for name, some in networks.items()
            if group in some.groups
        }
        found[group] = by_song(systems, mean_response_db(seen.each()), unseen)
        if options.pictures and options.shown in systems:
            with torch.no_grad():
                raw, stem = next(unseen.each())
                output = systems[options.shown](raw)
            parts = {"raw": raw, "stem": stem, f"output: {options.shown}": output}
            draw(parts, options.pictures / f"dae_{group}.png")
    print_tables(found)
    print_differences(found, list(networks))
    if options.mixes:
        print_mixes(options.mixes)
    if options.output:
        options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dae")
    parser.add_argument("--weights", type=named, nargs="+", metavar="NAME=FILE",
                        default=[("of the package", WEIGHTS)])  # fmt: skip
    parser.add_argument("--songs", type=int, default=16, help="unseen ones")
    parser.add_argument("--mixes", type=int, default=8, help="songs that are mixed")
    parser.add_argument("--seen-songs", type=int, default=Config().songs,
                        help="those of the training, which the equaliser learns from")  # fmt: skip
    parser.add_argument("--cache", default="", help="a folder that keeps pairs")
    parser.add_argument("--pictures", type=Path, help="a folder for one picture a group")
    parser.add_argument("--shown", default="of the package", help="whose output is drawn")
    parser.add_argument("--output", type=Path, help="numbers as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    compare(options)


if __name__ == "__main__":
    main()
