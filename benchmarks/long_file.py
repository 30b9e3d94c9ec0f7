"""An hour through ten processors, file to file: `python -m benchmarks.long_file`.

In segments, against all of it in memory. Prints, for files of several lengths, how much the
resident memory rises over what it was after a short file, and the time that a second of audio
takes. Both ways read, process and write the same, `--segment` or not, on one thread; time is that
of the processor, which other work on the machine does not count in. `--minutes 6` is quicker.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.common import peak_memory, use_threads
from dasp.audio_io import audio_info, save_blocks
from dasp.batch import Job, ProcessFile, Writing

SAMPLE_RATE = 48_000

SETTINGS = {
    "high_pass": {"freq_hz": 60},
    "parametric_eq": {"low_shelf_gain_db": 3, "peak_gain_db": [-2, 1, 2, -3]},
    "noise_gate": {"threshold_db": -50},
    "compressor": {"threshold_db": -24, "lookahead_ms": 2},
    "de_esser": {},
    "distortion": {"drive_db": 6, "oversampling": 4, "mix": 0.3},
    "chorus": {"mix": 0.2},
    "feedback_delay_network": {"mix": 0.2},
    "stereo_widener": {"width": 1.2},
    "limiter": {"ceiling_db": -1, "gain_db": 3},
}
CHAIN = {
    "format": "dasp-chain",
    "version": 1,
    "chain": [{"processor": name, "settings": given} for name, given in SETTINGS.items()],
}


def main() -> None:
    """Run every case in a process of its own, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="the longest file")
    parser.add_argument("--in-memory", type=float, default=10.0, help="minutes of the other way")
    parser.add_argument("--segment", type=float, default=5.0, help="seconds")
    parser.add_argument("--case", nargs=3, metavar=("FILE", "SEGMENT", "TURNS"), help="one of them")
    args = parser.parse_args()
    if args.case:
        return print(json.dumps(_case(args.case[0], float(args.case[1]), int(args.case[2]))))
    segment, some = args.segment, args.in_memory
    with tempfile.TemporaryDirectory() as folder:
        files = {m: Path(folder, f"{m:g}.wav") for m in (args.minutes / 10, some, args.minutes)}
        make_file(Path(folder, "short.wav"), 0.4)
        for minutes, file in files.items():
            if not file.exists():
                make_file(file, minutes)
        whole = _say(f"{some:g} min in memory", _alone(files[some], 0, 2))
        part = _say(f"{some:g} min in segments", _alone(files[some], segment, 2))
        for minutes in (args.minutes / 10, args.minutes):
            _say(f"{minutes:g} min in segments", _alone(files[minutes], segment, 1))
    _say("in segments, of in memory", round(part["cpu ms per s"] / whole["cpu ms per s"], 3))


def _say(what: str, result):
    print(f"{what}: {json.dumps(result)}", flush=True)
    return result


def make_file(path: Path, minutes: float) -> None:
    """Bursts of noise in stereo, at 16 bits; each ten seconds are the same."""
    generator = torch.Generator().manual_seed(0)
    x = 0.3 * torch.rand(2, 10 * SAMPLE_RATE, generator=generator) - 0.15
    x *= 10 ** -(2 * (torch.arange(x.shape[-1]) / SAMPLE_RATE % 0.5))
    frames = round(60 * minutes * SAMPLE_RATE)
    save_blocks(
        path,
        lambda: (x[:, : frames - start] for start in range(0, frames, x.shape[-1])),
        SAMPLE_RATE,
        frames=frames,
        subtype="PCM_16",
    )


def _alone(file: Path, segment_s: float, turns: int) -> dict:
    command = [sys.executable, "-m", "benchmarks.long_file", "--case", file, segment_s, turns]
    words = map(str, command)
    done = subprocess.run([*words], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _case(file: str, segment_s: float, turns: int) -> dict:
    """The time of the quickest turn; `segment_s` 0 is in memory."""
    use_threads(1)
    source, target = Path(file), Path(file).with_suffix(".out.wav")
    work = ProcessFile(CHAIN, Writing("PCM_16"), segment_s=segment_s or None, overwrite=True)
    work(Job(source.with_name("short.wav"), (target,)))  # compiles and imports what it needs
    seconds, rises = [], []
    for _ in range(turns):
        begin, wall = time.process_time(), time.perf_counter()
        rises.append(peak_memory(lambda: work(Job(source, (target,)))))
        seconds.append((time.process_time() - begin, time.perf_counter() - wall))
    length = audio_info(source).duration_s
    cpu, wall = min(seconds)
    return {
        "memory rises by MB": round(max(rises) / 1e6, 1),
        "cpu ms per s": round(1000 * cpu / length, 2),
        "wall s": round(wall, 1),
    }


if __name__ == "__main__":
    main()
