"""How near does Diff-MST bring a mix to a reference? `python -m benchmarks.diff_mst`.

Method 1: a made song that no training has heard is cut into halves. A random console (gains, pans,
equalisers and compressors drawn from their whole ranges) mixes both; the first mix is the
reference, and the second half's tracks are to be mixed so that they sound like the second mix,
which nobody hears. Errors are means over songs, at the loudness of that mix.
"""

import argparse
import json
import time
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.mixing_systems import FIRST_SEED
from dasp.controllers.console.network import CONSOLES
from dasp.controllers.diff_mst import system
from dasp.controllers.diff_mst.bands import behind_strips
from dasp.controllers.diff_mst.hearing import HeardTracks
from dasp.controllers.diff_mst.network import CONSOLE
from dasp.controllers.diff_mst.rounds import Round
from dasp.controllers.systems import automatic_mix
from dasp.evaluation.baselines import random_mix
from dasp.evaluation.metrics import at_loudness_of, measure_errors
from dasp.mixing.console import Controls, Settings, stack_tracks
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.recipes.diff_mst import drawn_settings
from dasp.songs.multitrack import Multitrack
from dasp.songs.sections import to_loudness
from dasp.songs.seeds import generator_for
from dasp.songs.synthetic import synthetic_song

TRACK_LUFS, MIX_LUFS = -23.0, -18.0
MEASURES = ("audio_features", "spectrum")


def random_console(song: Multitrack, seed: int) -> tuple[Tensor, Tensor, Song]:
    """The mixes of both halves of a song under random settings, and the tracks of the second."""
    draw, rate, half = generator_for(seed, "console"), song.sample_rate, song.frames // 2
    count = len(song.tracks)
    own = drawn_settings(song.roles, 0.0, draw)
    own["compressor.threshold_db"] = -50 + 40 * torch.rand(count, generator=draw)
    own["compressor.ratio"] = 8 ** torch.rand(count, generator=draw)
    leveled = [to_loudness(track, rate, TRACK_LUFS) for track in song.tracks]
    audio, mono = stack_tracks(leveled)
    whole = CONSOLES["channel_strip"](audio, rate, Settings(tracks=own), mono=mono)
    first, second = (to_loudness(x, rate, MIX_LUFS) for x in whole[:, : 2 * half].chunk(2, -1))
    tracks = tuple(track[:, half : 2 * half] for track in song.tracks)
    return first, second, Song(song.names, song.roles, tracks, rate)


def plain_round(heard: HeardTracks) -> Round:
    """A console that nobody has touched."""
    controls = CONSOLE.to_controls().tracks.expand(len(heard.playing), -1)
    settings = CONSOLE.to_physical(Controls(tracks=controls)).tracks
    return Round(controls, behind_strips(heard.bands, settings))


@torch.inference_mode()
def errors_of(seed: int, seconds: float, weights: Path | None) -> dict[str, dict[str, float]]:
    """Errors of every mixer on a song, and how long it took."""
    reference, wanted, song = random_console(synthetic_song(seed, seconds=2 * seconds), seed)
    options = {"references": [reference], "weights": weights, "target_lufs": MIX_LUFS}

    def like() -> Mix:
        return automatic_mix(song, system="diff-mst", **options)

    def network_alone() -> Mix:
        with patch.object(system, "settled", lambda found, heard, wanted: found):
            return like()

    def least_squares_alone() -> Mix:
        with patch.object(system, "rounds", lambda model, heard, wanted: [plain_round(heard)]):
            return like()

    mixers = {
        "diff-mst": like,
        "the network alone": network_alone,
        "least squares alone": least_squares_alone,
        "equal loudness": lambda: automatic_mix(song, system="equal-loudness"),
        "rules": lambda: automatic_mix(song, system="rules"),
        "default console": lambda: automatic_mix(song),
        "random": lambda: random_mix(song, generator_for(seed, "another")),
    }
    found = {}
    for name, mixer in mixers.items():
        began = time.perf_counter()
        mix = mixer()
        seconds_taken = time.perf_counter() - began
        y = at_loudness_of(mix_down(song.tracks, mix), wanted, song.sample_rate)
        errors = measure_errors(y, wanted, song.sample_rate)
        found[name] = {**{key: errors[key] for key in MEASURES}, "seconds": seconds_taken}
    errors = measure_errors(reference, wanted, song.sample_rate)
    found["the reference itself"] = {**{key: errors[key] for key in MEASURES}, "seconds": 0.0}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each half")
    parser.add_argument("--weights", type=Path, help="other weights than the package's")
    parser.add_argument("--output", type=Path, help="numbers as JSON")
    options = parser.parse_args()
    seeds = tqdm(range(FIRST_SEED, FIRST_SEED + options.songs), leave=False)
    songs = [errors_of(seed, options.seconds, options.weights) for seed in seeds]
    means = {
        name: {key: sum(song[name][key] for song in songs) / len(songs) for key in songs[0][name]}
        for name in songs[0]
    }
    for name, row in means.items():
        print(f"{name:22}" + "".join(f"  {key} {value:8.3g}" for key, value in row.items()))
    if options.output:
        options.output.write_text(json.dumps(means, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
