"""What work costs beside other programs, in processor time: `python -m benchmarks.neighbours`.

On as many threads as the machine has cores, first alone and then beside a process on each core that
does nothing but compute. Threads that spin in wait for each other show here: what they cost is more
processor time for the same work. Gradients are those for a given one of the output: a loss would be
torch's own work, whose threads spin unless who starts the program forbids it.
`--environment NAME=VALUE` tries a setting of OpenMP's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.common import use_threads
from benchmarks.settings import (
    SAMPLE_RATE,
    bursts,
    compressor_settings,
    eq_settings,
)
from dasp.estimation.unmixing.unmix import unmix
from dasp.functional import compressor, parametric_eq
from dasp.songs.synthetic import synthesise_song

MOST = 1.5
"""Times the processor time of a quiet machine: what a good neighbour takes."""

ROUNDS, LEAST_S = 5, 1.0
"""Turns alone and beside others, of at least so many seconds of processor time each."""

BUSY = "while True: pass"


def works(quick: bool) -> dict[str, Callable[[], object]]:
    """The work by name."""
    x = bursts(8, 2, 2**12 if quick else 2**17)
    with_gradients = {name: v.requires_grad_() for name, v in eq_settings(8).items()}
    song = synthesise_song(0, seconds=0.5 if quick else 4.0, sample_rate=SAMPLE_RATE)
    mix = 0.3 * sum(track.mean(-2, keepdim=True).expand(2, -1) for track in song.values())
    stages = ("gain",) if quick else ("gain", "high_pass", "eq")
    return {
        "six-band EQ": lambda: parametric_eq(x, SAMPLE_RATE, **eq_settings(8)),
        "six-band EQ with gradients": lambda: parametric_eq(
            x, SAMPLE_RATE, **with_gradients
        ).backward(x),
        "compressor": lambda: compressor(x, SAMPLE_RATE, **compressor_settings(8)),
        "unmix": lambda: unmix(song, mix, SAMPLE_RATE, stages=stages),
    }


def measure(name: str, quick: bool) -> dict:
    """Processor time of a piece of work, alone and beside others, in turns."""
    call = works(quick)[name]
    call()
    rounds, least_s = (1, 0.01) if quick else (ROUNDS, LEAST_S)
    alone, beside = [], []
    for _ in range(rounds):
        alone.append(cost(call, least_s))
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count())]
        try:
            time.sleep(0.2)
            beside.append(cost(call, least_s))
        finally:
            for other in others:
                other.kill()
                other.wait()
    quiet_s, busy_s = statistics.median(alone), statistics.median(beside)
    return {"name": name, "alone_s": quiet_s, "beside_s": busy_s, "ratio": busy_s / quiet_s}


def cost(call: Callable[[], object], least_s: float) -> float:
    """Seconds of processor time that a call takes, of all threads together."""
    begin, calls = time.process_time(), 0
    while time.process_time() - begin < least_s or not calls:
        call()
        calls += 1
    time.sleep(0.1)  # what still spins is part of it
    return (time.process_time() - begin) / calls


def measure_all(quick: bool, environment: dict[str, str] | None = None) -> list[dict]:
    """All works, each in a process of its own."""
    found = []
    for name in works(quick=True):
        print(f"  {name} ...", flush=True)
        command = [sys.executable, "-m", "benchmarks.neighbours", "--work", name]
        done = subprocess.run(
            [*command, *(["--quick"] if quick else [])],
            capture_output=True, text=True, check=True, env=os.environ | (environment or {}),
        )  # fmt: skip
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--work", choices=works(quick=True), help="one only, as JSON")
    parser.add_argument("--environment", nargs="*", default=[], metavar="NAME=VALUE")
    args = parser.parse_args()
    if args.work:
        use_threads(os.cpu_count())
        print(json.dumps(measure(args.work, args.quick)))
        return
    environment = dict(pair.split("=", 1) for pair in args.environment)
    for row in measure_all(args.quick, environment):
        print(f"{row['name']}: {row['alone_s']:.4f} s alone, {row['beside_s']:.4f} s beside "
              f"others, {row['ratio']:.2f} times")  # fmt: skip


if __name__ == "__main__":
    main()
