"""Model a diode clipper, or a compressor of one's own, from what goes in and what comes out.

Fitted to the first half of a recording, judged on the second, as error-to-signal ratios:

    clipper    chain  -24.4 dB, best gain   -3.4 dB

The clipper is made. `python examples/03_virtual_analogue.py dry.wav wet.wav` models a compressor
between two recordings of one rate and length; docs/hardware_compressors.md has two of hardware.
"""

import math
import sys

import numpy as np
import torch
from scipy.signal import lfilter

import dasp
from dasp.audio_io import load_audio
from dasp.grad import external
from dasp.processors import CATALOGUE, Param, chain
from dasp.songs.synthetic import synthesise_song

COMPRESSOR = chain(CATALOGUE["compressor"], CATALOGUE["parametric_eq"])
CLIPPER = chain(CATALOGUE["high_pass"], CATALOGUE["distortion"], CATALOGUE["low_pass"])


def diode_clipper(x: np.ndarray, sample_rate: float, *, drive_db: float) -> np.ndarray:
    """A made pedal: high-pass, unequal diodes in two directions, treble loss."""
    high = lfilter([0.995, -0.995], [1.0, -0.99], 10 ** (drive_db / 20) * x)
    clipped = np.where(high > 0, np.arctan(high), 0.6 * np.arctan(high / 0.6))
    return lfilter([0.45], [1.0, -0.55], clipped)


def black_boxes(seconds: float, files: list[str]) -> dict[str, tuple]:
    """By name: dry, processed, sample rate, and the chain that is to be like the box."""
    if files:
        (dry, rate), (wet, _) = map(load_audio, files)
        return {"yours": (dry, wet, rate, COMPRESSOR)}
    song = synthesise_song(3, seconds=2 * seconds + 1)
    x = 0.5 * song["guitar"] / song["guitar"].abs().max()
    pedal = external(diode_clipper, [Param("drive_db", 0.0, 40.0, default=20.0)])
    return {"clipper": (x, pedal(x, 44_100, drive_db=24.0), 44_100, CLIPPER)}


def ratio_db(error: torch.Tensor, signal: torch.Tensor) -> float:
    """Energy over energy, in dB."""
    return 10 * math.log10((error.square().sum() / signal.square().sum()).item())


def main(arguments: list[str] | None = None) -> dict[str, tuple[float, float]]:
    arguments = sys.argv[1:] if arguments is None else arguments
    quick, files = "--quick" in arguments, [file for file in arguments if file != "--quick"]
    if len(files) not in (0, 2):
        raise SystemExit("expected a dry and a processed recording, or none")
    torch.set_num_threads(1)
    boxes, results = black_boxes(0.5 if quick else 2.0, files), {}
    for name, (dry, wet, rate, strip) in boxes.items():
        half = dry.shape[-1] // 2
        found = dasp.fit(dry[:, :half], wet[:, :half], rate, strip, rounds=1 if quick else 4)
        late = CATALOGUE["time_shift"](dry, rate, delay_samples=found.lag_samples)
        y = strip(late, rate, **found.settings)[:, half:]
        gain = (late * wet)[:, :half].sum() / late[:, :half].square().sum()
        wanted, scaled = wet[:, half:], gain * late[:, half:]
        results[name] = ratio_db(y - wanted, wanted), ratio_db(scaled - wanted, wanted)
        print("{:10} chain {:6.1f} dB, best gain {:6.1f} dB".format(name, *results[name]))
    return results


if __name__ == "__main__":
    main()
