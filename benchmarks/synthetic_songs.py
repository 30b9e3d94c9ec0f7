"""How fast songs from seeds are made: `python -m benchmarks.synthetic_songs`.

Prints the table of docs/data.md: how many times as fast as they play songs of 30 s come, without
and with the engineer's mix. In one process it is seconds of the processor that count, so that
others at work on the machine do not; with workers it is the clock.
"""

import argparse
import os
import time

import torch
from torch.utils.data import DataLoader

from dasp.songs.synthetic import SyntheticSongs

SECONDS = 30.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthetic_songs")
    parser.add_argument("--songs", type=int, default=8)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print(f"| | one thread | {options.workers} workers |\n| --- | --- | --- |")
    for mixed in (False, True):
        songs = SyntheticSongs(options.songs, first_seed=1, seconds=SECONDS, mixed=mixed)
        rates = (rate_alone(songs), rate_with_workers(songs, options.workers))
        what = "song and mix" if mixed else "song"
        print(f"| {what} | {' | '.join(f'{rate:.0f}x' for rate in rates)} |")


def rate_alone(songs: SyntheticSongs) -> float:
    """Seconds of music in a second of one thread."""
    torch.set_num_threads(1)
    songs[0]  # compiles, or reads what has been compiled
    began = time.process_time()
    for i in range(len(songs)):
        songs[i]
    return len(songs) * SECONDS / (time.process_time() - began)


def rate_with_workers(songs: SyntheticSongs, workers: int) -> float:
    """Seconds of music in a second of the clock, from the first song on."""
    loader = iter(DataLoader(songs, batch_size=None, num_workers=workers, prefetch_factor=1))
    next(loader)
    began = time.perf_counter()
    rest = sum(1 for _ in loader)
    return rest * SECONDS / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
