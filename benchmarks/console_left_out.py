"""The console on released songs that it has not heard: `python -m benchmarks.console_left_out`.

    dasp train differentiable_mixing_console --set cache=songs -o base
    python -m benchmarks.console_left_out base/weights.safetensors --cache songs

The weights, trained on made songs alone, are adapted as those of the package are, but with all
finished songs except one, which is then mixed; its stems are first brought to one loudness. Prints
the error of the stems' levels in LU and the gain-invariant SDR in dB against the artist's sum, with
and without the names of the stems.
"""

import argparse
import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from benchmarks.mixing_systems import DATA, errors_of, released_song
from benchmarks.recordings import recordings
from dasp.controllers.console.mix import Trained, UnlikeError, load_trained, mix_by
from dasp.controllers.rules.equal_loudness import equal_loudness
from dasp.controllers.rules.rule_mix import rule_mix
from dasp.recipes.adapt_mixing_console import TRAINING, Remembered, adaptation, songs_for
from dasp.songs.folders import load_song
from dasp.songs.multitrack import load_folder
from dasp.training import train


def adapted(base: Trained, finished: Sequence[Remembered], made: Sequence[Remembered]) -> Trained:
    """The console after more steps. The same songs in the same order give the same."""
    own = base._replace(model=copy.deepcopy(base.model))
    train(adaptation(own, finished, made), TRAINING)
    own.model.eval().requires_grad_(False)
    return own


def main() -> None:
    """Train, mix and print, song by song."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console_left_out")
    parser.add_argument("weights", type=Path, help="of the console, trained on made songs")
    parser.add_argument("--cache", default="", help="as in the recipe")
    parser.add_argument("--made", type=int, default=60, help="made songs beside them")
    options = parser.parse_args()
    recordings()
    base = load_trained(options.weights)
    songs = [load_song(folder.parent) for folder in sorted(DATA.glob("*/stems"))]
    finished, made = songs_for(base, songs, options.made, options.cache)
    print("| levels, LU / SDR, dB | equal loudness | rule mix | console | without names |")
    print("| --- | --- | --- | --- | --- |")
    for folder in tqdm(sorted(DATA.glob("song_*/meta.json")), disable=None):
        name = folder.parent.name
        song = load_folder(folder.parent / "stems")
        piece = released_song(replace(song, name=name))
        trained = adapted(base, [own for other, own in finished.items() if other != name], made)
        own = piece.song.song
        unnamed = replace(own, roles=("other",) * len(own.roles))
        mixes = [equal_loudness(own), rule_mix(own)]
        for named in (own, unnamed):
            try:
                mixes.append(mix_by(trained, named, named.plain_mix(), target_lufs=-18.0))
            except UnlikeError:
                mixes.append(None)
        cells = [errors_of(mix, piece) if mix else None for mix in mixes]
        shown = [f"{c['level']:.2f} / {c['gain_invariant_sdr']:.1f}" if c else "-" for c in cells]
        tqdm.write(f"| {name} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
