"""What true peaks are worth: the meter, and what the limiter lets through, in dB.

    python -m benchmarks.true_peak [FILE ...]

The reference is the signal that has the spectrum of the samples and nothing above Nyquist, read 16
times as fine, with silence on both sides. Signals are made here at each rate; a made song, driven
into its clipping by 12 dB, stands for music, and files that are given are driven likewise.
"""

import math
import sys
from collections.abc import Iterator

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp.analysis import measure_true_peak
from dasp.audio_io import load_audio
from dasp.functional import limiter
from dasp.signal.resample import resample
from dasp.songs.synthetic import synthetic_song
from dasp.units import gain_to_db

CEILING_DB = -1.0
FINE = 16
SECONDS = 4


def exact_peak_db(x: Tensor) -> float:
    """Of the band-limited signal through the samples of all channels."""
    padded = nnf.pad(x.double(), (8192, 8192 + x.shape[-1] % 2))
    fine = torch.fft.irfft(torch.fft.rfft(padded), FINE * padded.shape[-1]) * FINE
    return gain_to_db(fine.abs().amax()).item()


def made_signals(rate: int) -> Iterator[tuple[str, Tensor]]:
    draw = torch.Generator().manual_seed(0)
    n = torch.arange(SECONDS * rate, dtype=torch.float64)
    fade = torch.hann_window(len(n), dtype=torch.float64).pow(0.1)
    noise = torch.randn(2, len(n), generator=draw, dtype=torch.float64)
    yield "white noise", 0.3 * noise
    yield "clipped noise", noise.clamp(-1, 1)
    yield "random +1 and -1", noise.sign()
    yield "square, 997 Hz", torch.sign(torch.sin(2 * math.pi * 997 / rate * n))[None]
    for share in (0.5, 0.9, 0.95, 0.985):
        yield f"sine at {share} of Nyquist", (fade * torch.sin(math.pi * share * n + 0.4))[None]
    song = synthetic_song(0, sample_rate=rate, seconds=SECONDS)
    stereo = sum(track.double().expand(2, -1) for track in song.tracks)
    yield "made song, clipped", driven(stereo)


def driven(x: Tensor) -> Tensor:
    """12 dB over full scale, and clipped there."""
    return (4 * x / x.abs().max()).clamp(-1, 1)


def main(files: list[str]) -> None:
    print("| rate | signal | true peak, dBTP | meter | largest of four times the samples "
          "| limited to -1 dBTP | as sample peaks |")  # fmt: skip
    print("| --- " * 7 + "|")
    for rate in (44_100, 48_000, 96_000):
        for name, x in made_signals(rate):
            report(f"{rate / 1000:g} kHz", name, x, rate)
    for file in files:
        x, rate = load_audio(file)
        report(f"{rate / 1000:g} kHz", f"{file}, clipped", driven(x.double()), rate)


def report(place: str, name: str, x: Tensor, rate: int) -> None:
    exact_db = exact_peak_db(x)
    meter_db = measure_true_peak(x, rate).amax().item()
    largest_db = gain_to_db(resample(x, 1, 4).abs().amax()).item()
    limits = {"ceiling_db": CEILING_DB, "release_ms": 50.0, "gain_db": 3.0}
    limited, by_samples = (
        exact_peak_db(limiter(x, rate, **limits, true_peak=true_peak))
        for true_peak in (True, False)
    )
    off = f"{meter_db - exact_db:+.2f} | {largest_db - exact_db:+.2f}"
    print(f"| {place} | {name} | {exact_db:.2f} | {off} | {limited:.2f} | {by_samples:.2f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
