"""How near the rule mix comes to what people mixed: `python -m benchmarks.rule_mix`.

Prints gain-invariant SDR in dB, in the table of docs/mixing.md. The drums are raw microphones
against their engineer's dry mix; each song's stems are first brought to equal loudness, so that
the artist's balance is the answer to find.
"""

from pathlib import Path

import torch
from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.audio_io import load_audio
from dasp.controllers.rules.rule_mix import rule_mix
from dasp.data.multitrack import load_folder
from dasp.mixing.mixdown import mix_down

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def sdr_db(mix: Tensor, target: Tensor) -> float:
    """Gain-invariant signal-to-distortion ratio."""
    mix, target = mix.double(), target.double()
    error = target - (mix * target).sum() / mix.square().sum() * mix
    return (10 * torch.log10(target.square().sum() / error.square().sum())).item()


def compare(name: str, names, tracks, rate: int, target: Tensor) -> None:
    """One row: the sum as it is, the sum at equal loudness, and the rule mix."""
    with torch.inference_mode():
        loudness = [measure_loudness(track, rate).item() for track in tracks]
        equal = [
            track * 10 ** (-level / 20) if level > -70 else 0 * track
            for track, level in zip(tracks, loudness, strict=True)
        ]
        sums = [sum(t.expand(2, -1) for t in each) for each in (tracks, equal)]
        mixes = [*sums, mix_down(tracks, rule_mix(names, tracks, rate))]
    print(f"| {name} | {' | '.join(f'{sdr_db(mix, target):.1f}' for mix in mixes)} |")


def main() -> None:
    """Print the table."""
    print("| material | plain sum | equal loudness | rule mix |\n| --- | --- | --- | --- |")
    drums = load_folder(DATA / "drums_enst066" / "tracks")
    human, _ = load_audio(DATA / "drums_enst066" / "human_dry_mix.flac")
    compare("drums", drums.names, drums.tracks, drums.sample_rate, human)
    for folder in sorted(DATA.glob("song_*")):
        if not (folder / "meta.json").exists():
            continue  # a song whose human mix has more than levels
        song = load_folder(folder / "stems")
        artist = sum(track.expand(2, -1) for track in song.tracks)
        stems = [
            track * 10 ** ((-23 - measure_loudness(track, song.sample_rate).item()) / 20)
            for track in song.tracks
        ]
        compare(folder.name, song.names, stems, song.sample_rate, artist)


if __name__ == "__main__":
    main()
