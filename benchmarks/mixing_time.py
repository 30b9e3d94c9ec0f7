"""How long `dasp mix` takes, and how much memory: `python -m benchmarks.mixing_time`.

The default mix of 24 tracks of four minutes at 44.1 kHz, file to file, first a `--preview` and then
the whole song, each as a command of its own on two threads, with its start. The song is made here:
three bands of eight, of whose tracks half are stereo. Processor time is of all threads;
what other programs do costs the wall clock more. `--seconds 30` is quicker.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.common import THREADS
from dasp.audio_io import save_audio
from dasp.songs.synthetic import synthesise_song

SAMPLE_RATE, BANDS, SECONDS = 44_100, 3, 240.0
LATE = 600
"""Samples by which the right side of a stereo track is later than the left."""


class Goal(NamedTuple):
    """What a command is to take at most: seconds of the wall clock, and bytes of memory."""

    wall_s: float
    peak_bytes: float


COMMANDS = {
    "dasp mix --preview": (["--preview"], Goal(5.0, 3e9)),
    "dasp mix": ([], Goal(45.0, 3e9)),
}


def measure_all(quick: bool = False, seconds: float = SECONDS) -> Iterator[dict]:
    """The record of each command, after one on a short song that leaves nothing to compile."""
    length = 25.0 if quick else seconds
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder, "short"), Path(folder, "long")
        make_song(short, 10.0)
        make_song(long, length)
        measure(short, [])
        for name, (options, _) in COMMANDS.items():
            yield {"name": name, "seconds": length, **measure(long, options)}


def make_song(folder: Path, seconds: float) -> None:
    """Write the stems of all bands, with names that tell their roles."""
    folder.mkdir()
    for band in range(BANDS):
        song = synthesise_song(band, seconds=seconds, sample_rate=SAMPLE_RATE)
        for number, (name, audio) in enumerate(song.items()):
            if number % 3 == 1:
                audio = torch.cat((audio, 0.8 * audio.roll(LATE, -1)))
            save_audio(folder / f"{name} {band + 1}.wav", audio, SAMPLE_RATE)


LAUNCH = """
import json, os, subprocess, sys, time
begin = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
wall_s = time.perf_counter() - begin
print(json.dumps([os.waitstatus_to_exitcode(status), wall_s, used.ru_utime + used.ru_stime,
                  1024 * used.ru_maxrss]))
"""
"""Starts a command. A process is told the peak of the one that it was forked from as its own, so
that a small one has to stand between."""


def measure(song: Path, options: list[str]) -> dict:
    """What the system says that one command has taken."""
    words = [sys.executable, "-m", "dasp", "mix", str(song), "-o", str(song.with_suffix(".wav"))]
    return measure_command([*words, *options, "--force"])


def measure_command(words: list[str]) -> dict:
    """What the system says that a command has taken, whatever this process takes itself."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    launcher = [sys.executable, "-c", LAUNCH, *words]
    told = subprocess.run(launcher, stdout=subprocess.PIPE, check=True, env=environment)
    code, wall_s, processor_s, peak_bytes = json.loads(told.stdout)
    if code:
        raise RuntimeError(f"{' '.join(words)}: exit status {code}")
    return {"wall_s": wall_s, "processor_s": processor_s, "peak_bytes": peak_bytes}


def main() -> None:
    """Print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of the song")
    for row in measure_all(seconds=parser.parse_args().seconds):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
