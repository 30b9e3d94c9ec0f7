"""Measure the average effects of the stems of songs, to which FxNorm brings others.

    dasp train fx_features SONGS/ -o features.safetensors
    dasp fx-normalise STEMS/ -o OUT/ --features features.safetensors

The songs are mixed: their stems have the effects of their mixes. Tracks of one group are added
first. The features of MUSDB18, which the package ships, are those of M. A. Martínez-Ramírez et
al., "Automatic music mixing with deep learning and out-of-domain data", ISMIR 2022.
"""

import sys
from dataclasses import dataclass

from tqdm import tqdm

from dasp.controllers.fxnorm import (
    EffectFeatures,
    average_features,
    group_stems,
    measure_effects,
    save_features,
)
from dasp.songs import load_dataset
from dasp.training import Direct
from dasp.training.command import program

__all__ = ["Config", "build"]

Features = dict[str, EffectFeatures]


@dataclass(frozen=True)
class Config:
    """Which songs are measured."""

    data: str = "songs:songs"
    """Their data set and its folder, NAME:FOLDER; a folder alone holds a folder a song."""
    seed: int = 0


def build(config: Config) -> Direct:
    """How the features of the songs are found."""
    songs = load_dataset(config.data)

    def find() -> Features:
        heard: dict[str, list[EffectFeatures]] = {}
        for song in tqdm(songs, desc="songs", mininterval=5.0):
            for group, stem in group_stems(song.song).items():
                measured = measure_effects(stem, song.sample_rate, group)
                if measured is not None:
                    heard.setdefault(group, []).append(measured)
        return {group: average_features(own) for group, own in heard.items()}

    def measure(features: Features) -> dict[str, dict[str, float]]:
        return {
            group: {
                "loudness (LUFS)": own.loudness_lufs,
                "peaks (dB)": own.peaks_db,
                "deviation of peaks (dB)": own.deviation_db,
                "similarity of left and right": own.similarity.mean().item(),
            }
            for group, own in features.items()
        }

    return Direct(find, measure, save_features)


if __name__ == "__main__":
    sys.exit(program(__spec__.name))
