"""Give one recording the long-term spectrum of another, with a parametric EQ of six bands.

Mean error of the octaves, the recordings of ../shared/data/solo at equal loudness:

    a voice like a guitar       8.7 dB before, 3.0 dB after
    a drum roll like a tabla    7.6 dB before, 0.0 dB after
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

from dasp.analysis import measure_octave_spectrum
from dasp.audio_io import load_audio
from dasp.data.synthetic import synthesise_song
from dasp.processors import CATALOGUE, chain

RATE, STEPS = 44_100, 150
PAIRS = (("vocadito_1_20s", "guit_em9"), ("drum_roll", "loop_tabla"))
SOLO = Path(__file__).resolve().parents[2] / "shared" / "data" / "solo"
STRIP = chain(CATALOGUE["gain"], CATALOGUE["parametric_eq"])


def recordings() -> list[tuple[Tensor, Tensor]]:
    """Pairs of what is to sound like what, three seconds of mono each."""
    if SOLO.is_dir():
        found = [[load_audio(SOLO / f"{name}.flac")[0] for name in pair] for pair in PAIRS]
    else:
        song = synthesise_song(0, seconds=4.0, sample_rate=RATE)
        found = [(song["guitar"], song["keys"]), (song["vocal"], song["bass"])]
    return [tuple(x.mean(0, keepdim=True)[:, : 3 * RATE] for x in pair) for pair in found]


def match(x: Tensor, reference: Tensor, steps: int) -> tuple[float, float]:
    """Mean error of the octaves in dB before, at equal loudness, and after."""
    wanted = measure_octave_spectrum(reference, RATE)
    # What is 50 dB below the loudest octave, in either recording, is noise that no EQ should raise.
    own = measure_octave_spectrum(x, RATE)
    heard = (wanted > wanted.max() - 50) & (own > own.max() - 50)

    def error(y: Tensor) -> Tensor:
        return (measure_octave_spectrum(y, RATE) - wanted)[heard]

    level_db = -error(x).mean()
    before = (error(x) + level_db).abs().mean()
    settings = {**STRIP.defaults(), "gain.gain_db": level_db.item()}
    u = torch.logit(STRIP.to_controls(settings), eps=0.02).requires_grad_()
    optimiser = torch.optim.Adam([u], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        y = STRIP(x, RATE, **STRIP.to_physical(u.sigmoid()))
        optimiser.zero_grad()
        error(y).abs().mean().backward()
        optimiser.step()
        schedule.step()
    found = STRIP.to_physical(u.detach().sigmoid())
    after = error(STRIP(x, RATE, **found)).abs().mean()
    for what in ("gain_db", "freq_hz"):
        print("peaks", what, found[f"parametric_eq.peak_{what}"].round().tolist())
    return before.item(), after.item()


def main(arguments: list[str] | None = None) -> list[tuple[float, float]]:
    quick = "--quick" in (sys.argv[1:] if arguments is None else arguments)
    errors = []
    for x, reference in recordings()[-1:] if quick else recordings():
        errors.append(match(x, reference, 40 if quick else STEPS))
        print("mean error of the octaves: {:.1f} dB before, {:.1f} dB after".format(*errors[-1]))
    return errors


if __name__ == "__main__":
    main()
