"""How many tracks the mixing console tells by ear: `python -m benchmarks.console_roles`.

The network of `dasp mix` hears made songs, of seeds that no recipe has, without the names of their
tracks. Prints how often the role that it finds likeliest is the true one.
"""

import argparse

import torch

from benchmarks.mixing_systems import FIRST_SEED
from dasp.analysis import measure_loudness
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.controllers.console.features import hear
from dasp.controllers.console.mix import shipped
from dasp.controllers.console.network import ROLE_NAMES
from dasp.songs.multitrack import Multitrack
from dasp.songs.synthetic import SyntheticSongs


@torch.no_grad()
def told_by_ear(song: Multitrack) -> list[bool]:
    """Of every track in which something plays, whether its role is found."""
    model = shipped().model
    found = model.role(model.embed(hear(song.tracks, song.sample_rate))).argmax(-1)
    return [
        ROLE_NAMES[number] == role
        for track, role, number in zip(song.tracks, song.roles, found.tolist(), strict=True)
        if measure_loudness(track, song.sample_rate) > ABSOLUTE_GATE_LUFS
    ]


def main() -> None:
    """Hear and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=12.0, help="length of each")
    options = parser.parse_args()
    songs = SyntheticSongs(options.songs, FIRST_SEED, options.seconds)
    told = [right for song in songs for right in told_by_ear(song)]
    print(f"{sum(told)} of {len(told)} tracks are told by ear")


if __name__ == "__main__":
    main()
