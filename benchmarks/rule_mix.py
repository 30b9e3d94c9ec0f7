"""How near the rule mix comes to what people mixed: `python -m benchmarks.rule_mix`.

Prints gain-invariant SDR in dB, in the table of docs/mixing.md. Made songs are compared with
their engineer's mix. With `--recordings`, which are no part of the project, drums are raw
microphones against their engineer's dry mix, and each song's stems are first brought to equal
loudness, so that the artist's balance is the answer to find.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.recordings import recordings
from dasp.analysis import measure_loudness
from dasp.audio_io import load_audio
from dasp.controllers.rules.rule_mix import rule_mix
from dasp.data.engineer import with_engineers_mix
from dasp.data.multitrack import load_folder
from dasp.data.synthetic import synthetic_song
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song

SONGS, SECONDS, RATE = 20, 20.0, 44_100


def sdr_db(mix: Tensor, target: Tensor) -> float:
    """Gain-invariant signal-to-distortion ratio."""
    mix, target = mix.double(), target.double()
    error = target - (mix * target).sum() / mix.square().sum() * mix
    return (10 * torch.log10(target.square().sum() / error.square().sum())).item()


def compare(names, tracks, rate: int, target: Tensor) -> list[float]:
    """The sum as it is, the sum at equal loudness, and the rule mix."""
    with torch.inference_mode():
        loudness = [measure_loudness(track, rate).item() for track in tracks]
        equal = [
            track * 10 ** (-level / 20) if level > -70 else 0 * track
            for track, level in zip(tracks, loudness, strict=True)
        ]
        sums = [sum(t.expand(2, -1) for t in each) for each in (tracks, equal)]
        mixes = [*sums, mix_down(tracks, rule_mix(Song.of(names, tracks, rate)))]
    return [sdr_db(mix, target) for mix in mixes]


def print_row(name: str, errors: list[float]) -> None:
    """A row of the table."""
    print(f"| {name} | {' | '.join(f'{error:.1f}' for error in errors)} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", action="store_true", help="also those beside the project")
    options = parser.parse_args()
    print("| material | plain sum | equal loudness | rule mix |\n| --- | --- | --- | --- |")
    made = []
    for seed in range(SONGS):
        song = with_engineers_mix(synthetic_song(seed, seconds=SECONDS, sample_rate=RATE), seed)
        made.append(compare(song.names, song.tracks, RATE, song.mix("engineer")))
    means = [sum(column) / SONGS for column in zip(*made, strict=True)]
    print_row(f"{SONGS} made songs, mean", means)
    if options.recordings:
        print_recordings(recordings())


def print_recordings(data: Path) -> None:
    """The rows of real recordings."""
    drums = load_folder(data / "drums_enst066" / "tracks")
    human, _ = load_audio(data / "drums_enst066" / "human_dry_mix.flac")
    print_row("drums", compare(drums.names, drums.tracks, drums.sample_rate, human))
    for folder in sorted(data.glob("song_*")):
        if not (folder / "meta.json").exists():
            continue  # a song whose human mix has more than levels
        song = load_folder(folder / "stems")
        artist = sum(track.expand(2, -1) for track in song.tracks)
        stems = [
            track * 10 ** ((-23 - measure_loudness(track, song.sample_rate).item()) / 20)
            for track in song.tracks
        ]
        print_row(folder.name, compare(song.names, stems, song.sample_rate, artist))


if __name__ == "__main__":
    main()
