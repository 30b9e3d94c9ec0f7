"""How often a fit finds the sound again: `python -m benchmarks.fit_known_answers --cases 200`.

Each case draws settings of gain, six-band EQ, compressor and distortion in `DRAWN`, runs an
excerpt of real audio through them, and fits the chain, beginning from its defaults. Prints the
table of docs/fitting.md, with seconds of one core, and writes every case as JSON, from where
`--resume` goes on.

Audio is what solo recordings and the microphones of a drum kit there are in ../shared/data, which
is no part of the project; without it, which is said, made songs.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.recordings import FOLDER, have_recordings
from dasp.audio_io import load_audio
from dasp.estimation.fitting import fit
from dasp.processors.catalogue import COMPRESSOR, DISTORTION, GAIN, PARAMETRIC_EQ
from dasp.processors.chain import chain
from dasp.songs.synthetic import synthesise_song

SECONDS = 2.0
LEAST_RMS = 0.01

CHAIN = chain(GAIN, PARAMETRIC_EQ, COMPRESSOR, DISTORTION)
HELD = ["compressor.lookahead_ms"]

DRAWN = {
    "gain.gain_db": (-12.0, 12.0),
    "parametric_eq.low_shelf_gain_db": (-12.0, 12.0),
    "parametric_eq.low_shelf_freq_hz": (40.0, 400.0),
    "parametric_eq.low_shelf_q": (0.4, 1.5),
    "parametric_eq.peak_gain_db": (-12.0, 12.0),
    "parametric_eq.peak_freq_hz": ((60.0, 250.0, 800.0, 2500.0), (400.0, 1500.0, 5000.0, 12_000.0)),
    "parametric_eq.peak_q": (0.4, 4.0),
    "parametric_eq.high_shelf_gain_db": (-12.0, 12.0),
    "parametric_eq.high_shelf_freq_hz": (3000.0, 12_000.0),
    "parametric_eq.high_shelf_q": (0.4, 1.5),
    "compressor.threshold_db": (-40.0, -10.0),
    "compressor.ratio": (1.5, 10.0),
    "compressor.attack_ms": (1.0, 50.0),
    "compressor.release_ms": (30.0, 500.0),
    "compressor.knee_db": (0.0, 12.0),
    "compressor.makeup_gain_db": (0.0, 12.0),
    "compressor.mix": (0.5, 1.0),
    "distortion.drive_db": (0.0, 24.0),
    "distortion.bias": (-0.3, 0.3),
    "distortion.tone_hz": (2000.0, 20_000.0),
    "distortion.output_gain_db": (-12.0, 0.0),
    "distortion.mix": (0.3, 1.0),
}
"""Each is drawn evenly on its own scale, linear or logarithmic."""

TARGET_DB = {"autodiff": -40.0, "finite_difference": -40.0, "spsa": -20.0}


def recordings() -> list[tuple[str, Tensor, int]]:
    """Names, mono audio and rates."""
    if not have_recordings("made songs instead"):
        song = synthesise_song(0)
        return [(name, track.mean(0, keepdim=True), 44_100) for name, track in song.items()]
    solo = sorted((FOLDER / "solo").glob("*.flac"))
    drums = sorted((FOLDER / "drums_gogodze_a" / "tracks").iterdir())
    loaded = [(path.stem, *load_audio(path)) for path in (*solo, *drums)]
    return [(name, x.mean(0, keepdim=True), rate) for name, x, rate in loaded]


def draw_case(audio: list, seed: int) -> tuple[str, Tensor, int, dict]:
    """A recording's name, an excerpt that is not silent, its rate, and settings."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        name, x, rate = audio[torch.randint(len(audio), (), generator=generator).item()]
        length = round(SECONDS * rate)
        if x.shape[-1] <= length:
            continue
        start = torch.randint(x.shape[-1] - length, (), generator=generator).item()
        excerpt = x[:, start : start + length]
        if excerpt.square().mean().sqrt() > LEAST_RMS:
            return name, excerpt, rate, draw_settings(generator)


def draw_settings(generator: torch.Generator) -> dict[str, Tensor]:
    """Settings drawn evenly between the ends of `DRAWN`."""
    settings = {}
    for param in CHAIN.params:
        if param.name in DRAWN:
            low, high = (
                param.to_control(torch.tensor(end).expand(param.size)) for end in DRAWN[param.name]
            )
            control = torch.lerp(low, high, torch.rand(param.size, generator=generator))
            settings[param.name] = param.to_physical(control if param.bands else control[0])
    return settings


def run_case(audio: list, seed: int, gradient: str) -> dict:
    """What became of one case."""
    name, dry, rate, settings = draw_case(audio, seed)
    with torch.no_grad():
        processed = CHAIN(dry, rate, **settings)
    begin = time.process_time()
    found = fit(dry, processed, rate, CHAIN, gradient=gradient, hold=HELD, seed=seed)
    seconds = time.process_time() - begin
    return {"seed": seed, "audio": name, "seconds": seconds, **found.error_db}


def main() -> None:
    """Fit, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="seed of the first case")
    parser.add_argument("--mode", choices=TARGET_DB, default="autodiff")
    parser.add_argument("--output", type=Path, default=Path("build/fit"))
    parser.add_argument("--resume", action="store_true", help="keep the cases that there are")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.output.mkdir(parents=True, exist_ok=True)
    path = args.output / f"known_answers_{args.mode}.json"
    results = json.loads(path.read_text()) if args.resume and path.exists() else []
    done, audio = {result["seed"] for result in results}, recordings()
    for seed in range(args.first, args.first + args.cases):
        if seed in done:
            continue
        results.append(run_case(audio, seed, args.mode))
        path.write_text(json.dumps(results, indent=1) + "\n")
        print(" ".join(f"{k}={v:.1f}" if isinstance(v, float) else f"{k}={v}"
                       for k, v in results[-1].items()), flush=True)  # fmt: skip
    print(table(args.mode, results))


def table(mode: str, results: list[dict]) -> str:
    """One row, of all cases."""
    goal = TARGET_DB[mode]
    below = sum(result["polish"] < goal for result in results)
    start, error, seconds = (
        statistics.median(result[key] for result in results)
        for key in ("start", "polish", "seconds")
    )
    mean = statistics.mean(result["seconds"] for result in results)
    return (
        "| gradient | cases | goal | below it | median start | median error | median CPU time "
        "| mean |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        f"| {mode} | {len(results)} | {goal:.0f} dB | {below} ({below / len(results):.0%}) "
        f"| {start:.1f} dB | {error:.1f} dB | {seconds:.1f} s | {mean:.1f} s |"
    )


if __name__ == "__main__":
    main()
