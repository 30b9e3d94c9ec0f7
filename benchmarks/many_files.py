"""Many short files through a chain, beside a pedalboard loop: `python -m benchmarks.many_files`.

Prints files a second for one worker and for two, and what a file takes of the processors, which
other programs disturb less; memory and open files of all processes over the second half of a run;
and the same chain (high-pass, compressor, gain) in a loop over pedalboard, where it is installed.
`--files 500` is quicker; `--seconds 4` makes longer ones. Needs Linux, for /proc.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch

from dasp.audio_io import save_audio

EFFECTS = (
    "-e", "high_pass:freq_hz=80",
    "-e", "compressor:threshold_db=-20,ratio=4,attack_ms=5,release_ms=100",
    "-e", "gain:gain_db=-3",
)  # fmt: skip
SAMPLE_RATE = 48_000

PEDALBOARD = """
import pathlib, sys, time
from pedalboard import Compressor, Gain, HighpassFilter, Pedalboard
from pedalboard.io import AudioFile
source, target = map(pathlib.Path, sys.argv[1:])
board = Pedalboard([HighpassFilter(80), Compressor(-20, 4, 5, 100), Gain(-3)])
files = sorted(source.rglob("*.wav"))
begin, before = time.perf_counter(), time.process_time()
for path in files:
    new = target / path.relative_to(source)
    new.parent.mkdir(parents=True, exist_ok=True)
    with AudioFile(str(path)) as file:
        rate, x = file.samplerate, file.read(file.frames)
    y = board(x, rate)
    with AudioFile(str(new), "w", rate, y.shape[0], bit_depth=16) as file:
        file.write(y)
print(time.perf_counter() - begin, time.process_time() - before)
"""


def main() -> None:
    """Make files, run all, print a table of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each file")
    parser.add_argument("--pedalboard", default=sys.executable, help="a Python that has it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_files(root / "in", args.files, args.seconds)
        run(root, "warm", 1, 20)  # Compiles what has to be compiled.
        result = {"files": args.files, "seconds each": args.seconds}
        for workers in (1, 2):
            result[f"-j {workers}"] = run(root, f"out-{workers}", workers, args.files)
        one, two = (result[f"-j {workers}"]["files/s"] for workers in (1, 2))
        result["two workers, of twice one"] = round(two / (2 * one), 3)
        plain = run(root, "out-plain", 2, args.files, "--dither", "off")
        result["-j 2, without dither, as pedalboard writes"] = plain
        result["pedalboard loop"] = pedalboard(root, args.pedalboard, args.files)
        print(json.dumps(result, indent=2))


def make_files(folder: Path, files: int, seconds: float) -> None:
    """Short stereo files, a thousand in a folder; those beyond the first hundred are links."""
    generator = torch.Generator().manual_seed(0)
    for number in range(files):
        path = folder / f"{number // 1000:03}" / f"{number:05}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < 100:
            x = torch.rand(2, int(seconds * SAMPLE_RATE), generator=generator) - 0.5
            save_audio(path, x, SAMPLE_RATE, subtype="PCM_16")
        else:
            os.link(folder / "000" / f"{number % 100:05}.wav", path)


def run(root: Path, output: str, workers: int, files: int, *options: str) -> dict:
    """Speed without the start, and growth between the middle of the run and its end."""
    source = "in" if files > 20 else "in/000/0000*.wav"
    command = [sys.executable, "-m", "dasp", "batch", source, "-o", output, *EFFECTS]
    process = subprocess.Popen(
        [*command, "-j", str(workers), *options],
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    journal, samples = root / output / "dasp-batch.jsonl", []
    watcher = threading.Thread(target=_watch, args=(process, journal, samples))
    watcher.start()
    assert process.wait() == 0
    watcher.join()
    return _summary(samples)


def _watch(process: subprocess.Popen, journal: Path, samples: list) -> None:
    done, position = 0, 0
    while process.poll() is None:
        if journal.exists():
            with journal.open("rb") as file:
                file.seek(position)
                lines = file.read()
            position += len(lines)
            done += lines.count(b'"event": "done"')
            samples.append((time.perf_counter(), done, *_footprint(process.pid)))
        time.sleep(0.1)


def _summary(samples: list) -> dict:
    running = [sample for sample in samples if 0 < sample[1] < samples[-1][1]]
    if len(running) < 4 or running[0][1] == running[-1][1]:
        return {}
    begin, end = running[0], running[-1]
    speed = (end[1] - begin[1]) / (end[0] - begin[0])
    half = [sample for sample in running if sample[1] >= end[1] / 2]
    third = max(1, len(half) // 3)
    first, last = half[:third], half[-third:]

    def mean(samples, column):
        return sum(sample[column] for sample in samples) / len(samples)

    return {
        "files/s": round(speed, 1),
        "processor ms/file": round(1e3 * (end[4] - begin[4]) / (end[1] - begin[1]), 2),
        "memory MB": round(mean(last, 2) / 2**20, 1),
        "memory grows by MB in the second half": round((mean(last, 2) - mean(first, 2)) / 2**20, 2),
        "open files": round(mean(last, 3), 1),
        "open files grow by in the second half": round(mean(last, 3) - mean(first, 3), 2),
    }


def _footprint(group: int) -> tuple[int, int, float]:
    """Bytes of memory, open files, and seconds on a processor, of all processes of a session."""
    memory = files = ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stat = (process / "stat").read_text().rpartition(")")[2].split()
            if int(stat[3]) != group:
                continue
            ticks += int(stat[11]) + int(stat[12])
            memory += int((process / "statm").read_text().split()[1])
            files += len(os.listdir(process / "fd"))
        except OSError:  # It has ended meanwhile.
            continue
    seconds = ticks / os.sysconf("SC_CLK_TCK")
    return memory * os.sysconf("SC_PAGE_SIZE"), files, seconds


def pedalboard(root: Path, python: str, files: int) -> dict:
    """The loop, in an interpreter of its own."""
    command = [python, "-c", PEDALBOARD, root / "in", root / "pedalboard"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"status": done.stderr.strip().splitlines()[-1]}
    wall_s, processor_s = map(float, done.stdout.split())
    return {
        "files/s": round(files / wall_s, 1),
        "processor ms/file": round(1e3 * processor_s / files, 2),
    }


if __name__ == "__main__":
    main()
