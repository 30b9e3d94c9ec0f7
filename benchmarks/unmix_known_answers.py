"""Unmix against consoles whose settings are known: `python -m benchmarks.unmix_known_answers`.

Each case draws 4 to 16 tracks (the seven microphones of a drum kit playing a random groove, where
the recordings are there, and instruments of synthetic songs), gives each a random gain, pan, most
an EQ of up to four bands, some a high-pass, mutes up to three, mixes them to 24 bits, and asks
`unmix` for the settings. A track is found if

- the level of what it contributes is within 0.3 dB,
- its pan is within 0.03,
- its response, with that level taken out, is within 1 dB in all third-octave bands in which its
  part of the mix is within 30 dB of its loudest band,
- it is absent if, and only if, it was muted.

A case is drawn from its number, the length and what the synthetic songs are: `data` in the file of
`--json` is the checksum of its mix, by which to tell whether two runs were given the same.
"""

import argparse
import json
import math
import statistics
import time
import zlib
from pathlib import Path

import torch

from benchmarks.recordings import FOLDER, have_recordings
from dasp.audio_io import load_audio
from dasp.estimation.unmixing.unmix import unmix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Track
from dasp.processors.catalogue import GAIN, HIGH_PASS, PARAMETRIC_EQ, STEREO_PANNER
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.songs.synthetic import synthesise_song

RATE = 44_100
BANK = FOLDER / "drumbank_gogodze_7mic"
MICS = ("kick", "snare", "oh", "side", "front", "wndw", "retro")
ABSENT_DB = -100.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--cases", type=int, nargs="+", default=range(50), help="numbers of cases, in their order"
    )
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--tracks", type=int, default=0, help="of each case; 0 for what is drawn")
    parser.add_argument("--json", type=Path, help="results of each case; those it has are kept")
    parser.add_argument(
        "--read", type=Path, nargs="+", help="only sum up results written by --json"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.read:
        print_summary([row for file in args.read for row in json.loads(file.read_text())])
        return
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else []
    for seed in args.cases:
        if any(result["case"] == seed for result in results):
            continue
        results.append(run_case(seed, args.seconds, args.tracks))
        print(_line(seed, results[-1]), flush=True)
        if args.json:
            args.json.write_text(json.dumps(results, indent=1))
    print_summary(results)


def run_case(seed: int, seconds: float, count: int = 0) -> dict:
    """Draw a console, mix, unmix, compare."""
    draw = torch.Generator().manual_seed(seed)
    names, tracks = draw_tracks(draw, seed, seconds, count)
    true = Mix(RATE, tuple(Track(n, n, strip=draw_strip(draw)) for n in names))
    absent = set(torch.randperm(len(names), generator=draw)[: _integer(draw, 0, 3)].tolist())
    absent = set() if len(names) - len(absent) < 3 else absent
    heard = [0 * t if k in absent else t for k, t in enumerate(tracks)]
    mix = mix_down(heard, true)
    scale = 0.5 / mix.abs().max()
    mix = torch.round(mix * scale * 2**23) / 2**23
    begun, processor_s = time.perf_counter(), time.process_time()
    found = unmix(dict(zip(names, tracks, strict=True)), mix, RATE)
    seconds = time.perf_counter() - begun
    processor_s = time.process_time() - processor_s
    output = mix_down(tracks, found.mix)
    sdr_db = 10 * torch.log10(mix.square().sum() / (output - mix).square().sum())
    return {
        "case": seed,
        "data": zlib.crc32(mix.numpy().tobytes()),
        "tracks": [
            compare(tracks[k], true.tracks[k].strip, found.mix.tracks[k].strip, scale, k in absent)
            for k in range(len(names))
        ],
        "sdr_db": sdr_db.item(),
        "seconds": seconds,
        "processor_s": processor_s,
    }


def draw_tracks(draw: torch.Generator, seed: int, seconds: float, count: int):
    pool = {f"song {name}": x.double() for name, x in
            synthesise_song(seed, seconds=seconds, sample_rate=RATE).items()}  # fmt: skip
    if have_recordings("made songs in place of a real kit"):
        pool |= groove(draw, seconds)
    else:
        other = synthesise_song(seed + 1000, seconds=seconds, sample_rate=RATE)
        pool |= {f"other {name}": x.double() for name, x in other.items()}
    count = count or _integer(draw, 4, len(pool))
    if len(pool) < count:
        more = synthesise_song(seed + 2000, seconds=seconds, sample_rate=RATE)
        pool |= {f"more {name}": x.double() for name, x in more.items()}
    chosen = torch.randperm(len(pool), generator=draw)[:count].tolist()
    names = [list(pool)[k] for k in sorted(chosen)]
    return names, [pool[name] for name in names]


def groove(draw: torch.Generator, seconds: float) -> dict[str, torch.Tensor]:
    """Random hits of the kit, on all its microphones."""
    time_ = round(seconds * RATE)
    hits = [load_audio(file, dtype=torch.float64)[0] for file in sorted(BANK.glob("*.flac"))]
    audio = torch.zeros(len(MICS), time_, dtype=torch.float64)
    for step in range(round(seconds / 0.22)):
        for _ in range(_integer(draw, 0, 2)):
            hit = hits[_integer(draw, 0, len(hits) - 1)]
            at = round((0.05 + 0.22 * step + 0.02 * _uniform(draw, 0, 1)) * RATE)
            hit = hit[:, : max(0, time_ - at)]
            audio[:, at : at + hit.shape[-1]] += hit * 10 ** (_uniform(draw, -12, 0) / 20)
    return {f"mic {name}": audio[k : k + 1] for k, name in enumerate(MICS)}


def draw_strip(draw: torch.Generator) -> tuple[Stage, ...]:
    stages = []
    if _uniform(draw, 0, 1) < 0.3:
        stages.append(Stage(HIGH_PASS, {"freq_hz": _log_uniform(draw, 40, 300)}))
    if _uniform(draw, 0, 1) < 0.7:
        stages.append(Stage(PARAMETRIC_EQ, draw_eq(draw)))
    stages.append(Stage(GAIN, {"gain_db": _uniform(draw, -12, 6)}))
    stages.append(Stage(STEREO_PANNER, {"pan": _uniform(draw, -0.95, 0.95)}))
    return tuple(stages)


def draw_eq(draw: torch.Generator) -> dict:
    ranges = {param.name: param for param in PARAMETRIC_EQ.params}
    on = [_uniform(draw, 0, 1) < 0.6 for _ in range(6)]
    gains = [_uniform(draw, -9, 9) * band for band in on]
    lows = ranges["peak_freq_hz"].low
    highs = ranges["peak_freq_hz"].high
    return {
        "low_shelf_gain_db": gains[0],
        "low_shelf_freq_hz": _log_uniform(draw, 60, 400),
        "low_shelf_q": _log_uniform(draw, 0.5, 1.0),
        "peak_gain_db": gains[1:5],
        "peak_freq_hz": [
            _log_uniform(draw, low, high) for low, high in zip(lows, highs, strict=True)
        ],
        "peak_q": [_log_uniform(draw, 0.5, 3.0) for _ in range(4)],
        "high_shelf_gain_db": gains[5],
        "high_shelf_freq_hz": _log_uniform(draw, 2000, 10_000),
        "high_shelf_q": _log_uniform(draw, 0.5, 1.0),
    }


def compare(track, true_strip, found_strip, scale, muted: bool) -> dict:
    """The errors of one track: level, pan, response, presence."""
    channels = track.shape[0]
    impulse = torch.zeros(channels, 2**15, dtype=torch.float64)
    impulse[:, 2**10] = 1
    true, found = (
        torch.fft.rfft(run_strip(impulse, RATE, strip).expand(2, -1)).abs()
        for strip in (true_strip, found_strip)
    )
    true = true * scale
    source = torch.fft.rfft(track.mean(0), 2**20).abs().square()
    bands = _thirds(source, 2**20)
    true_power, found_power = (_thirds(h.square().sum(0), 2**15, mean=True) for h in (true, found))
    heard, found_heard = bands * true_power, bands * found_power
    level_db = 10 * torch.log10(found_heard.sum() / heard.sum()).item()
    found_absent = 10 * torch.log10(found_heard.sum() / bands.sum()).item() < ABSENT_DB
    if muted or found_absent:
        return {"muted": muted, "absent": found_absent}
    response_db = 10 * torch.log10(found_power / true_power) - level_db
    there = heard > heard.max() * 10 ** (-30 / 10)
    return {
        "muted": muted,
        "absent": found_absent,
        "level_db": abs(level_db),
        "pan": abs(_pan(found_strip) - _pan(true_strip)),
        "response_db": response_db[there].abs().max().item(),
    }


def _pan(strip) -> float:
    return next((s.settings["pan"] for s in strip if "pan" in s.settings), math.nan)


def _thirds(spectrum: torch.Tensor, size: int, mean: bool = False) -> torch.Tensor:
    """Sums, or means, over third-octave bands from 40 Hz to 16 kHz."""
    freq_hz = torch.fft.rfftfreq(size, 1 / RATE)
    centres = [1000 * 2 ** (k / 3) for k in range(-14, 13)]
    inside = [(freq_hz >= c * 2 ** (-1 / 6)) & (freq_hz < c * 2 ** (1 / 6)) for c in centres]
    return torch.stack([(spectrum[i].mean() if mean else spectrum[i].sum()) for i in inside])


def passes(track: dict) -> bool:
    """Whether a track was found."""
    if track["muted"] or track["absent"]:
        return track["muted"] == track["absent"]
    return track["level_db"] <= 0.3 and track["pan"] <= 0.03 and track["response_db"] <= 1.0


def print_summary(results: list[dict]) -> None:
    tracks = [track for result in results for track in result["tracks"]]
    heard = [t for t in tracks if not t["muted"] and not t["absent"]]
    muted = [t for t in tracks if t["muted"]]

    def share(rows, good) -> str:
        return f"{100 * sum(map(good, rows)) / max(len(rows), 1):.1f} % of {len(rows)}"

    print()
    print(f"level within 0.3 dB      {share(heard, lambda t: t['level_db'] <= 0.3)} tracks")
    print(f"pan within 0.03          {share(heard, lambda t: t['pan'] <= 0.03)} tracks")
    print(f"response within 1 dB     {share(heard, lambda t: t['response_db'] <= 1.0)} tracks")
    print(f"muted, found absent      {share(muted, lambda t: t['absent'])} tracks")
    wrongly = [t for t in tracks if not t["muted"]]
    print(f"heard, not found absent  {share(wrongly, lambda t: not t['absent'])} tracks")
    print(f"tracks that pass all     {share(tracks, passes)}")
    print(f"cases, 90 % of tracks    {share(results, _most_pass)}")
    print(f"cases, every track       {share(results, lambda r: all(map(passes, r['tracks'])))}")
    print(f"cases at 30 dB SDR       {share(results, lambda r: r['sdr_db'] >= 30)}")
    sdrs = sorted(r["sdr_db"] for r in results)
    print(f"SDR                      median {statistics.median(sdrs):.1f}, least {sdrs[0]:.1f} dB")
    for key, what in (("seconds", "time"), ("processor_s", "processor time")):
        values = [r[key] for r in results if key in r]
        if values:
            print(f"{what:24} median {statistics.median(values):.0f}, most {max(values):.0f} s")


def _most_pass(result: dict) -> bool:
    return sum(map(passes, result["tracks"])) >= 0.9 * len(result["tracks"])


def _line(seed: int, result: dict) -> str:
    good = sum(map(passes, result["tracks"]))
    heard = [t for t in result["tracks"] if "level_db" in t]
    worst = [max((t[key] for t in heard), default=0) for key in ("level_db", "pan", "response_db")]
    return (
        f"case {seed:3d}: {good:2d} of {len(result['tracks']):2d} tracks, "
        f"SDR {result['sdr_db']:5.1f} dB, "
        f"worst level {worst[0]:.2f} dB, pan {worst[1]:.3f}, response {worst[2]:.2f} dB, "
        f"{result['seconds']:.0f} s, {result['processor_s']:.0f} s of a processor"
    )


def _uniform(draw: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=draw, dtype=torch.float64).item()


def _log_uniform(draw: torch.Generator, low: float, high: float) -> float:
    return math.exp(_uniform(draw, math.log(low), math.log(high)))


def _integer(draw: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (), generator=draw))


if __name__ == "__main__":
    main()
