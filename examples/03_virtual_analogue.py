"""Model a hardware compressor and a diode clipper from what goes in and what comes out.

Fitted to the first half of a recording, judged on the second, as error-to-signal ratios:

    made diode clipper (external)      -24.4 dB,   best scalar gain   -3.4 dB
    Tube-Tech CL 1B (CL1B_4_ED)        -12.9 dB,   best scalar gain   -6.4 dB
    Teletronix LA-2A (LA2A-ED1)        -24.3 dB,   best scalar gain  -14.1 dB

`python examples/03_virtual_analogue.py`; the hardware is what there is in ../shared/data.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
from scipy.signal import lfilter

import dasp
from dasp.audio_io import load_audio
from dasp.data.synthetic import synthesise_song
from dasp.grad import external
from dasp.processors import CATALOGUE, Param, chain

PAIRS = Path(__file__).resolve().parents[2] / "shared" / "data" / "compressor_pairs"
COMPRESSOR = chain(CATALOGUE["compressor"], CATALOGUE["parametric_eq"])
CLIPPER = chain(CATALOGUE["high_pass"], CATALOGUE["distortion"], CATALOGUE["low_pass"])


def diode_clipper(x: np.ndarray, sample_rate: float, *, drive_db: float) -> np.ndarray:
    """A made pedal: high-pass, unequal diodes in two directions, treble loss."""
    high = lfilter([0.995, -0.995], [1.0, -0.99], 10 ** (drive_db / 20) * x)
    clipped = np.where(high > 0, np.arctan(high), 0.6 * np.arctan(high / 0.6))
    return lfilter([0.45], [1.0, -0.55], clipped)


def black_boxes(seconds: float) -> dict[str, tuple]:
    """By name: dry, processed, sample rate, and the chain that is to be like the box."""
    song = synthesise_song(3, seconds=2 * seconds + 1)
    x = 0.5 * song["guitar"] / song["guitar"].abs().max()
    pedal = external(diode_clipper, [Param("drive_db", 0.0, 40.0, default=20.0)])
    boxes = {"clipper": (x, pedal(x, 44_100, drive_db=24.0), 44_100, CLIPPER)}
    if PAIRS.is_dir():
        for name in ("CL1B_4_ED", "LA2A-ED1"):
            (dry, rate), (wet, _) = (
                load_audio(PAIRS / f"{name}_{end}.mp3") for end in ("inp", "tar")
            )
            boxes[name] = dry, wet, rate, COMPRESSOR
    return boxes


def ratio_db(error: torch.Tensor, signal: torch.Tensor) -> float:
    """Energy over energy, in dB."""
    return 10 * math.log10((error.square().sum() / signal.square().sum()).item())


def main(arguments: list[str] | None = None) -> dict[str, tuple[float, float]]:
    quick = "--quick" in (sys.argv[1:] if arguments is None else arguments)
    torch.set_num_threads(1)
    boxes, results = black_boxes(0.5 if quick else 2.0), {}
    for name in ["clipper"] if quick else boxes:
        dry, wet, rate, strip = boxes[name]
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
